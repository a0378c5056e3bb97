"""The repeating pictures that cloth is printed, knitted or woven with, in centimetres."""

from functools import lru_cache

import numpy as np
import skia

from rpf.data.wardrobe.colours import Colour, argb, luminance, mix

GRAIN: dict[str, tuple[str, float, tuple[float, float]]] = {
    "denim": ("fine", 0.16, (0.10, 0.30)),
    "heather": ("fine", 0.20, (0.24, 0.14)),
    "twill": ("twill", 0.09, (0.12, 0.12)),
    "herringbone": ("fine", 0.10, (0.2, 0.2)),
    "oxford": ("fine", 0.13, (0.18, 0.18)),
    "knit": ("fine", 0.07, (0.25, 0.25)),
    "chunky": ("fine", 0.08, (0.3, 0.3)),
}


@lru_cache(maxsize=8)
def grain(kind: str) -> skia.Image:
    """A tile of black and white specks, (128, 128) RGBA."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (128, 128))
    if kind == "twill":
        noise = np.sum([np.roll(noise, (k, k), (0, 1)) for k in range(-2, 3)], axis=0) / 2.2
    noise += 0.7 * (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 2
    alpha = np.clip(np.abs(noise) * 110, 0, 255).astype(np.uint8)
    value = np.where(noise > 0, 255, 0).astype(np.uint8)
    return skia.Image.fromarray(np.ascontiguousarray(np.dstack([value, value, value, alpha])),
                                colorType=skia.ColorType.kRGBA_8888_ColorType)  # fmt: skip


Tile = tuple[skia.Picture, tuple[float, float]]


def _record(width: float, height: float) -> tuple[skia.PictureRecorder, skia.Canvas]:
    recorder = skia.PictureRecorder()
    return recorder, recorder.beginRecording(skia.Rect.MakeWH(width, height))


def tile(kind: str, colour: Colour, accent: Colour, scale: float, seed: int) -> Tile | None:
    """The repeating picture of a pattern and its size in cm; None where the texture alone is the pattern."""
    rng = np.random.default_rng((seed, 3))
    if kind in ("stripes", "wide stripes"):
        return _stripes(accent, (2.4 if kind == "stripes" else 6.5) * scale, float(rng.uniform(0.3, 0.52)))
    if kind == "pinstripes":
        return _pinstripes(accent, 1.9 * scale)
    if kind == "check":
        return _check(colour, accent, 7.0 * scale, rng)
    if kind == "dots":
        return _dots(accent, 3.0 * scale, float(rng.uniform(0.16, 0.3)))
    if kind == "floral":
        return _floral(colour, accent, 13.0 * scale, rng)
    if kind == "herringbone":
        return _herringbone(colour, 3.2 * scale)
    if kind in ("knit", "chunky"):
        return _knit(colour, (0.75 if kind == "knit" else 1.7) * scale)
    return None


def _stripes(accent: Colour, step: float, part: float) -> Tile:
    recorder, canvas = _record(step, step * 4)
    paint = skia.Paint(Color=argb(accent), AntiAlias=True)
    for i in range(4):
        canvas.drawRect(skia.Rect.MakeXYWH(-1, i * step, step + 2, step * part), paint)
    return recorder.finishRecordingAsPicture(), (step, step * 4)


def _pinstripes(accent: Colour, step: float) -> Tile:
    recorder, canvas = _record(step * 4, step)
    paint = skia.Paint(Color=argb(accent, 0.8), AntiAlias=True)
    for i in range(4):
        canvas.drawRect(skia.Rect.MakeXYWH((i + 0.4) * step, -1, 0.32 * min(step, 2.0), step + 2), paint)
    return recorder.finishRecordingAsPicture(), (step * 4, step)


def _check(colour: Colour, accent: Colour, step: float, rng: np.random.Generator) -> Tile:
    recorder, canvas = _record(step, step)
    wide = skia.Paint(Color=argb(accent, 0.42), AntiAlias=True)
    thin = skia.Paint(Color=argb(mix(colour, (255, 255, 255) if luminance(colour) < 0.5 else (30, 25, 35), 0.65), 0.6))
    part = float(rng.uniform(0.25, 0.5))
    line = 0.06 * step
    for turn in (False, True):
        if turn:
            canvas.concat(skia.Matrix.MakeAll(0, 1, 0, 1, 0, 0, 0, 0, 1))
        canvas.drawRect(skia.Rect.MakeXYWH(step * 0.1, -1, step * part, step + 2), wide)
        canvas.drawRect(skia.Rect.MakeXYWH(step * (0.1 + part + (0.9 - part) / 2), -1, line, step + 2), thin)
        if part < 0.4:
            canvas.drawRect(skia.Rect.MakeXYWH(step * (0.1 + part / 2) - line / 2, -1, line, step + 2), thin)
    return recorder.finishRecordingAsPicture(), (step, step)


def _dots(accent: Colour, step: float, radius: float) -> Tile:
    recorder, canvas = _record(step * 2, step * 2)
    paint = skia.Paint(Color=argb(accent), AntiAlias=True)
    for i in range(2):
        for j in range(2):
            for shift in (0.25, 0.75):
                canvas.drawCircle((i + shift) * step, (j + shift) * step, radius * step * 0.62, paint)
    return recorder.finishRecordingAsPicture(), (step * 2, step * 2)


def _floral(colour: Colour, accent: Colour, size: float, rng: np.random.Generator) -> Tile:
    recorder, canvas = _record(size, size)
    leaf = skia.Paint(Color=argb(mix((86, 110, 84), colour, 0.25)), AntiAlias=True)
    heart = skia.Paint(Color=argb(mix((240, 205, 120), accent, 0.2)), AntiAlias=True)
    for k, (gx, gy) in enumerate([(0.2, 0.22), (0.7, 0.3), (0.42, 0.62), (0.9, 0.78), (0.12, 0.86), (0.63, 0.92)]):
        x, y = (gx + rng.uniform(-0.06, 0.06)) * size, (gy + rng.uniform(-0.05, 0.05)) * size
        r, turn = size * rng.uniform(0.07, 0.12), rng.uniform(0, 360)
        petal = skia.Paint(Color=argb(mix(accent, (255, 255, 255), 0.35 * (k % 3) / 2)), AntiAlias=True)
        for dx in (-size, 0, size):  # what hangs over an edge of the tile comes in at the other one
            for dy in (-size, 0, size):
                canvas.save()
                canvas.translate(x + dx, y + dy)
                canvas.rotate(turn)
                for side in (50, 200):
                    canvas.save()
                    canvas.rotate(side)
                    canvas.drawOval(skia.Rect.MakeXYWH(r * 0.5, -r * 0.22, r * 1.2, r * 0.44), leaf)
                    canvas.restore()
                for _ in range(5):
                    canvas.rotate(72)
                    canvas.drawOval(skia.Rect.MakeXYWH(r * 0.1, -r * 0.36, r * 0.85, r * 0.72), petal)
                canvas.drawCircle(0, 0, r * 0.25, heart)
                canvas.restore()
    return recorder.finishRecordingAsPicture(), (size, size)


def _herringbone(colour: Colour, step: float) -> Tile:
    recorder, canvas = _record(step, step)
    other = mix(colour, (255, 255, 255) if luminance(colour) < 0.55 else (40, 36, 40), 0.28)
    paint = skia.Paint(Color=argb(other), AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=step * 0.09)
    for i in range(-3, 8):
        y = i * step / 4
        canvas.drawLine(0, y, step / 2, y + step / 2, paint)
        canvas.drawLine(step / 2, y + step / 2, step, y, paint)
    return recorder.finishRecordingAsPicture(), (step, step)


def _knit(colour: Colour, step: float) -> Tile:
    """Columns of V-shaped stitches."""
    recorder, canvas = _record(step * 4, step * 4)
    dark = mix(colour, (20, 15, 25), 0.3)
    paint = skia.Paint(Color=argb(dark, 0.55), AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=step * 0.16)
    for i in range(4):
        for j in range(-1, 5):
            x, y = i * step, j * step * 0.8 * 1.25
            canvas.drawLine(x, y, x + step / 2, y + step * 0.6, paint)
            canvas.drawLine(x + step / 2, y + step * 0.6, x + step, y, paint)
    return recorder.finishRecordingAsPicture(), (step * 4, step * 4)
