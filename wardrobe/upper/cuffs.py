"""How sleeves end: knitted bands, buttoned cuffs, turned rolls, gathers and hems."""

from wardrobe.drawing.geometry import Point, between, lerp
from wardrobe.fabric.materials import Cloth
from wardrobe.silhouette.context import Kit, button_colour
from wardrobe.silhouette.sleeve_shapes import Sleeve


def draw_cuff(kit: Kit, sleeve: Sleeve, shape: str) -> None:
    """The end that such a garment's sleeve has."""
    kind = _kind(kit, shape)
    draw = {"rib": _rib, "cuff": _buttoned, "roll": _roll, "tailored": _tailored, "frill": _gathered}.get(kind, _hem)
    draw(kit, sleeve)


def _kind(kit: Kit, shape: str) -> str:
    """The same for both arms."""
    garment, value, seed = kit.garment, kit.plan.values["sleeve_length"], kit.cloth.seed // 11
    rolled = {"shirt": 8, "blouse": 5, "jacket": 4, "sweater": 3, "blazer": 3}.get(garment, 0)
    if value in (4, 5) and shape == "straight" and seed % 10 < rolled:
        return "roll"
    bomber = garment == "jacket" and kit.plan.neck == ("collar_design", 4)
    if garment in ("sweater", "cardigan", "hoodie") or (bomber and value >= 6):
        return "rib"
    if shape == "puff":
        return "frill"
    if shape == "balloon" and value >= 5:
        return "cuff"
    if value >= 6 and (garment == "shirt" or (garment == "jacket" and kit.cloth.kind == "denim")):
        return "cuff"
    if garment == "blouse" and value >= 6 and shape == "straight" and seed % 2:
        return "cuff"
    return "tailored" if garment in ("blazer", "coat") and value >= 6 else "hem"


def _across(sleeve: Sleeve, back: float, out: float = 0.0) -> list[Point]:
    """A line across the sleeve, `back` cm above its end, longer than the sleeve is wide by `out` of it at each side."""
    a, b = sleeve.across(back)
    return between(lerp(a, b, -out), lerp(b, a, -out), -0.035 * sleeve.arm.side)


def _rib(kit: Kit, sleeve: Sleeve) -> None:
    value = kit.plan.values["sleeve_length"]
    depth = 10.0 if value == 8 else 6.0 if value > 5 else 2.2
    cloth = kit.trim if kit.trim.kind != "plain" else kit.trim.plain(0.03)
    kit.pen.band(_across(sleeve, depth, 0.02), _across(sleeve, -0.15, 0.02), cloth, ribs=0.8, shadow=0.2)
    kit.pen.crease(_across(sleeve, depth), kit.cloth, 0.8, 0.3)


def _buttoned(kit: Kit, sleeve: Sleeve) -> None:
    long = kit.plan.values["sleeve_length"] >= 6
    depth = 8.5 if kit.plan.values["sleeve_length"] == 8 else 6.0 if long else 2.4
    cloth: Cloth = kit.trim if long else kit.cloth
    kit.pen.band(_across(sleeve, depth, 0.02), _across(sleeve, 0.0, 0.02), cloth, shadow=0.35, edge=0.4)
    kit.pen.stitches(_across(sleeve, depth - 0.7), kit.cloth)
    if long:
        run = _across(sleeve, depth / 2)
        kit.pen.button(lerp(run[0], run[-1], 0.7), button_colour(kit), 0.55)
    _pleats(kit, sleeve, depth, 3)


def _pleats(kit: Kit, sleeve: Sleeve, depth: float, count: int) -> None:
    """Short folds above a cuff that holds the sleeve's width."""
    low, high = _across(sleeve, depth + 0.2), _across(sleeve, depth + 6.5)
    for i in range(count):
        t = (i + 1) / (count + 1)
        foot, head = lerp(low[0], low[-1], t), lerp(high[0], high[-1], t)
        kit.pen.line([foot, lerp(foot, head, 0.5 + 0.4 * (i % 2))], kit.cloth.shade, 0.32, 0.32)


def _roll(kit: Kit, sleeve: Sleeve) -> None:
    """The sleeve turned up twice: its inside shows, thick and a little askew."""
    pen = kit.pen
    depth = 4.2 + kit.cloth.seed % 3
    inside = kit.cloth.plain(0.10) if kit.cloth.kind in ("denim", "plain") else kit.cloth
    upper = _across(sleeve, depth, 0.05)
    upper[0] = _across(sleeve, depth + 0.8, 0.06)[0]
    pen.band(upper, _across(sleeve, -0.3, 0.06), inside, shadow=0.9, edge=0.6)
    for back, alpha in ((0.62 * depth, 0.45), (0.34 * depth, 0.25)):
        run = _across(sleeve, back, 0.05)
        pen.line([run[0], lerp(run[1], sleeve.across(back + 0.8)[1], 0.12), run[-1]], kit.cloth.shade, 0.4, alpha)


def _tailored(kit: Kit, sleeve: Sleeve) -> None:
    if kit.plan.values["sleeve_length"] == 8:
        _hem(kit, sleeve)
        return
    for k in range(3):
        run = _across(sleeve, 2.5 + 1.9 * k)
        kit.pen.button(lerp(run[0], run[-1], 0.16), button_colour(kit), 0.55)
    kit.pen.line(_across(sleeve, 0.6), kit.cloth.seam, 0.2, 0.35)


def _gathered(kit: Kit, sleeve: Sleeve) -> None:
    """A narrow band that gathers the sleeve."""
    kit.pen.band(_across(sleeve, 1.8, 0.01), _across(sleeve, -0.15, 0.02), kit.trim, shadow=0.3, edge=0.3)
    _pleats(kit, sleeve, 1.8, 6)


def _hem(kit: Kit, sleeve: Sleeve) -> None:
    if kit.plan.values["sleeve_length"] == 2:
        kit.pen.stitches(_across(sleeve, 1.0), kit.cloth)
        return
    kit.pen.stitches(_across(sleeve, 2.0), kit.cloth)
    kit.pen.line(_across(sleeve, 2.3), kit.cloth.shade, 0.3, 0.15)
