"""Trims: lace, frills, gathers, ribbing, rolls of cloth and raised pieces such as collars and flaps."""

import math
from itertools import pairwise

import numpy as np
import skia

from wardrobe.drawing.geometry import Curve, Point, blend_curves, lerp, offset, resample
from wardrobe.drawing.pen import SRC_ATOP, Pen, blur
from wardrobe.fabric.colours import Colour, argb, mix
from wardrobe.fabric.materials import Cloth


def draw_lace(pen: Pen, curve: Curve, depth: float, cloth: Cloth) -> None:
    """Draw a half-transparent lace border `depth` cm deep, to the right of the curve's direction."""
    length = sum(math.dist(a, b) for a, b in pairwise(curve))
    count = max(int(length / max(0.95 * depth, 5.0 * pen.pixel)), 4)
    inner = resample(curve, 4 * count + 1)
    outer: list[Point] = []
    for k in range(len(inner)):
        outer.append(offset(inner, depth * (0.62 + 0.38 * math.sin(math.pi * (k % 4) / 4)))[k])
    path = pen.path(inner, outer[::-1])
    pen.canvas.saveLayerAlpha(None, 130)
    pen.piece(path, cloth.plain(), edge=0.0)
    pen.canvas.restore()
    thread = skia.Paint(Color=argb(cloth.colour), AntiAlias=True, Style=skia.Paint.kStroke_Style)
    thread.setStrokeWidth(max(0.09 * depth, 0.8 * pen.pixel))
    loops = skia.Path()
    for k in range(count):
        x, y = pen.warp(offset(inner, depth * 0.55)[4 * k + 2])
        loops.addCircle(x, y, 0.30 * depth)
        loops.addCircle(x, y, 0.10 * depth)
        x, y = pen.warp(offset(inner, depth * 0.28)[4 * k])
        loops.addCircle(x, y, 0.14 * depth)
    pen.canvas.drawPath(loops, thread)
    pen.canvas.drawPath(path, thread)
    seam = skia.Paint(Color=argb(cloth.seam, 0.30), AntiAlias=True, Style=skia.Paint.kStroke_Style)
    seam.setStrokeWidth(0.8 * pen.pixel)
    pen.canvas.drawPath(path, seam)


def draw_soft_line(pen: Pen, curve: Curve, colour: Colour, width: float, alpha: float, soft: float = 0.4) -> None:
    """Draw a blurred line on what is already drawn."""
    paint = skia.Paint(
        Color=argb(colour, alpha),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        MaskFilter=blur(max(width * soft, 0.1)),
        BlendMode=SRC_ATOP,
        AntiAlias=True,
    )
    pen.canvas.drawPath(pen.path(curve, close=False), paint)


def draw_raised_piece(pen: Pen, path: skia.Path, cloth: Cloth, angle: float = 0.0, height: float = 0.8) -> skia.Path:
    """Draw a piece on other cloth (a collar, a flap): slightly lighter, lit from above, over its own shadow."""
    canvas = pen.canvas
    dark = cloth.is_dark
    canvas.drawPath(path, _stroke((12, 10, 18), max(0.6, 2.4 * pen.pixel), 0.45 if dark else 0.25, atop=True))
    pen.piece(path, cloth, angle=angle, shadow=height, edge=0.4)
    canvas.drawPath(path, skia.Paint(Color=argb((255, 255, 255), 0.09 if dark else 0.06), AntiAlias=True))
    colour, alpha = cloth.highlight
    with pen.clip(path):
        canvas.save()
        canvas.translate(0.22, 0.5)  # the light comes from above
        canvas.drawPath(path, _stroke(colour, max(0.8, 2.2 * pen.pixel), alpha * 0.75))
        canvas.restore()
        if dark:
            canvas.drawPath(path, _stroke(colour, max(0.7, 2.8 * pen.pixel), 0.38))
        canvas.drawPath(path, _stroke(mix(cloth.shade, (0, 0, 0), 0.2), max(0.25, 1.2 * pen.pixel), 0.6))
    return path


def _stroke(colour: Colour, width: float, alpha: float, atop: bool = False) -> skia.Paint:
    paint = skia.Paint(Color=argb(colour, alpha), Style=skia.Paint.kStroke_Style, StrokeWidth=width, AntiAlias=True)
    if atop:
        paint.setBlendMode(SRC_ATOP)
    return paint


def draw_roll(pen: Pen, upper: Curve, lower: Curve, cloth: Cloth, angle: float = 0.0, height: float = 1.0) -> skia.Path:
    """Draw a soft roll of cloth between two curves: lit along its upper half, dark towards its lower edge."""
    path = pen.path(upper, list(lower)[::-1])
    pen.piece(path, cloth, angle=angle, shadow=height, edge=0.0)
    depth = max(math.dist(a, b) for a, b in zip(resample(upper, 5), resample(lower, 5), strict=True))
    colour, alpha = cloth.highlight
    alpha *= 0.4 if cloth.is_patterned else 0.8  # lighter on a print, or it would look veiled
    dark = 0.8 if cloth.is_dark else 0.45
    with pen.clip(path):
        draw_soft_line(pen, blend_curves(upper, lower, 0.3), colour, depth * 0.34, alpha)
        draw_soft_line(pen, blend_curves(upper, lower, 0.97), cloth.shade, depth * 0.3, dark)
    pen.line(lower, cloth.seam, 0.2, 0.35)
    return path


def draw_gathers(
    pen: Pen, upper: Curve, lower: Curve, cloth: Cloth, count: int, rng: np.random.Generator, amplitude: float = 0.5
) -> None:
    """Draw a gathered strip from `upper` to `lower`, whose free edge waves by `full` cm."""
    n = 2 * count + 1
    tops, ends = resample(upper, n), resample(lower, n)
    edge = []
    for i, (a, b) in enumerate(zip(tops, ends, strict=True)):
        distance = math.dist(a, b) or 1.0
        out = (amplitude if i % 2 else -amplitude) * (0.7 + 0.6 * rng.random()) * (0 < i < n - 1)
        edge.append(lerp(a, b, 1.0 + out / distance))
    path = pen.path(list(upper), edge[::-1])
    pen.piece(path, cloth, shadow=0.7, edge=0.2)
    light, dark = cloth.highlight, 0.8 if cloth.is_dark else 0.5
    pitch = math.dist(ends[0], ends[1])
    hollows, ridges = skia.Path(), skia.Path()
    for i in range(1, n - 1):
        start, end = lerp(tops[i], edge[i], 0.02 + 0.2 * float(rng.random())), edge[i]
        side = lerp(end, edge[i + 1], 0.42), lerp(end, edge[i - 1], 0.42)
        flute = pen.path([start, side[0]], [side[0], side[1]], [side[1], start])
        (ridges if i % 2 else hollows).addPath(flute)
    with pen.clip(path):
        for marks, colour, alpha in ((hollows, cloth.shade, dark), (ridges, light[0], light[1] * 0.7)):
            soft = skia.Paint(Color=argb(colour, alpha), AntiAlias=True, MaskFilter=blur(max(0.16 * pitch, 0.12)))
            pen.canvas.drawPath(marks, soft)
    rim = pen.path(edge, close=False)
    pen.canvas.drawPath(rim, _stroke(cloth.seam, max(0.25, 1.2 * pen.pixel), 0.8, atop=True))


def draw_ribs(pen: Pen, upper: Curve, lower: Curve, cloth: Cloth, pitch: float = 0.9) -> None:
    """Draw knitted ribs from one curve to another: a groove beside each lit ridge."""
    length = sum(math.dist(a, b) for a, b in pairwise(upper))
    n = max(int(length / max(pitch, 2.6 * pen.pixel)), 6)
    grooves, ridges = skia.Path(), skia.Path()
    for a, b in list(zip(blend_curves(upper, lower, 0.03, n), blend_curves(upper, lower, 0.97, n), strict=True))[1:-1]:
        for marks, shift in ((grooves, 0.0), (ridges, 0.35 * pitch)):
            marks.moveTo(*pen.warp((a[0] + shift, a[1])))
            marks.lineTo(*pen.warp((b[0] + shift, b[1])))
    colour, alpha = cloth.highlight
    for marks, tone, strength in ((grooves, cloth.shade, 0.5), (ridges, colour, alpha * 0.6)):
        paint = _stroke(tone, max(0.32 * pitch, 0.9 * pen.pixel), strength, atop=True)
        pen.canvas.drawPath(marks, paint)


def draw_frill(pen: Pen, curve: Curve, depth: float, cloth: Cloth, rng: np.random.Generator) -> None:
    """Draw a gathered strip that hangs from a curve given from left to right."""
    lower = [(x * 1.06, y + depth) for x, y in curve]
    count = max(int(math.dist(curve[0], curve[-1]) / 3.4), 7)
    draw_gathers(pen, curve, lower, cloth, count, rng, 0.4)
    pen.crease(curve, cloth, 0.6, 0.3)
