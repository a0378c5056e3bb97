"""Seams of a front: princess seams, darts, yokes, and the stripe of a colour-block T-shirt."""

import skia

from wardrobe.drawing.geometry import Point, mirrored
from wardrobe.drawing.trims import draw_soft_line
from wardrobe.silhouette.context import DrawingContext


def draw_colour_block(ctx: DrawingContext, front: skia.Path) -> None:
    """Draw a broad stripe of the second colour across the chest."""
    body, pen = ctx.body, ctx.pen
    top, depth = body.armpit_y - ctx.rng.uniform(-2, 4), ctx.rng.uniform(7, 14)
    upper = [(-40.0, top), (0.0, top + 0.8), (40.0, top)]
    path = pen.path(upper, [(x, y + depth) for x, y in upper][::-1])
    with pen.clip(front):
        pen.canvas.drawPath(path, skia.Paint(Color=skia.Color(*ctx.cloth.accent, 235), AntiAlias=True))


def draw_seams(ctx: DrawingContext) -> None:
    """Draw princess seams, darts or a yoke, as suits the garment."""
    garment, rng, body = ctx.garment, ctx.rng, ctx.body
    kinds = {
        "blazer": ("princess", "darts", "darts"),
        "coat": ("princess", "none", "none"),
        "dress": ("princess", "bust", "none", "none"),
        "blouse": ("bust", "yoke", "none"),
        "shirt": ("yoke", "none"),
        "vest": ("darts", "none"),
        "top": ("bust", "none", "none"),
        "jacket": ("princess", "yoke", "none"),
    }.get(garment, ("none",))
    kind = str(rng.choice(kinds))
    if ctx.cloth.pattern == "denim" and garment == "jacket":
        return
    chest = body.armpit_y
    for side in (1, -1):
        if kind == "princess":
            start = (body.shoulder * 0.96, body.shoulder_y + 0.55 * (chest - body.shoulder_y))
            low = body.length + 0.5 if garment != "dress" else body.waist_y
            waist_at = min(body.waist_y, low - 2)
            curve: list[Point] = [start, (body.chest * 0.56, chest + 4), (body.width(waist_at) * 0.52, waist_at)]
            if low > waist_at + 6:
                curve.append((body.width(low) * 0.58, low))
            _draw_seam(ctx, curve if side == 1 else mirrored(curve))
        elif kind == "darts" and body.length > body.waist_y + 6:
            x = body.width(body.waist_y) * 0.52
            _draw_seam(ctx, [(x * side, chest + 5), (x * side * 0.97, body.waist_y), (x * side, body.waist_y + 9)])
        elif kind == "bust":
            _draw_seam(ctx, [(body.chest * 0.98 * side, chest + 4.5), (body.chest * 0.55 * side, chest + 1.5)])
        elif kind == "yoke" and body.sleeve_share:
            y = body.shoulder_y + 5.5
            curve = [(body.neck * 0.6, y + 1.5), (body.shoulder * 0.6, y + 0.8), (body.shoulder, y)]
            _draw_seam(ctx, curve if side == 1 else mirrored(curve))


def _draw_seam(ctx: DrawingContext, curve: list[Point]) -> None:
    """Draw a seam that pulls the cloth in slightly."""
    draw_soft_line(ctx.pen, curve, ctx.cloth.shade, 1.2, 0.16)
    ctx.pen.line(curve, ctx.cloth.seam, 0.2, 0.55)
    ctx.pen.line([(x + 0.3, y) for x, y in curve], ctx.cloth.highlight[0], 0.2, 0.25)
