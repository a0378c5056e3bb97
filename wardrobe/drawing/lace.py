"""Lace: a scalloped openwork border."""

import math
from itertools import pairwise

import skia

from wardrobe.drawing.geometry import Point, Run, offset, resampled
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.cloth import Cloth
from wardrobe.fabric.colours import argb


def lace_edge(pen: Pen, run: Run, depth: float, cloth: Cloth) -> None:
    """A border `depth` cm deep to the right of the run's way; half transparent, with loops and small holes."""
    length = sum(math.dist(a, b) for a, b in pairwise(run))
    count = max(int(length / max(0.95 * depth, 5.0 * pen.pixel)), 4)
    inner = resampled(run, 4 * count + 1)
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
