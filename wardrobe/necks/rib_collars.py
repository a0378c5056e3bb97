"""Rib collars of bombers, varsity jackets and cardigans (collar_design)."""

from wardrobe.drawing.geometry import Curve, Point, blend_curves, mirrored, offset
from wardrobe.drawing.trims import draw_ribs, draw_soft_line
from wardrobe.fronts.fastenings import draw_open_zip_side
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import round_neck_edge
from wardrobe.silhouette.context import DrawingContext, Neck


def rib_collar(ctx: DrawingContext) -> Neck:
    """Build a ribbed band along the neck of a front that opens."""
    rng, w = ctx.rng, ctx.body.neck
    low, height = float(rng.uniform(7.5, 9.5)), float(rng.uniform(4.0, 5.2))
    if ctx.garment == "cardigan":
        height *= 0.8  # or it would look like a stand-up collar
    hangs_open = rng.random() < 0.8  # mostly open: closed, it looks like a stand-up collar
    gap = float(rng.uniform(2.5, 6.0)) if hangs_open else 0.5
    if not hangs_open and rng.random() < 0.5:
        gap = 2.2  # the zip is slightly open
    if not hangs_open and ctx.garment == "cardigan":
        gap = float(rng.uniform(3.0, 4.5))  # buttoned up, it would look like a stand-up collar
    length = ctx.body.length
    edge = [p for p in round_neck_edge(w + 0.6, low) if p[0] > gap * 0.5]
    throat = (gap * 0.45, low)
    if hangs_open:
        below = [throat, (gap * 0.8, low + 0.4 * (length - low)), (gap, length + 8)]
    else:
        below = [throat, (0.0, low + (3 + 4 * gap if gap > 1 else 0.4))]
    collar, cut = [throat, *edge], below[::-1]
    curves = [mirrored(collar)[::-1], mirrored(below), cut, collar]
    neck = Neck(
        [*curves, [(w + 0.6, -25.0), (-w - 0.6, -25.0)]],
        closure="open" if hangs_open else ("buttons" if ctx.garment == "cardigan" else "zip"),
        bottom=below[-1][1] if not hangs_open else low,
        back_dip=0.6,
    )
    stripes = _choose_stripes(ctx)

    def draw_under() -> None:
        draw_inside_back(ctx, 1.2, low + 4, band=0.0)
        top = [(-w, -height * 0.62), (-w * 0.5, -height * 0.88), (0.0, -height), (w * 0.5, -height * 0.88),
               (w, -height * 0.62)]  # fmt: skip
        seam = [(-w, 0.6), (-w * 0.5, 1.6), (0.0, 1.9), (w * 0.5, 1.6), (w, 0.6)]
        ctx.pen.band(top, seam, ctx.trim.plain(0.28), shadow=0.3)
        draw_ribs(ctx.pen, top, seam, ctx.trim.plain(0.28), 0.9)

    def draw_over() -> None:
        outer = [(w + 0.7, 0.8), *edge[:-1][::-1], throat]
        end = throat[0] + 0.3, low - height * 0.9
        inner = [(w - 0.3, -height * 0.66), (w * 0.88, 0.0), (w * 0.62, low * 0.42), end]
        for side in (1, -1):
            one, other = (outer, inner) if side == 1 else (mirrored(outer), mirrored(inner))
            _draw_ribbed_band(ctx, one, other, stripes)
            slit = [p if side == 1 else (-p[0], p[1]) for p in below]
            if hangs_open:
                _draw_front_edge(ctx, [*slit[:2], (gap * side * 0.98, length)], side)
            elif gap > 1 and ctx.garment == "cardigan":
                _draw_front_edge(ctx, slit, side)
            elif gap > 1:
                draw_open_zip_side(ctx, [other[-1], slit[0], slit[-1]], side)

    neck.draw_under.append(draw_under)
    neck.draw_over.append(draw_over)
    return neck


def _choose_stripes(ctx: DrawingContext) -> tuple[float, ...]:
    """Choose where a knitted band has stripes of the second colour, as shares of its depth."""
    if ctx.garment != "jacket" or ctx.rng.random() < 0.55:
        return ()
    return (0.32, 0.62) if ctx.rng.random() < 0.6 else (0.5,)


def _draw_ribbed_band(ctx: DrawingContext, one: Curve, other: Curve, stripes: tuple[float, ...]) -> None:
    pen = ctx.pen
    path = pen.band(one, other, ctx.trim, shadow=0.8, edge=0.4)
    draw_ribs(ctx.pen, one, other, ctx.trim, 0.9)
    with pen.clip(path):
        for t in stripes:
            pen.line(blend_curves(one, other, t), ctx.trim.accent, 0.55, 0.95)
        colour, alpha = ctx.trim.highlight
        draw_soft_line(pen, blend_curves(one, other, 0.88), colour, 0.9, alpha)
    pen.crease(one, ctx.cloth, 0.8, 0.5)


def _draw_front_edge(ctx: DrawingContext, curve: list[Point], side: int) -> None:
    if ctx.garment == "cardigan":
        ctx.pen.band(curve, offset(curve, -2.8 * side), ctx.trim, ribs=1.0, shadow=0.4)
    else:
        draw_open_zip_side(ctx, curve, side)
