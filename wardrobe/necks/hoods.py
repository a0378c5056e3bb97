"""Hoods; no FashionAI attribute describes them."""

from collections.abc import Sequence

import skia

from wardrobe.drawing.geometry import Curve, Point, arc_between, blend_curves, mirrored, offset, resample
from wardrobe.drawing.trims import draw_raised_piece, draw_roll, draw_soft_line
from wardrobe.fabric.colours import argb, luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import opening_below, round_neck_edge, v_front_opening
from wardrobe.silhouette.context import DrawingContext, Neck, metal_colour

FUR_COLOURS = ((196, 170, 136), (226, 214, 196), (92, 76, 66), (150, 142, 134), (58, 52, 52))


def hood(ctx: DrawingContext) -> Neck:
    """Build a hood: spread above the neck as it lies on a table, or fallen back around the neck."""
    rng, w = ctx.rng, ctx.body.neck
    low = float(rng.uniform(7.0, 9.0))
    opens_in_front = "coat_length" in ctx.plan.values
    hangs_open = opens_in_front and rng.random() < 0.22
    opening_bottom = low + float(rng.uniform(0.0, 9.0)) * (rng.random() < 0.5) if opens_in_front else low
    curves: Sequence[Curve]
    if hangs_open:
        curves, _ = v_front_opening(ctx, low + 8, float(rng.uniform(1.5, 4.0)))
    elif opening_bottom > low + 2:
        curves, _ = v_front_opening(ctx, opening_bottom, 0.0)
    else:
        curves = opening_below(round_neck_edge(w, low))
    buttoned = ctx.garment == "coat" and rng.random() < 0.3
    front = "closed" if not opens_in_front else "open" if hangs_open else "buttons" if buttoned else "zip"
    neck = Neck(curves, closure=front, bottom=opening_bottom, back_dip=0.6)
    spread = rng.random() < {"flat": 0.9, "hanger": 0.6}.get(ctx.plan.setting, 0.0)
    if not spread:
        low += 2.0
    throat = (0.3 if opening_bottom == low else 1.0, low)
    if spread:
        has_fur = ctx.garment in ("coat", "jacket") and rng.random() < 0.35
        neck.draw_under.append(lambda: _draw_spread_back(ctx, low))
        neck.draw_over.append(lambda: _draw_spread_rim(ctx, throat, has_fur))
    else:
        neck.draw_under.append(lambda: _draw_fallen_back(ctx, low))
        neck.draw_over.append(lambda: _draw_fallen_sides(ctx, throat))
    return neck


def _crown_measurements(ctx: DrawingContext) -> tuple[float, float, float]:
    """Return half width, height and lean of a spread hood, derived from the cloth's seed."""
    seed = ctx.cloth.seed
    return 12.5 + seed % 7 * 0.35, 29.0 + seed // 7 % 6, (seed // 42 % 7 - 3) * 0.8


def _draw_spread_back(ctx: DrawingContext, low: float) -> None:
    """Draw a spread hood's outline above the neck, and its dark inside with the centre seam."""
    pen, w = ctx.pen, ctx.body.neck
    half, height, lean = _crown_measurements(ctx)
    side = [
        (w + 1.6, 1.6),
        (half * 0.98, -5.0),
        (half + lean * 0.3, -height * 0.42),
        (half * 0.78 + lean * 0.7, -height * 0.74),
        (half * 0.36 + lean, -height * 0.94),
        (lean, -height),
    ]
    other = [(-x + 2 * lean * min(-y / height, 1.0) if y < 0 else -x, y) for x, y in side]
    outline = pen.path([*side, *other[::-1][1:]], [(-w, 3.0), (w, 3.0)])
    pen.piece(outline, ctx.cloth, angle=10, edge=1.0)
    folds = [(arc_between((half * s * 0.9 + lean * 0.5, -height * 0.5), (half * s * 0.55, -2.0), 0.08 * s), 1.6, 0.7)
             for s in (0.95, -0.95)]  # fmt: skip
    pen.folds(outline, ctx.cloth, folds)
    mouth = _opening_edge(ctx, 0.0)
    across_it = [(-x + 2 * lean * _height_share(y, height), y) for x, y in mouth[::-1][1:]]
    hollow = pen.path([*mouth, *across_it], [(-w, 3.0), (w, 3.0)])
    pen.piece(hollow, ctx.lining, edge=0.6, shadow=0.4)
    pen.tint(hollow, (0, -height * 0.75), (0, low), [((8, 6, 14), 0.10), ((8, 6, 14), 0.45)])
    seam = [(lean * 0.8, -height * 0.73), (lean * 0.5, -height * 0.4), (0.0, 1.0)]
    pen.line(seam, ctx.lining.shade, 0.35, 0.5)
    pen.line([(lean, -height), (lean * 0.85, -height * 0.73)], ctx.cloth.seam, 0.3, 0.7)
    draw_inside_back(ctx, 0.8, low, band=1.2)


def _height_share(y: float, height: float) -> float:
    return min(max(-y, 0.0) / height, 1.0)


def _opening_edge(ctx: DrawingContext, out: float) -> list[Point]:
    """Return the right edge of the hood's opening from the neck upwards, moved outwards by `out` cm."""
    w = ctx.body.neck
    half, height, lean = _crown_measurements(ctx)
    points = [(w - 0.2, 0.6), (half * 0.56, -6.0), (half * 0.52, -height * 0.40), (half * 0.33, -height * 0.63)]
    right = [(x + out + lean * _height_share(y, height), y - 0.5 * out) for x, y in points]
    return [*right, (lean * 0.8, -height * 0.73 - out)]


def _draw_spread_rim(ctx: DrawingContext, throat: Point, has_fur: bool) -> None:
    """Draw the hem of the opening down to the throat, with its drawstring or fur."""
    _, height, lean = _crown_measurements(ctx)
    for side in (1, -1):
        inner = [throat, (ctx.body.neck * 0.72, throat[1] * 0.5), *_opening_edge(ctx, 0.0)]
        outer = [
            (throat[0] + 0.4, throat[1] + 2.6),
            (ctx.body.neck + 1.6, throat[1] * 0.45 + 1.0),
            *_opening_edge(ctx, 2.4),
        ]
        if side == -1:
            inner, outer = (
                [(-x + 2 * lean * _height_share(y, height), y) for x, y in curve] for curve in (inner, outer)
            )
        if has_fur:
            _draw_fur(ctx, blend_curves(inner, outer, 0.2, 13), 3.4)
            continue
        draw_raised_piece(ctx.pen, ctx.pen.path(inner, outer[::-1]), ctx.cloth, angle=40.0 * side, height=0.5)
        ctx.pen.stitches(blend_curves(inner, outer, 0.82), ctx.cloth)
        draw_soft_line(ctx.pen, blend_curves(inner, outer, 0.25), ctx.cloth.highlight[0], 0.9, 0.35)
    if not has_fur:
        _draw_drawstrings(ctx, throat)


def _draw_fallen_back(ctx: DrawingContext, low: float) -> None:
    """Draw a fallen hood behind the neck: its roll and its hollow."""
    pen, w = ctx.pen, ctx.body.neck
    height = 7.0 + ctx.cloth.seed % 5 * 0.7
    draw_inside_back(ctx, 0.8, low, band=1.0)
    crown = [(-w - 4.2, 3.0), (-w - 4.6, -2.0), (-w - 1.0, -height * 0.80), (0.0, -height), (w + 1.0, -height * 0.80),
             (w + 4.6, -2.0), (w + 4.2, 3.0)]  # fmt: skip
    rim = [(-w, 1.4), (-w - 0.6, -1.6), (-w * 0.6, -height * 0.56), (0.0, -height * 0.66), (w * 0.6, -height * 0.56),
           (w + 0.6, -1.6), (w, 1.4)]  # fmt: skip
    pen.piece(pen.path(crown, rim[::-1]), ctx.cloth, angle=12, edge=0.8)
    draw_soft_line(pen, blend_curves(crown, rim, 0.35), ctx.cloth.highlight[0], 2.0, 0.4)
    hollow = pen.path(rim, [(w, 1.4), (0.0, 3.0), (-w, 1.4)])
    pen.piece(hollow, ctx.lining, edge=0.4, shadow=0.3)
    pen.tint(hollow, (0, -height * 0.66), (0, 3.0), [((8, 6, 14), 0.22), ((8, 6, 14), 0.58)])
    pen.line([(0.0, -height), (0.3, -height * 0.66), (0.0, 2.0)], ctx.cloth.seam, 0.3, 0.55)


def _draw_fallen_sides(ctx: DrawingContext, throat: Point) -> None:
    """Draw a fallen hood's sides, from the shoulders to the throat: a roll with the hem on it."""
    pen, w, rng = ctx.pen, ctx.body.neck, ctx.rng
    x, y = throat
    for side in (1, -1):
        out, dy = 4.6 + float(rng.uniform(-0.4, 1.4)), float(rng.normal(0, 0.5))
        inner = [(w - 0.2, -3.6), (w * 0.98, 0.4), (w * 0.60, y * 0.60), (x, y)]
        outer = [(w + out * 0.6, -3.4), (w + out, 3.0 + dy), (w * 0.95 + 1.8, y * 0.92 + dy), (x + 0.5, y + 4.6)]
        hem = blend_curves(inner, outer, 0.42, 7)
        inner, outer, hem = (mirrored(r) if side == -1 else r for r in (inner, outer, hem))
        draw_roll(ctx.pen, hem, outer, ctx.cloth, angle=24.0 * side, height=1.3)
        pen.line(outer, ctx.cloth.seam, 0.25, 0.7)
        draw_raised_piece(ctx.pen, pen.path(inner, hem[::-1]), ctx.cloth, angle=50.0 * side, height=0.7)
        pen.stitches(blend_curves(inner, hem, 0.8), ctx.cloth)
    _draw_drawstrings(ctx, throat)


def _draw_drawstrings(ctx: DrawingContext, throat: Point) -> None:
    """Draw two cords with tips or knots, on most hoods."""
    pen, rng = ctx.pen, ctx.rng
    if rng.random() < 0.22:
        return
    cloth = ctx.cloth.colour
    colour = (238, 236, 230) if luminance(cloth) < 0.5 or rng.random() < 0.3 else mix(cloth, (20, 18, 22), 0.65)
    if luminance(cloth) > 0.8:
        colour = mix(cloth, (20, 18, 22), 0.45)
    metal, thick = metal_colour(ctx), float(rng.uniform(0.55, 0.85))
    x, y = throat[0] + 1.6, throat[1] + 1.6
    for side in (1, -1):
        end = ((x + rng.uniform(0.2, 2.0)) * side, y + rng.uniform(11, 19))
        cord = arc_between((x * side, y), end, float(rng.uniform(-0.12, 0.12)))
        draw_soft_line(pen, [(px + 0.4, py + 0.3) for px, py in cord], (10, 8, 14), 1.1, 0.35)
        pen.line(cord, colour, thick, 1.0)
        tip = [cord[-1], (cord[-1][0] + 0.1 * side, cord[-1][1] + 1.6)]
        pen.line(tip, metal if rng.random() < 0.6 else colour, thick + 0.35, 1.0)
        pen.button((x * side, y), metal, 0.5)


def _draw_fur(ctx: DrawingContext, curve: Curve, depth: float) -> None:
    """Draw a strip of fur along a curve: a ragged base and hairs in three tones."""
    pen, rng = ctx.pen, ctx.rng
    colour = FUR_COLOURS[ctx.cloth.seed % len(FUR_COLOURS)]
    n = 40
    middle = resample(curve, n)
    normals = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(middle, offset(middle, 1.0), strict=True)]
    edges: tuple[list[Point], list[Point]] = ([], [])
    for (x, y), (nx, ny) in zip(middle, normals, strict=True):
        for edge, side in zip(edges, (1, -1), strict=True):
            reach = depth * float(rng.uniform(0.75, 1.15)) * side / 2
            edge.append((x + nx * reach, y + ny * reach))
    pen.piece(pen.path(edges[0], edges[1][::-1]), Cloth(colour, colour), shadow=1.0, edge=0.7)
    for tone in (mix(colour, (255, 255, 255), 0.4), mix(colour, (30, 20, 16), 0.5), mix(colour, (255, 255, 255), 0.15)):
        hairs = skia.Path()
        for (x, y), (nx, ny) in zip(middle, normals, strict=True):
            for _ in range(2):
                a, turn = float(rng.uniform(-0.4, 0.4)) * depth, float(rng.normal(0, 0.5))
                length = float(rng.uniform(0.8, 1.8)) * (1 if a > 0 else -1)
                start = x + nx * a, y + ny * a
                hairs.moveTo(*pen.warp(start))
                hairs.lineTo(*pen.warp((start[0] + (nx - ny * turn) * length, start[1] + (ny + nx * turn) * length)))
        pen.canvas.drawPath(hairs, skia.Paint(Color=argb(tone, 0.75), Style=skia.Paint.kStroke_Style,
                                              StrokeWidth=max(0.22, 0.7 * pen.pixel), AntiAlias=True))  # fmt: skip
