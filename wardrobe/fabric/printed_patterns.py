"""Printed all-over patterns: dots, flowers, leopard, camouflage and geometric shapes; sizes in cm."""

import math
from collections.abc import Callable

import numpy as np
import skia

from wardrobe.fabric.colours import Colour, argb, luminance, mix, parse_hex

Tile = tuple[skia.Picture, tuple[float, float]]  # recording, (width, height) in cm
_FLOWER_PALETTES = (("e0518c", "f3b6c8", "f2c230"), ("c11f2b", "e8732c", "f6d75c"), ("2c6ecb", "9cc4e4", "fbfaf8"),
            ("8f5aa8", "cdbbe6", "f7cfd9"), ("fbfaf8", "f1e8d6", "f2c230"))  # fmt: skip


def print_tile(kind: str, colour: Colour, accent: Colour, scale: float, rng: np.random.Generator) -> Tile | None:
    """Record the tile of a print and its size in cm; None for a pattern that is not printed."""
    if kind in ("dots", "big dots"):
        return _dots(accent, (2.2 if kind == "dots" else 6.0) * scale, float(rng.uniform(0.17, 0.28)))
    if kind in ("ditsy", "floral", "blooms"):
        return _flowers(kind, colour, accent, scale, rng)
    if kind == "leopard":
        return _leopard(colour, 13.0 * scale, rng)
    if kind == "camouflage":
        return _camouflage(colour, 30.0 * scale, rng)
    if kind == "geometric":
        return _geometric(accent, 5.0 * scale, rng)
    return None


def _make_seamless_tile(size: float, motifs: list[tuple[float, float, Callable[[skia.Canvas], None]]]) -> Tile:
    """Record motifs at their positions; those that cross an edge are repeated at the opposite one."""
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeWH(size, size))
    for x, y, draw in motifs:
        inner_recorder = skia.PictureRecorder()
        draw(inner_recorder.beginRecording(skia.Rect.MakeLTRB(-size, -size, size, size)))
        recording = inner_recorder.finishRecordingAsPicture()
        for dx in (-size, 0, size):
            for dy in (-size, 0, size):
                canvas.save()
                canvas.translate(x + dx, y + dy)
                canvas.drawPicture(recording)
                canvas.restore()
    return recorder.finishRecordingAsPicture(), (size, size)


def _scatter(count: int, size: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Choose positions that keep a distance from each other, also across the tile's edges."""
    places: list[tuple[float, float]] = []
    for _ in range(count):
        candidates = rng.uniform(0, size, (12, 2)).tolist()
        if places:
            others = np.array(places)

            def room(p: list[float], others: np.ndarray = others) -> float:
                gap = np.abs(others - p)
                return float(np.hypot(*np.minimum(gap, size - gap).T).min())

            candidates.sort(key=room)
        places.append((candidates[-1][0], candidates[-1][1]))
    return places


def _dots(accent: Colour, step: float, radius: float) -> Tile:
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeWH(step, step))
    paint = skia.Paint(Color=argb(accent), AntiAlias=True)
    for shift in (0.25, 0.75):
        canvas.drawCircle(shift * step, shift * step, radius * step * 0.72, paint)
    return recorder.finishRecordingAsPicture(), (step, step)


def _flowers(kind: str, colour: Colour, accent: Colour, scale: float, rng: np.random.Generator) -> Tile:
    size, count, radius = {"ditsy": (10.0, 16, 0.62), "floral": (16.0, 11, 1.5), "blooms": (34.0, 10, 4.3)}[kind]
    size, radius = size * scale, radius * scale
    garden = [parse_hex(c) for c in _FLOWER_PALETTES[rng.integers(len(_FLOWER_PALETTES))]]
    petals = [c for c in (accent, *garden[:2]) if abs(luminance(c) - luminance(colour)) > 0.12] or [accent]
    green = mix((62, 112, 70) if luminance(colour) > 0.3 else (120, 160, 112), colour, 0.12)
    heart = garden[2]
    motifs: list[tuple[float, float, Callable[[skia.Canvas], None]]] = []
    for k, (x, y) in enumerate(_scatter(count, size, rng)):
        r = radius * float(rng.uniform(0.7, 1.25))
        motifs.append((x, y, _flower(petals[k % len(petals)], green, heart, r, float(rng.uniform(0, 360)), kind)))
    return _make_seamless_tile(size, motifs)


def _flower(
    petal: Colour, leaf: Colour, heart: Colour, r: float, turn: float, kind: str
) -> Callable[[skia.Canvas], None]:
    def draw(canvas: skia.Canvas) -> None:
        canvas.rotate(turn)
        green = skia.Paint(Color=argb(leaf), AntiAlias=True)
        for side in (40, 195) if kind != "ditsy" else (60,):
            canvas.save()
            canvas.rotate(side)
            canvas.drawOval(skia.Rect.MakeXYWH(r * 0.6, -r * 0.24, r * 1.25, r * 0.48), green)
            canvas.restore()
        rings = ((1.0, 0.0), (0.62, 0.3)) if kind == "blooms" else ((1.0, 0.0),)
        for part, paler in rings:
            canvas.rotate(36)
            for i in range(5):
                canvas.rotate(72)
                tone = mix(mix(petal, (255, 255, 255), paler), (40, 10, 30), 0.10 * (i % 2))
                paint = skia.Paint(Color=argb(tone), AntiAlias=True)
                canvas.drawOval(skia.Rect.MakeXYWH(r * 0.05, -r * 0.40 * part, r * 0.95 * part, r * 0.80 * part), paint)
        canvas.drawCircle(0, 0, r * 0.24, skia.Paint(Color=argb(heart), AntiAlias=True))

    return draw


def _blob(r: float, rough: float, n: int, rng: np.random.Generator, width: float = 1.0) -> skia.Path:
    """Trace a smooth, irregular patch."""
    turn = rng.uniform(0, math.pi)
    points = []
    for i in range(n):
        a, reach = 2 * math.pi * i / n, r * (1 + rough * float(rng.uniform(-1, 1)))
        x, y = width * reach * math.cos(a), reach * math.sin(a)
        points.append((x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)))
    path = skia.Path()
    middles = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(points, points[1:] + points[:1], strict=True)]
    path.moveTo(*middles[-1])
    for point, middle in zip(points, middles, strict=True):
        path.quadTo(*point, *middle)
    path.close()
    return path


def _leopard(colour: Colour, size: float, rng: np.random.Generator) -> Tile:
    dark = (30, 22, 18) if luminance(colour) > 0.25 else (0, 0, 0)
    middle = mix(colour, (120, 72, 30), 0.55)
    motifs: list[tuple[float, float, Callable[[skia.Canvas], None]]] = []
    for x, y in _scatter(34, size, rng):
        r = size * float(rng.uniform(0.045, 0.07))
        patch = _blob(r, 0.25, 7, rng, 1.25)
        dash = skia.DashPathEffect.Make([r * 1.9, r * 0.7], float(rng.uniform(0, 3)))
        ring = skia.Paint(Color=argb(dark), AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=r * 0.62)
        ring.setPathEffect(dash)

        def draw(canvas: skia.Canvas, patch: skia.Path = patch, ring: skia.Paint = ring) -> None:
            canvas.drawPath(patch, skia.Paint(Color=argb(middle), AntiAlias=True))
            canvas.drawPath(patch, ring)

        motifs.append((x, y, draw))
    return _make_seamless_tile(size, motifs)


def _camouflage(colour: Colour, size: float, rng: np.random.Generator) -> Tile:
    tones = (mix(colour, (30, 34, 22), 0.55), mix(colour, (120, 92, 60), 0.5), mix(colour, (226, 218, 180), 0.45),
             mix(colour, (18, 20, 16), 0.75))  # fmt: skip
    motifs: list[tuple[float, float, Callable[[skia.Canvas], None]]] = []
    for k, (x, y) in enumerate(_scatter(28, size, rng)):
        patch = _blob(size * float(rng.uniform(0.07, 0.13)), 0.55, 11, rng, 1.6)
        paint = skia.Paint(Color=argb(tones[k % 4]), AntiAlias=True)

        def draw(canvas: skia.Canvas, patch: skia.Path = patch, paint: skia.Paint = paint) -> None:
            canvas.drawPath(patch, paint)

        motifs.append((x, y, draw))
    return _make_seamless_tile(size, motifs)


def _geometric(accent: Colour, step: float, rng: np.random.Generator) -> Tile:
    """Record diamonds, zigzags, arches or triangles in rows."""
    form = ("diamonds", "zigzag", "arches", "triangles")[rng.integers(4)]
    recorder = skia.PictureRecorder()
    canvas = recorder.beginRecording(skia.Rect.MakeWH(step, step))
    fill = skia.Paint(Color=argb(accent), AntiAlias=True)
    line = skia.Paint(Color=argb(accent), AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=step * 0.13)
    path = skia.Path()
    half = step / 2
    if form == "diamonds":
        for x, y, r in ((half, half, 0.34), (0, 0, 0.16), (step, 0, 0.16), (0, step, 0.16), (step, step, 0.16)):
            path.addPoly([skia.Point(x - r * step, y), skia.Point(x, y - r * step * 1.25), skia.Point(x + r * step, y),
                          skia.Point(x, y + r * step * 1.25)], True)  # fmt: skip
        canvas.drawPath(path, fill)
    elif form == "triangles":
        for x, y in ((0.0, 0.05), (0.5, 0.55), (-0.5, 0.55)):
            path.addPoly([skia.Point((x + 0.08) * step, (y + 0.36) * step), skia.Point((x + 0.5) * step, y * step),
                          skia.Point((x + 0.92) * step, (y + 0.36) * step)], True)  # fmt: skip
        canvas.drawPath(path, fill)
    elif form == "zigzag":
        for y in (-half, 0.0, half, step):
            path.moveTo(-half, y + 0.55 * half)
            for k in range(4):
                path.lineTo(k * half, y if k % 2 else y + 0.55 * half)
        canvas.drawPath(path, line)
    else:
        for r in (0.44, 0.22):
            canvas.drawArc(
                skia.Rect.MakeLTRB(half - r * step, step * (0.9 - r), half + r * step, step * (0.9 + r)),
                180,
                180,
                False,
                line,
            )
    return recorder.finishRecordingAsPicture(), (step, step)
