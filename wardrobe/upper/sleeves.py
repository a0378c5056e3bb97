"""Sleeves: flat, hanging, folded across the body, or tucked behind it."""

from collections.abc import Callable, Sequence

import skia

from wardrobe.drawing.geometry import Curve, Point, lerp, mirrored, offset, resample
from wardrobe.drawing.pen import SRC_ATOP
from wardrobe.fabric.colours import argb
from wardrobe.fronts.quilting import is_quilted, quilt_sleeve
from wardrobe.silhouette.arm_poses import Arm
from wardrobe.silhouette.context import DrawingContext
from wardrobe.silhouette.garment_body import Body
from wardrobe.silhouette.sleeve_shapes import Sleeve, make_sleeve
from wardrobe.upper.cuffs import draw_cuff
from wardrobe.upper.folds import sleeve_folds

_SHADOW_REACH = (
    0.0,
    0.3,
    0.65,
    0.9,
    1.0,
    1.0,
    0.9,
    0.6,
    0.0,
)  # from the armpit to the cuff


def draw_sleeves(ctx: DrawingContext, sides: Sequence[int] = (1, -1)) -> list[Callable[[], None]]:
    """Draw the sleeves of these sides; returns steps to draw last, the forearms folded across the body."""
    deferred: list[Callable[[], None]] = []
    shape = _choose_shape(ctx)
    for arm in ctx.body.arms:
        if arm.side not in sides:
            continue
        if ctx.body.tucked:
            _draw_tucked_head(ctx, arm)
            continue
        sleeve = make_sleeve(ctx.body, arm, shape)
        _draw_sleeve(ctx, sleeve, shape)
        if sleeve.folded_edges:
            deferred.append(lambda sleeve=sleeve: _draw_forearm(ctx, sleeve, shape))  # type: ignore[misc]
        else:
            draw_cuff(ctx, sleeve, shape)
    return deferred


def _choose_shape(ctx: DrawingContext) -> str:
    """Choose the shape of the sleeves, the same for both arms."""
    value, seed = ctx.plan.values["sleeve_length"], ctx.cloth.seed
    shapes = ["straight"]
    if ctx.garment in ("blouse", "dress"):
        shapes = {
            3: ["straight", "puff", "wide", "straight"],
            4: ["straight", "bell", "straight"],  # puff sleeves would look shorter
            5: ["straight", "bell", "straight"],
            7: ["straight", "balloon", "straight", "bell"],
        }.get(value, shapes)
    elif ctx.garment in ("T-shirt", "shirt") and value in (3, 4):
        shapes = ["straight", "wide", "straight"]
    elif ctx.garment == "sweater" and value >= 6:
        shapes = ["straight", "straight", "balloon"]
    if ctx.body.sleeve_seam != "set-in":
        shapes = [shape for shape in shapes if shape != "puff"]
    return shapes[seed % len(shapes)]


def _draw_sleeve(ctx: DrawingContext, sleeve: Sleeve, shape: str) -> None:
    """Draw the sleeve to its end or fold, without an edge along the seam, where the cloth is flat."""
    pen, cloth, side = ctx.pen, ctx.cloth, sleeve.arm.side
    path = pen.path(*sleeve.outline())
    if len(sleeve.inner) > 2:
        _draw_shadow_on_body(ctx, sleeve)
    with pen.clip(path):
        pen.piece(pen.path(*sleeve.extended_outline()), cloth, angle=(sleeve.arm.angle - 90) * side, edge=0.9)
    folds = sleeve_folds(ctx, sleeve)
    if shape == "puff":
        folds += [(curve, 0.9, 0.7) for curve in _puff_folds(sleeve)]
    pen.folds(path, cloth, folds)
    if is_quilted(ctx):
        quilt_sleeve(ctx, path, sleeve.outer, sleeve.inner)
    if len(sleeve.inner) > 2:
        pen.line(sleeve.visible_inner, cloth.seam, 0.2, 0.55)
    if ctx.body.sleeve_seam != "dolman":
        _draw_seam(ctx, sleeve.seam)


def _draw_shadow_on_body(ctx: DrawingContext, sleeve: Sleeve) -> None:
    """Draw the sleeve's shadow on the body, starting as a point at the armpit."""
    pen, cloth = ctx.pen, ctx.cloth
    edge = resample(sleeve.visible_inner, 9)
    paint = skia.Paint(Color=argb(cloth.shade, 0.15 * cloth.shadow_strength), AntiAlias=True, BlendMode=SRC_ATOP)
    for width in (0.7, 1.4, 2.1):
        rims = [offset(edge, width * sleeve.arm.side * part)[i] for i, part in enumerate(_SHADOW_REACH)]
        pen.canvas.drawPath(pen.path(edge, rims[::-1]), paint)


def _draw_seam(ctx: DrawingContext, curve: list[Point]) -> None:
    """Draw a flat seam: faint shade and a fine line."""
    ctx.pen.line(curve, ctx.cloth.shade, 0.9, 0.10)
    ctx.pen.line(curve, ctx.cloth.seam, 0.16, 0.42)


def _puff_folds(sleeve: Sleeve) -> list[list[Point]]:
    """Return short folds down from a puffed sleeve head."""
    heads = resample(sleeve.seam, 9)[:6]
    feet = resample([*sleeve.outer[1:4], lerp(sleeve.outer[-1], sleeve.inner[-1], 0.5)], 6)
    return [[head, lerp(head, foot, 0.4), lerp(head, foot, 0.7)] for head, foot in zip(heads, feet, strict=True)]


def _draw_forearm(ctx: DrawingContext, sleeve: Sleeve, shape: str) -> None:
    """Draw the part of a folded sleeve that lies across the body."""
    lean = (sleeve.arm.angle + sleeve.arm.bend - 90) * sleeve.arm.side
    path = ctx.pen.path(*sleeve.forearm_outline())
    ctx.pen.piece(path, ctx.cloth, angle=lean, shadow=1.3, edge=0.8)
    if is_quilted(ctx) and sleeve.folded_edges:
        quilt_sleeve(ctx, path, *sleeve.folded_edges)
    draw_cuff(ctx, sleeve, shape)


def draw_tucked_sleeves(ctx: DrawingContext) -> None:
    """Draw the parts of tucked sleeves that show beside the body; call it before the body is drawn."""
    body = ctx.body
    for arm in body.arms:
        fold = _tuck_line(body, arm)
        behind = [*fold[-4:], (body.width(fold[-1][1]) - 5.0, fold[-1][1]), (body.chest - 6.0, body.armpit_y - 4.0)]
        on_side = mirrored(behind) if arm.side < 0 else behind
        ctx.pen.piece(ctx.pen.path(on_side[:4], on_side[3:]), ctx.cloth, angle=-6.0 * arm.side, edge=0.6)


def _tuck_line(body: Body, arm: Arm) -> list[Point]:
    """Return the line where a sleeve is folded back: nearly straight, from the shoulder's end down the side."""
    x, y = body.shoulder, body.shoulder_y
    out = 0.8 + 0.02 * arm.angle
    low = body.armpit_y + 0.3 * arm.angle
    middle = (0.45 * x + 0.55 * body.chest + 1.6 + 0.4 * out, 0.5 * (y + body.armpit_y))
    foot = (body.width(low) - 0.4, low)
    return [(x, y), (x + 2.0, y + 0.9), (x + 3.4, y + 2.6), middle, (body.chest + out, body.armpit_y), foot]


def _draw_tucked_head(ctx: DrawingContext, arm: Arm) -> None:
    """Draw the head of a tucked sleeve over the body, to its fold."""
    pen, body, cloth = ctx.pen, ctx.body, ctx.cloth
    fold = _tuck_line(body, arm)
    x, y = fold[0]
    armpit, low = (body.chest - 0.2, body.armpit_y + 1.0), fold[-1]
    seam = [fold[0], (x - 0.2, y + 0.45 * (body.armpit_y - y)), armpit]
    shape = [fold[:-1], [fold[-2], armpit], seam[::-1]]
    generous = [
        [(x - 5.0, y - 2.0), *fold],
        [low, (body.chest - 6.0, low[1])],
        [(body.chest - 6.0, low[1]), (x - 5.0, y - 2.0)],
    ]

    def on_side(curve: Curve) -> list[Point]:
        return mirrored(curve) if arm.side < 0 else list(curve)

    path = pen.path(*(on_side(curve) for curve in shape))
    with pen.clip(path):
        pen.piece(pen.path(*(on_side(curve) for curve in generous)), cloth, angle=-10.0 * arm.side, edge=0.9)
    crease = [fold[2], (0.5 * (x + body.chest) + 0.6, 0.5 * (y + body.armpit_y)), armpit]
    pen.folds(path, cloth, [(on_side(crease), 0.9, 0.6)])
    _draw_seam(ctx, on_side(seam))
