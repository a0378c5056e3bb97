"""Quilting of padded garments: seams and the puffs between them."""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import skia

from wardrobe.drawing.geometry import Curve, Point, arc_between, offset, resample
from wardrobe.drawing.pen import SRC_ATOP, blur
from wardrobe.fabric.colours import argb
from wardrobe.silhouette.context import DrawingContext
from wardrobe.spec import HOOD

PITCH_CM = 7.5  # cm between seams


def is_quilted(ctx: DrawingContext) -> bool:
    """Tell whether the garment is padded; the answer is the same for all its parts."""
    if ctx.garment not in ("jacket", "coat", "vest") or ctx.cloth.pattern != "plain":
        return False
    likely = {"nylon": 8, "cotton": 3, "satin": 5}.get(ctx.cloth.material, 0)
    padded = ctx.plan.neck in (HOOD, ("neck_design", 3))
    return ctx.cloth.seed // 5 % 10 < (likely if padded else likely // 4)


def _has_diamond_quilting(ctx: DrawingContext) -> bool:
    return ctx.cloth.seed // 50 % 3 == 0


def quilt_body(ctx: DrawingContext, body_path: skia.Path) -> None:
    """Quilt the body in horizontal rows, or in diamonds with thin padding."""
    body, rng = ctx.body, ctx.rng
    x = body.chest + 8.0
    rows: list[Curve] = []
    diamonds = _has_diamond_quilting(ctx)
    if diamonds:
        step = PITCH_CM
        for c in np.arange(-body.length - x, body.length + x, step):
            rows.append([(-x, float(c) - x), (x, float(c) + x)])
            rows.append([(-x, float(c) + x), (x, float(c) - x)])
    else:
        y = body.shoulder_y + 6.5
        while y < body.length - 2.5:
            sag = float(rng.uniform(0.6, 1.2))
            rows.append(arc_between((-x, y - 0.6), (x, y - 0.6), sag / (2 * x), 5))
            y += PITCH_CM
    _draw_quilting(ctx, body_path, rows, 0.45 if diamonds else 1.0)


def quilt_sleeve(ctx: DrawingContext, path: skia.Path, outer: Curve, inner: Curve) -> None:
    """Quilt a sleeve between its two edges."""
    if _has_diamond_quilting(ctx):
        _draw_quilting(ctx, path, _diagonals_across(outer), 0.45)
        return
    ends: list[tuple[Point, Point]] = []
    for along in np.arange(
        PITCH_CM, _arc_length(outer) - 4.0, PITCH_CM
    ):  # up from the cuff, at right angles to the sleeve
        a, b = _point_from_end(outer, float(along)), _point_from_end(inner, float(along))
        if along > _arc_length(inner):  # above the armpit there is no inner edge
            (ax, ay), (bx, by) = ends[-1] if ends else (outer[-1], inner[-1])
            b = a[0] + 1.3 * (bx - ax), a[1] + 1.3 * (by - ay)
        ends.append((a, b))
    _draw_quilting(ctx, path, [arc_between(a, b, -0.05 if a[0] < b[0] else 0.05) for a, b in ends])


def _diagonals_across(curve: Curve) -> list[Curve]:
    """Return straight lines around a curve, at 45 degrees to it in both directions."""
    (x0, y0), (x1, y1) = curve[0], curve[-1]
    turn, reach = math.atan2(y1 - y0, x1 - x0), 0.7 * math.dist(curve[0], curve[-1]) + 12.0
    rows: list[Curve] = []
    for side in (turn + math.pi / 4, turn - math.pi / 4):
        dx, dy = math.cos(side), math.sin(side)
        for far in np.arange(-reach, reach, PITCH_CM / math.sqrt(2)).tolist():
            x, y = 0.5 * (x0 + x1) - dy * far, 0.5 * (y0 + y1) + dx * far
            rows.append([(x - dx * reach, y - dy * reach), (x + dx * reach, y + dy * reach)])
    return rows


def _arc_length(curve: Curve) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(curve))


def _point_from_end(curve: Curve, distance: float) -> Point:
    """Return the point of a curve at an arc length before its end."""
    length = _arc_length(curve)
    return resample(curve, 65)[round(64 * max(1 - distance / length, 0.0))] if length else curve[0]


def _draw_quilting(ctx: DrawingContext, path: skia.Path, rows: Iterable[Curve], puff: float = 1.0) -> None:
    """Draw seams within a shape, with a round puff of cloth below and above each."""
    pen, cloth = ctx.pen, ctx.cloth
    seams, ridges, hollows = skia.Path(), skia.Path(), skia.Path()
    for curve in rows:
        seams.addPath(pen.path(curve, close=False))
        hollows.addPath(pen.path(offset(curve, -0.7 * puff), close=False))
        ridges.addPath(pen.path(offset(curve, 2.2 * puff), close=False))
    dark = 0.75 if cloth.is_dark else 0.42
    colour, alpha = cloth.highlight
    with pen.clip(path):
        for lines, tone, strength, width in (
            (hollows, cloth.shade, dark, 2.4 * puff),
            (ridges, colour, alpha * 0.75, 2.0 * puff),
        ):
            soft = skia.Paint(Color=argb(tone, strength), Style=skia.Paint.kStroke_Style, StrokeWidth=width,
                              MaskFilter=blur(0.45 * width), BlendMode=SRC_ATOP, AntiAlias=True)  # fmt: skip
            pen.canvas.drawPath(lines, soft)
        pen.canvas.drawPath(seams, skia.Paint(Color=argb(cloth.seam, 0.85), Style=skia.Paint.kStroke_Style,
                                              StrokeWidth=max(0.3, 1.1 * pen.pixel), AntiAlias=True))  # fmt: skip
