"""Cuffs: rib, buttoned, rolled, tailored and gathered cuffs, and plain hems."""

from wardrobe.drawing.geometry import Point, arc_between, lerp
from wardrobe.fabric.materials import Cloth
from wardrobe.silhouette.context import DrawingContext, button_colour
from wardrobe.silhouette.sleeve_shapes import Sleeve


def draw_cuff(ctx: DrawingContext, sleeve: Sleeve, shape: str) -> None:
    """Draw the sleeve end that suits the garment."""
    kind = _choose_cuff(ctx, shape)
    draw = {
        "rib": _draw_rib_cuff,
        "cuff": _draw_buttoned_cuff,
        "roll": _draw_rolled_cuff,
        "tailored": _draw_tailored_cuff,
        "frill": _draw_gathered_cuff,
    }.get(kind, _draw_hem)
    draw(ctx, sleeve)


def _choose_cuff(ctx: DrawingContext, shape: str) -> str:
    """Choose the kind of cuff, the same for both arms."""
    garment, value, seed = ctx.garment, ctx.plan.values["sleeve_length"], ctx.cloth.seed // 11
    rolled = {"shirt": 8, "blouse": 5, "jacket": 4, "sweater": 3, "blazer": 3}.get(garment, 0)
    if value in (4, 5) and shape == "straight" and seed % 10 < rolled:
        return "roll"
    bomber = garment == "jacket" and ctx.plan.neck == ("collar_design", 4)
    if garment in ("sweater", "cardigan", "hoodie") or (bomber and value >= 6):
        return "rib"
    if shape == "puff":
        return "frill"
    if shape == "balloon" and value >= 5:
        return "cuff"
    if value >= 6 and (garment == "shirt" or (garment == "jacket" and ctx.cloth.pattern == "denim")):
        return "cuff"
    if garment == "blouse" and value >= 6 and shape == "straight" and seed % 2:
        return "cuff"
    return "tailored" if garment in ("blazer", "coat") and value >= 6 else "hem"


def _line_across(sleeve: Sleeve, back: float, out: float = 0.0) -> list[Point]:
    """Return a line across the sleeve, `back` cm above its end, longer at each side by the share `out` of its width."""
    a, b = sleeve.edges_at(back)
    return arc_between(lerp(a, b, -out), lerp(b, a, -out), -0.035 * sleeve.arm.side)


def _draw_rib_cuff(ctx: DrawingContext, sleeve: Sleeve) -> None:
    value = ctx.plan.values["sleeve_length"]
    depth = 10.0 if value == 8 else 6.0 if value > 5 else 2.2
    cloth = ctx.trim if ctx.trim.pattern != "plain" else ctx.trim.plain(0.03)
    ctx.pen.band(_line_across(sleeve, depth, 0.02), _line_across(sleeve, -0.15, 0.02), cloth, ribs=0.8, shadow=0.2)
    ctx.pen.crease(_line_across(sleeve, depth), ctx.cloth, 0.8, 0.3)


def _draw_buttoned_cuff(ctx: DrawingContext, sleeve: Sleeve) -> None:
    is_long = ctx.plan.values["sleeve_length"] >= 6
    depth = 8.5 if ctx.plan.values["sleeve_length"] == 8 else 6.0 if is_long else 2.4
    cloth: Cloth = ctx.trim if is_long else ctx.cloth
    ctx.pen.band(_line_across(sleeve, depth, 0.02), _line_across(sleeve, 0.0, 0.02), cloth, shadow=0.35, edge=0.4)
    ctx.pen.stitches(_line_across(sleeve, depth - 0.7), ctx.cloth)
    if is_long:
        curve = _line_across(sleeve, depth / 2)
        ctx.pen.button(lerp(curve[0], curve[-1], 0.7), button_colour(ctx), 0.55)
    _draw_pleats(ctx, sleeve, depth, 3)


def _draw_pleats(ctx: DrawingContext, sleeve: Sleeve, depth: float, count: int) -> None:
    """Draw short folds above a cuff that holds the sleeve's width."""
    low, height = _line_across(sleeve, depth + 0.2), _line_across(sleeve, depth + 6.5)
    for i in range(count):
        t = (i + 1) / (count + 1)
        foot, head = lerp(low[0], low[-1], t), lerp(height[0], height[-1], t)
        ctx.pen.line([foot, lerp(foot, head, 0.5 + 0.4 * (i % 2))], ctx.cloth.shade, 0.32, 0.32)


def _draw_rolled_cuff(ctx: DrawingContext, sleeve: Sleeve) -> None:
    """Draw a sleeve rolled up twice: its inside shows, thick and slightly askew."""
    pen = ctx.pen
    depth = 4.2 + ctx.cloth.seed % 3
    inside = ctx.cloth.plain(0.10) if ctx.cloth.pattern in ("denim", "plain") else ctx.cloth
    upper = _line_across(sleeve, depth, 0.05)
    upper[0] = _line_across(sleeve, depth + 0.8, 0.06)[0]
    pen.band(upper, _line_across(sleeve, -0.3, 0.06), inside, shadow=0.9, edge=0.6)
    for back, alpha in ((0.62 * depth, 0.45), (0.34 * depth, 0.25)):
        curve = _line_across(sleeve, back, 0.05)
        pen.line(
            [curve[0], lerp(curve[1], sleeve.edges_at(back + 0.8)[1], 0.12), curve[-1]], ctx.cloth.shade, 0.4, alpha
        )


def _draw_tailored_cuff(ctx: DrawingContext, sleeve: Sleeve) -> None:
    if ctx.plan.values["sleeve_length"] == 8:
        _draw_hem(ctx, sleeve)
        return
    for k in range(3):
        curve = _line_across(sleeve, 2.5 + 1.9 * k)
        ctx.pen.button(lerp(curve[0], curve[-1], 0.16), button_colour(ctx), 0.55)
    ctx.pen.line(_line_across(sleeve, 0.6), ctx.cloth.seam, 0.2, 0.35)


def _draw_gathered_cuff(ctx: DrawingContext, sleeve: Sleeve) -> None:
    """Draw a narrow band that gathers the sleeve."""
    ctx.pen.band(_line_across(sleeve, 1.8, 0.01), _line_across(sleeve, -0.15, 0.02), ctx.trim, shadow=0.3, edge=0.3)
    _draw_pleats(ctx, sleeve, 1.8, 6)


def _draw_hem(ctx: DrawingContext, sleeve: Sleeve) -> None:
    if ctx.plan.values["sleeve_length"] == 2:
        ctx.pen.stitches(_line_across(sleeve, 1.0), ctx.cloth)
        return
    ctx.pen.stitches(_line_across(sleeve, 2.0), ctx.cloth)
    ctx.pen.line(_line_across(sleeve, 2.3), ctx.cloth.shade, 0.3, 0.15)
