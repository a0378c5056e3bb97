"""Edges that are seen on any cloth: leaves with a rim, rolls of draped cloth, gathered strips."""

import math
from itertools import pairwise

import numpy as np
import skia

from wardrobe.drawing.geometry import Run, lerp, resampled
from wardrobe.drawing.pen import SRC_ATOP, Pen, blur
from wardrobe.fabric.cloth import Cloth
from wardrobe.fabric.colours import Colour, argb, luminance, mix
from wardrobe.fabric.weaves import TEXTURES
from wardrobe.silhouette.kit import Kit


def patterned(cloth: Cloth) -> bool:
    """Whether the cloth has a print, stripes or checks, not only a texture."""
    return cloth.kind not in ("plain", "oxford", *TEXTURES)


def brush(pen: Pen, run: Run, colour: Colour, width: float, alpha: float, soft: float = 0.4) -> None:
    """A soft stroke on what is drawn already."""
    paint = skia.Paint(
        Color=argb(colour, alpha),
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
        MaskFilter=blur(max(width * soft, 0.1)),
        BlendMode=SRC_ATOP,
        AntiAlias=True,
    )
    pen.canvas.drawPath(pen.path(run, close=False), paint)


def is_dark(cloth: Cloth) -> bool:
    """Whether shadows hardly show on the cloth."""
    light = luminance(cloth.colour)
    return (light + luminance(cloth.accent)) / 2 < 0.3 if patterned(cloth) else light < 0.3


def lit(cloth: Cloth) -> tuple[Colour, float]:
    """The colour and strength of light on an edge of the cloth: it must show on black, and not glare on white."""
    if is_dark(cloth):
        return mix(cloth.colour, (255, 255, 255), 0.42), 0.5
    return mix(cloth.colour, (255, 255, 255), 0.6), 0.5


def leaf(kit: Kit, path: skia.Path, cloth: Cloth, angle: float = 0.0, height: float = 0.8) -> skia.Path:
    """A piece that lies on other cloth and stands apart: a little lighter, lit from above, over its own shadow."""
    pen, canvas = kit.pen, kit.pen.canvas
    dark = is_dark(cloth)
    canvas.drawPath(path, _stroke((12, 10, 18), max(0.6, 2.4 * pen.pixel), 0.45 if dark else 0.25, atop=True))
    pen.piece(path, cloth, angle=angle, shadow=height, edge=0.4)
    canvas.drawPath(path, skia.Paint(Color=argb((255, 255, 255), 0.09 if dark else 0.06), AntiAlias=True))
    colour, alpha = lit(cloth)
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


def roll(kit: Kit, upper: Run, lower: Run, cloth: Cloth, angle: float = 0.0, height: float = 1.0) -> skia.Path:
    """A soft roll of cloth between two runs: lit along its upper half, dark towards its lower edge."""
    pen = kit.pen
    path = pen.path(upper, list(lower)[::-1])
    pen.piece(path, cloth, angle=angle, shadow=height, edge=0.0)
    depth = max(math.dist(a, b) for a, b in zip(resampled(upper, 5), resampled(lower, 5), strict=True))
    colour, alpha = lit(cloth)
    alpha *= 0.4 if patterned(cloth) else 0.8  # a print must not look veiled
    dark = 0.8 if is_dark(cloth) else 0.45
    with pen.clip(path):
        brush(pen, across(upper, lower, 0.3), colour, depth * 0.34, alpha)
        brush(pen, across(upper, lower, 0.97), cloth.shade, depth * 0.3, dark)
    pen.line(lower, cloth.seam, 0.2, 0.35)
    return path


def across(one: Run, other: Run, t: float, n: int = 9) -> list[tuple[float, float]]:
    """The run that lies a part of the way from one run to another."""
    return [lerp(a, b, t) for a, b in zip(resampled(one, n), resampled(other, n), strict=True)]


def gathers(kit: Kit, upper: Run, lower: Run, cloth: Cloth, count: int, full: float = 0.5) -> None:
    """A gathered strip: its free edge `lower` waves `full` cm to and fro, and flutes run down to it from `upper`."""
    pen, rng = kit.pen, kit.rng
    n = 2 * count + 1
    tops, ends = resampled(upper, n), resampled(lower, n)
    edge = []
    for i, (a, b) in enumerate(zip(tops, ends, strict=True)):
        far = math.dist(a, b) or 1.0
        out = (full if i % 2 else -full) * (0.7 + 0.6 * rng.random()) * (0 < i < n - 1)
        edge.append(lerp(a, b, 1.0 + out / far))
    path = pen.path(list(upper), edge[::-1])
    pen.piece(path, cloth, shadow=0.7, edge=0.2)
    light, dark = lit(cloth), 0.8 if is_dark(cloth) else 0.5
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


def ribs(kit: Kit, upper: Run, lower: Run, cloth: Cloth, pitch: float = 0.9) -> None:
    """Knitted ribs from one run to another: a groove beside each lit ridge."""
    pen = kit.pen
    length = sum(math.dist(a, b) for a, b in pairwise(upper))
    n = max(int(length / max(pitch, 2.6 * pen.pixel)), 6)
    grooves, ridges = skia.Path(), skia.Path()
    for a, b in list(zip(across(upper, lower, 0.03, n), across(upper, lower, 0.97, n), strict=True))[1:-1]:
        for marks, shift in ((grooves, 0.0), (ridges, 0.35 * pitch)):
            marks.moveTo(*pen.warp((a[0] + shift, a[1])))
            marks.lineTo(*pen.warp((b[0] + shift, b[1])))
    colour, alpha = lit(cloth)
    for marks, tone, strength in ((grooves, cloth.shade, 0.5), (ridges, colour, alpha * 0.6)):
        paint = _stroke(tone, max(0.32 * pitch, 0.9 * pen.pixel), strength, atop=True)
        pen.canvas.drawPath(marks, paint)


def frill(kit: Kit, run: Run, depth: float) -> None:
    """A gathered strip that hangs from a run (given from left to right)."""
    lower = [(x * 1.06, y + depth) for x, y in run]
    count = max(int(math.dist(run[0], run[-1]) / 3.4), 7)
    gathers(kit, run, lower, kit.cloth, count, 0.4)
    kit.pen.crease(run, kit.cloth, 0.6, 0.3)


def turned(kit: Kit) -> float:
    """How far the grain of a collar or lapel is turned against the body's, in degrees: more where that shows."""
    return 38.0 if patterned(kit.cloth) else 20.0


def wobble(kit: Kit, strength: float = 0.35) -> tuple[float, float]:
    """A small shift, so that the two sides of a neck do not mirror each other."""
    dx, dy = np.clip(kit.rng.normal(0, strength, 2), -2 * strength, 2 * strength)
    return float(dx), float(dy)
