"""Necklines (neckline_design): round, V, henley, split, boat, square and sweetheart necklines."""

import math
from collections.abc import Callable
from itertools import pairwise

import skia

from wardrobe.drawing.geometry import Curve, Point, arc_between, mirrored, offset, resample
from wardrobe.drawing.trims import draw_gathers, draw_soft_line
from wardrobe.fronts.fastenings import draw_open_placket
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import complete_by_mirroring, opening_below, round_neck_edge
from wardrobe.silhouette.context import DrawingContext, Neck, button_colour


def round_neck(ctx: DrawingContext) -> Neck:
    """Build a crew neck or, where the neck is wide, a scoop neck."""
    rng, width = ctx.rng, ctx.body.neck
    depth = float(rng.uniform(7.0, 9.5) if width < 9.6 else rng.uniform(12, 17))
    edge = round_neck_edge(width, depth)
    neck = Neck(opening_below(edge))
    keyhole = ctx.garment in ("dress", "blouse") and depth < 10 and rng.random() < 0.25

    def draw_over() -> None:
        _draw_finish(ctx, [edge])
        if keyhole:
            _draw_keyhole(ctx, depth)

    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth))
    neck.draw_over.append(draw_over)
    return neck


def _draw_keyhole(ctx: DrawingContext, top: float) -> None:
    """Draw a drop-shaped hole below the neck, closed by a button."""
    pen, depth = ctx.pen, float(ctx.rng.uniform(4.0, 6.0))
    drop = [
        (0.0, top + 0.6),
        (1.3, top + depth * 0.62),
        (0.0, top + depth),
        (-1.3, top + depth * 0.62),
        (0.0, top + 0.6),
    ]
    pen.piece(pen.path(drop), ctx.lining.plain(0.2), edge=0.3)
    pen.line(drop, ctx.cloth.seam, 0.35, 0.9)
    pen.button((0.0, top + 0.3), button_colour(ctx), 0.5)


def v_neck(ctx: DrawingContext, plunging: bool) -> Neck:
    """Build a V neck; a `plunging` one reaches the chest."""
    rng, w = ctx.rng, ctx.body.neck
    depth = float(rng.uniform(27, 31.5) if plunging else rng.uniform(13.5, 19))
    bulge = 0.03 if plunging else float(rng.uniform(0.0, 0.07))
    left = arc_between((-w, 0.0), (0.0, depth), -bulge)
    right = arc_between((0.0, depth), (w, 0.0), -bulge)
    neck = Neck([left, right, [(w, -25.0), (-w, -25.0)]], bottom=depth)
    wraps = ctx.garment in ("dress", "blouse") and rng.random() < (0.5 if plunging else 0.25)
    tied = ctx.garment in ("dress", "blouse") and not wraps and rng.random() < 0.25

    def draw_over() -> None:
        _draw_finish(ctx, [left, right])
        if wraps:
            _draw_wrap_edge(ctx, depth)
        elif tied:
            _draw_ties(ctx, depth)

    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth))
    neck.draw_over.append(draw_over)
    return neck


def _draw_wrap_edge(ctx: DrawingContext, depth: float) -> None:
    """Draw the edge of the upper front, crossing over to the side of the waist."""
    pen, body = ctx.pen, ctx.body
    end = min(body.length - 3.0, 41.0)
    if end < depth + 4:
        return
    curve = [(0.0, depth), (body.neck * 0.9, (depth + end) / 2 - 1.0), (body.width(end) * 0.9, end)]
    draw_soft_line(pen, offset(curve, 0.8), ctx.cloth.shade, 1.8, 0.45)
    pen.crease(curve, ctx.cloth, 0.9, 0.6)
    draw_soft_line(pen, offset(curve, -0.5), ctx.cloth.highlight[0], 0.7, ctx.cloth.highlight[1] * 0.7)
    folds = [(arc_between((t * body.neck * 0.9, depth + t * 8), (body.width(end) * 0.8, end - 1.0), 0.06), 1.2, 0.6)
             for t in (-0.6, 0.2)]  # fmt: skip
    pen.folds(pen.path(*body.outline(1.8)), ctx.cloth, folds)


def _draw_ties(ctx: DrawingContext, y: float) -> None:
    """Draw two cords that hang from the point of the neck."""
    pen, rng = ctx.pen, ctx.rng
    for side in (1, -1):
        end = ((1.6 + rng.uniform(0, 1.8)) * side, y + rng.uniform(10, 16))
        cord = arc_between((0.2 * side, y - 0.3), end, 0.1 * side)
        draw_soft_line(pen, offset(cord, 0.5), (10, 8, 14), 0.9, 0.35)
        pen.line(cord, ctx.trim.seam, 0.7, 0.95)
        pen.line([end, (end[0] + 0.1 * side, end[1] + 1.4)], ctx.trim.seam, 1.3, 1.0)


def henley_neck(ctx: DrawingContext) -> Neck:
    """Build a round neck with a short placket, open as a V."""
    rng, w = ctx.rng, ctx.body.neck
    rim, depth = float(rng.uniform(6.6, 7.6)), float(rng.uniform(15.5, 19.5))
    parted = w * float(rng.uniform(0.34, 0.5))
    right = [(w, 0.0), (w * 0.88, rim * 0.55), (parted, rim)]
    slit = arc_between((parted, rim), (0.0, depth), 0.05)
    left, left_slit = mirrored(right), mirrored(slit)
    neck = Neck([left, left_slit, slit[::-1], right[::-1], [(w, -25.0), (-w, -25.0)]], bottom=depth)
    count = int(rng.integers(2, 5))
    closed = depth + float(rng.uniform(0.0, 4.0))  # the buttoned part of the placket ends here

    def draw_over() -> None:
        pen = ctx.pen
        for curve, side in ((left, 1), (right, -1)):
            pen.band(curve, offset(curve, 1.7 * side), ctx.trim, ribs=0.7, shadow=0.4)
            pen.line(curve, ctx.cloth.seam, 0.3, 0.9)
        draw_open_placket(ctx, (parted, rim), depth, closed, count)

    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth))
    neck.draw_over.append(draw_over)
    return neck


def split_neck(ctx: DrawingContext) -> Neck:
    """Build a tunic's round neck with a slit, folded open."""
    rng, w = ctx.rng, ctx.body.neck
    rim, depth = float(rng.uniform(5.5, 7.0)), float(rng.uniform(15, 19))
    right = [(w, 0.0), (w * 0.84, rim * 0.55), (w * 0.45, rim)]
    slit = arc_between((w * 0.45, rim), (0.0, depth), 0.08)
    neck = Neck([mirrored(right), mirrored(slit), slit[::-1], right[::-1], [(w, -25.0), (-w, -25.0)]], bottom=depth)
    tied = rng.random() < 0.5

    def draw_over() -> None:
        whole = [*mirrored(right), *mirrored(slit)[1:]], [*slit[::-1], *right[::-1][1:]]
        for curve in whole:
            _draw_edge(ctx, curve)
            ctx.pen.stitches(offset(curve, 1.4), ctx.cloth)
        if tied:
            _draw_ties(ctx, rim + 0.5)

    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth))
    neck.draw_over.append(draw_over)
    return neck


def _open_neck(ctx: DrawingContext) -> Neck:
    kind = ctx.rng.random()
    if ctx.garment in ("T-shirt", "sweater") and kind < 0.35:
        return henley_neck(ctx)
    if ctx.garment in ("blouse", "dress") and kind < 0.25:
        return split_neck(ctx)
    return v_neck(ctx, False)


def boat_neck(ctx: DrawingContext) -> Neck:
    """Build a wide, shallow neckline."""
    width, depth = ctx.body.neck, float(ctx.rng.uniform(3.2, 4.4))
    edge = [(-width, 0.0), (-width * 0.6, depth * 0.75), (0.0, depth), (width * 0.6, depth * 0.75), (width, 0.0)]
    neck = Neck(opening_below(edge), back_dip=1.0)
    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth, band=0.8))
    neck.draw_over.append(lambda: _draw_finish(ctx, [edge], narrow=True))
    return neck


def square_neck(ctx: DrawingContext) -> Neck:
    """Build a square neckline."""
    width, depth = ctx.body.neck, float(ctx.rng.uniform(12, 15.5))
    low = width - float(ctx.rng.uniform(0, 1.2))
    sides = [arc_between(a, b) for a, b in pairwise([(-width, 0.0), (-low, depth), (low, depth), (width, 0.0)])]
    neck = Neck([*sides, [(width, -25.0), (-width, -25.0)]], back_dip=2.6)
    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, depth))
    neck.draw_over.append(lambda: _draw_finish(ctx, sides, narrow=True))
    return neck


def sweetheart_neck(ctx: DrawingContext) -> Neck:
    """Build a sweetheart neckline on a garment with shoulders."""
    width, top = ctx.body.neck, float(ctx.rng.uniform(12.5, 14.5))
    bows = complete_by_mirroring(sweetheart_edge(width - 0.8, top, float(ctx.rng.uniform(4.5, 6.0))))
    middle = len(bows) // 2 + 1
    curves = [[(-width, 0.0), bows[0]], bows[:middle], bows[middle - 1 :], [bows[-1], (width, 0.0)]]
    neck = Neck([*curves, [(width, -25.0), (-width, -25.0)]], back_dip=3.0)
    neck.draw_under.append(lambda: draw_inside_back(ctx, neck.back_dip, top + 4))
    neck.draw_over.append(lambda: _draw_finish(ctx, curves, narrow=True))
    return neck


def sweetheart_edge(width: float, top: float, dip: float) -> list[Point]:
    """Return the right half of a sweetheart edge, from its outer end to the centre."""
    return [
        (width, top + 1.0),
        (width * 0.82, top - 1.2),
        (width * 0.52, top - 1.8),
        (width * 0.22, top + 0.4 * dip - 1.0),
        (0.0, top + dip),
    ]


def _draw_finish(ctx: DrawingContext, curves: list[list[Point]], narrow: bool = False) -> None:
    """Draw the finish of a neckline: rib, hem, piping, facing, scallops or frill."""
    rng = ctx.rng
    if ctx.garment in ("T-shirt", "sweater") and not narrow:
        kinds: tuple[str, ...] = ("rib", "rib", "rib", "hem")
    elif ctx.garment in ("dress", "blouse", "top"):
        kinds = ("hem", "piping", "facing", "piping", "facing", "hem", "scallops", "frill") if len(curves) == 1 else \
            ("hem", "piping", "facing", "piping", "facing", "scallops")  # fmt: skip
    else:
        kinds = ("hem", "piping", "facing")
    kind = str(rng.choice(kinds))
    width = float(rng.uniform(2.2, 3.2) if ctx.garment == "sweater" else rng.uniform(1.4, 2.4))
    if kind == "frill":
        curve = curves[0]
        draw_gathers(ctx.pen, curve, [(x * 1.10, y + 2.6) for x, y in curve], ctx.trim, 12, ctx.rng, 0.3)
    for i, curve in enumerate(curves):
        if kind in ("rib", "piping"):
            outer_edge = _mitred_edge(curves, i, width if kind == "rib" else 0.9)
            ctx.pen.band(curve, outer_edge, ctx.trim, ribs=0.7 if kind == "rib" else 0.0, shadow=0.4)
            ctx.pen.line(outer_edge, ctx.cloth.seam, 0.25, 0.8)
        elif kind == "scallops":
            _draw_scallops(ctx, curve)
        elif kind == "hem":
            ctx.pen.stitches(offset(curve, 1.5), ctx.cloth)
        _draw_edge(ctx, curve)


def _mitred_edge(curves: list[list[Point]], i: int, width: float) -> list[Point]:
    """Return the outer edge of a band along a curve, mitred where two bands meet."""
    outer_edge = offset(curves[i], width)
    for end, other, corner in ((0, i - 1, curves[i][0]), (-1, i + 1, curves[i][-1])):
        if not 0 <= other < len(curves):
            continue
        beside = offset(curves[other], width)[-1 if end == 0 else 0]
        mean = (outer_edge[end][0] + beside[0]) / 2 - corner[0], (outer_edge[end][1] + beside[1]) / 2 - corner[1]
        length = math.hypot(*mean)
        if length > 0.2 * width:
            reach = min(width * width / length, 2.2 * width) / length
            outer_edge[end] = corner[0] + mean[0] * reach, corner[1] + mean[1] * reach
    return outer_edge


def _draw_edge(ctx: DrawingContext, curve: Curve) -> None:
    """Draw the turned edge, lit so that it shows on dark cloth."""
    colour, alpha = ctx.trim.highlight
    draw_soft_line(ctx.pen, offset(curve, 0.35), colour, 0.6, alpha * 0.8, soft=0.25)
    ctx.pen.line(curve, ctx.cloth.seam, 0.25, 0.85)


def _draw_scallops(ctx: DrawingContext, curve: Curve) -> None:
    """Draw a small lace edge: half discs along the curve, each with a hole."""
    pen = ctx.pen
    length = sum(math.dist(a, b) for a, b in pairwise(curve))
    n = max(int(length / 1.25), 3)
    discs, eyes = skia.Path(), skia.Path()
    for x, y in resample(curve, n):
        x, y = pen.warp((x, y))
        discs.addCircle(x, y, 0.72)
        eyes.addCircle(x, y, 0.22)
    pen.piece(discs, ctx.trim.plain(), shadow=0.3, edge=0.0)
    pen.canvas.drawPath(eyes, skia.Paint(Color=skia.Color(*ctx.trim.shade, 110), AntiAlias=True))


NECKLINES: dict[tuple[str, int], Callable[[DrawingContext], Neck]] = {
    ("neckline_design", 2): lambda ctx: v_neck(ctx, True),
    ("neckline_design", 3): boat_neck,
    ("neckline_design", 4): _open_neck,
    ("neckline_design", 5): square_neck,
    ("neckline_design", 7): round_neck,
    ("neckline_design", 8): sweetheart_neck,
}
