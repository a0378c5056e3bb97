"""Sleeves: flat, hanging, or folded across the body."""

from collections.abc import Callable, Sequence

import skia

from wardrobe.drawing.geometry import Point, lerp, offset, resample
from wardrobe.drawing.pen import SRC_ATOP
from wardrobe.fabric.colours import argb
from wardrobe.fronts.quilting import is_quilted, quilt_sleeve
from wardrobe.silhouette.context import DrawingContext
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
