"""Drawing sleeves onto a trunk."""

from collections.abc import Callable, Sequence

import skia

from wardrobe.drawing.geometry import Point, Run, flipped, lerp, offset, resampled
from wardrobe.drawing.pen import SRC_ATOP
from wardrobe.fabric.colours import argb
from wardrobe.fronts.quilting import quilt_sleeve, quilted
from wardrobe.silhouette.arm_poses import Arm
from wardrobe.silhouette.context import Kit
from wardrobe.silhouette.garment_body import Body
from wardrobe.silhouette.sleeve_shapes import Sleeve, make_sleeve
from wardrobe.upper.cuffs import draw_cuff
from wardrobe.upper.folds import sleeve_folds

_RISING = (0.0, 0.3, 0.65, 0.9, 1.0, 1.0, 0.9, 0.6, 0.0)  # how far a sleeve's shadow reaches, along the sleeve


def draw_sleeves(kit: Kit, sides: Sequence[int] = (1, -1)) -> list[Callable[[], None]]:
    """Draws the sleeves of these sides; gives what is to be drawn when all else is: forearms laid over the trunk."""
    late: list[Callable[[], None]] = []
    shape = _shape(kit)
    for arm in kit.body.arms:
        if arm.side not in sides:
            continue
        if kit.body.tucked:
            _tucked(kit, arm)
            continue
        sleeve = make_sleeve(kit.body, arm, shape)
        _draw(kit, sleeve, shape)
        if sleeve.lower:
            late.append(lambda sleeve=sleeve: _forearm(kit, sleeve, shape))  # type: ignore[misc]
        else:
            draw_cuff(kit, sleeve, shape)
    return late


def _shape(kit: Kit) -> str:
    """How wide the sleeves are; the same for both arms."""
    value, seed = kit.plan.values["sleeve_length"], kit.cloth.seed
    shapes = ["straight"]
    if kit.garment in ("blouse", "dress"):
        shapes = {
            3: ["straight", "puff", "wide", "straight"],
            4: ["straight", "bell", "straight"],  # puffed, they look short
            5: ["straight", "bell", "straight"],
            7: ["straight", "balloon", "straight", "bell"],
        }.get(value, shapes)
    elif kit.garment in ("T-shirt", "shirt") and value in (3, 4):
        shapes = ["straight", "wide", "straight"]
    elif kit.garment == "sweater" and value >= 6:
        shapes = ["straight", "straight", "balloon"]
    if kit.body.seam != "set-in":
        shapes = [shape for shape in shapes if shape != "puff"]
    return shapes[seed % len(shapes)]


def _draw(kit: Kit, sleeve: Sleeve, shape: str) -> None:
    """The sleeve down to its end or its fold. Its edges show, but not along the seam: there the cloth lies flat."""
    pen, cloth, side = kit.pen, kit.cloth, sleeve.arm.side
    path = pen.path(*sleeve.outline())
    if len(sleeve.inner) > 2:
        _shade_trunk(kit, sleeve)
    with pen.clip(path):
        pen.piece(pen.path(*sleeve.generous()), cloth, angle=(sleeve.arm.angle - 90) * side, edge=0.9)
    folds = sleeve_folds(kit, sleeve)
    if shape == "puff":
        folds += [(run, 0.9, 0.7) for run in _gathers(sleeve)]
    pen.folds(path, cloth, folds)
    if quilted(kit):
        quilt_sleeve(kit, path, sleeve.outer, sleeve.inner)
    if len(sleeve.inner) > 2:
        pen.line(sleeve.visible_inner, cloth.seam, 0.2, 0.55)
    if kit.body.seam != "dolman":
        _seam(kit, sleeve.seam)


def _shade_trunk(kit: Kit, sleeve: Sleeve) -> None:
    """The shadow of a sleeve where it lies on the trunk; it begins as a point at the armpit."""
    pen, cloth = kit.pen, kit.cloth
    edge = resampled(sleeve.visible_inner, 9)
    paint = skia.Paint(Color=argb(cloth.shade, 0.15 * cloth.dark), AntiAlias=True, BlendMode=SRC_ATOP)
    for wide in (0.7, 1.4, 2.1):
        rims = [offset(edge, wide * sleeve.arm.side * part)[i] for i, part in enumerate(_RISING)]
        pen.canvas.drawPath(pen.path(edge, rims[::-1]), paint)


def _seam(kit: Kit, run: list[Point]) -> None:
    """A flat seam: a hint of shade and a fine line."""
    kit.pen.line(run, kit.cloth.shade, 0.9, 0.10)
    kit.pen.line(run, kit.cloth.seam, 0.16, 0.42)


def _gathers(sleeve: Sleeve) -> list[list[Point]]:
    """Short folds from a puffed head down."""
    heads = resampled(sleeve.seam, 9)[:6]
    feet = resampled([*sleeve.outer[1:4], lerp(sleeve.outer[-1], sleeve.inner[-1], 0.5)], 6)
    return [[head, lerp(head, foot, 0.4), lerp(head, foot, 0.7)] for head, foot in zip(heads, feet, strict=True)]


def _forearm(kit: Kit, sleeve: Sleeve, shape: str) -> None:
    """The part of a folded sleeve that lies across the trunk."""
    lean = (sleeve.arm.angle + sleeve.arm.bend - 90) * sleeve.arm.side
    path = kit.pen.path(*sleeve.forearm())
    kit.pen.piece(path, kit.cloth, angle=lean, shadow=1.3, edge=0.8)
    if quilted(kit) and sleeve.lower:
        quilt_sleeve(kit, path, *sleeve.lower)
    draw_cuff(kit, sleeve, shape)


def draw_tucked(kit: Kit) -> None:
    """The parts of both sleeves that are folded behind the trunk, as they show beside it; drawn before the trunk."""
    body = kit.body
    for arm in body.arms:
        fold = _tuck(body, arm)
        behind = [*fold[-4:], (body.width(fold[-1][1]) - 5.0, fold[-1][1]), (body.chest - 6.0, body.armhole - 4.0)]
        own = flipped(behind) if arm.side < 0 else behind
        kit.pen.piece(kit.pen.path(own[:4], own[3:]), kit.cloth, angle=-6.0 * arm.side, edge=0.6)


def _tuck(body: Body, arm: Arm) -> list[Point]:
    """The line at which a sleeve is folded back: nearly straight, from the shoulder's end down the side."""
    x, y = body.shoulder, body.slope
    out = 0.8 + 0.02 * arm.angle
    low = body.armhole + 0.3 * arm.angle
    middle = (0.45 * x + 0.55 * body.chest + 1.6 + 0.4 * out, 0.5 * (y + body.armhole))
    foot = (body.width(low) - 0.4, low)
    return [(x, y), (x + 2.0, y + 0.9), (x + 3.4, y + 2.6), middle, (body.chest + out, body.armhole), foot]


def _tucked(kit: Kit, arm: Arm) -> None:
    """The head of such a sleeve, over the trunk, up to its fold."""
    pen, body, cloth = kit.pen, kit.body, kit.cloth
    fold = _tuck(body, arm)
    x, y = fold[0]
    armpit, low = (body.chest - 0.2, body.armhole + 1.0), fold[-1]
    seam = [fold[0], (x - 0.2, y + 0.45 * (body.armhole - y)), armpit]
    shape = [fold[:-1], [fold[-2], armpit], seam[::-1]]
    generous = [
        [(x - 5.0, y - 2.0), *fold],
        [low, (body.chest - 6.0, low[1])],
        [(body.chest - 6.0, low[1]), (x - 5.0, y - 2.0)],
    ]

    def own(run: Run) -> list[Point]:
        return flipped(run) if arm.side < 0 else list(run)

    path = pen.path(*(own(run) for run in shape))
    with pen.clip(path):
        pen.piece(pen.path(*(own(run) for run in generous)), cloth, angle=-10.0 * arm.side, edge=0.9)
    crease = [fold[2], (0.5 * (x + body.chest) + 0.6, 0.5 * (y + body.armhole)), armpit]
    pen.folds(path, cloth, [(own(crease), 0.9, 0.6)])
    _seam(kit, own(seam))
