"""Woven and knitted patterns as tiles in cm: stripes, checks, stitches, cables, corduroy and grain."""

from functools import lru_cache

import numpy as np
import skia

from wardrobe.fabric.colours import COLOUR_FAMILIES, STRONG_FAMILIES, Colour, argb, luminance, mix, parse_hex
from wardrobe.fabric.printed_patterns import Tile, print_tile

# Grain of a pattern: kind of speck, opacity, and (width, height) of a speck in cm.
GRAIN_BY_PATTERN: dict[str, tuple[str, float, tuple[float, float]]] = {
    "denim": ("fine", 0.13, (0.10, 0.30)),
    "heather": ("fine", 0.15, (0.22, 0.10)),
    "twill": ("twill", 0.08, (0.12, 0.12)),
    "tweed": ("fine", 0.26, (0.20, 0.20)),
    "herringbone": ("fine", 0.08, (0.15, 0.15)),
    "oxford": ("fine", 0.10, (0.14, 0.14)),
}
TEXTURE_PATTERNS = (
    "denim",
    "knit",
    "heather",
    "chunky",
    "cable",
    "corduroy",
    "twill",
    "tweed",
)  # weaves and knits, not prints


@lru_cache(maxsize=8)
def grain_tile(kind: str) -> skia.Image:
    """Render a tile of black and white specks, (128, 128) RGBA."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 1, (128, 128))
    if kind == "twill":
        noise = np.sum([np.roll(noise, (k, k), (0, 1)) for k in range(-2, 3)], axis=0) / 2.2
    noise += 0.7 * (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1)) / 2
    alpha = np.clip(np.abs(noise) * 110, 0, 255).astype(np.uint8)
    value = np.where(noise > 0, 255, 0).astype(np.uint8)
    return skia.Image.fromarray(
        np.ascontiguousarray(np.dstack([value, value, value, alpha])), colorType=skia.ColorType.kRGBA_8888_ColorType
    )


Band = tuple[float, float, int]  # start, width, colour


@lru_cache(maxsize=64)
def pattern_tile(kind: str, colour: Colour, accent: Colour, scale: float, seed: int) -> Tile | None:
    """Record the tile of a pattern and its size in cm; None where the texture is the only pattern."""
    rng = np.random.default_rng((seed, 3))
    if kind in ("stripes", "wide stripes", "breton", "multi stripes", "pinstripes", "vertical stripes"):
        return _stripes(kind, accent, scale, rng)
    if kind in ("check", "gingham", "buffalo", "windowpane"):
        return _check(kind, colour, accent, scale, rng)
    if kind == "herringbone":
        return _herringbone(colour, 2.6 * scale)
    if kind in ("knit", "chunky"):
        return _knit(colour, (0.62 if kind == "knit" else 1.7) * scale)
    if kind == "cable":
        return _cable(colour, 8.5 * scale)
    if kind == "fair isle":
        return _fair_isle(colour, accent, 0.95, rng)
    if kind == "corduroy":
        return _corduroy(colour, 0.7 * scale)
    return print_tile(kind, colour, accent, scale, rng)


def _begin_tile(width: float, height: float) -> tuple[skia.PictureRecorder, skia.Canvas]:
    recorder = skia.PictureRecorder()
    return recorder, recorder.beginRecording(skia.Rect.MakeWH(width, height))


def _random_third_colour(rng: np.random.Generator) -> Colour:
    names = (*STRONG_FAMILIES, "white", "grey")
    family = COLOUR_FAMILIES[names[rng.integers(len(names))]]
    return parse_hex(family[rng.integers(len(family))])


def _stripes(kind: str, accent: Colour, scale: float, rng: np.random.Generator) -> Tile:
    one = argb(accent)
    if kind == "pinstripes":
        step = 1.7 * scale
        bands: list[Band] = [(0.4 * step, 0.24, argb(accent, 0.75))]
    elif kind == "breton":
        step = 2.3 * scale
        bands = [(0.2 * step, 0.32 * step, one)]
    elif kind == "multi stripes":
        other, more = _random_third_colour(rng), _random_third_colour(rng)
        step = 9.0 * scale
        bands = [(0.05 * step, 0.22 * step, one), (0.33 * step, 0.12 * step, argb(other)),
                 (0.52 * step, 0.22 * step, argb(more)), (0.80 * step, 0.06 * step, one)]  # fmt: skip
    else:
        step = {"stripes": 3.0, "wide stripes": 9.5, "vertical stripes": 2.6}[kind] * scale
        part = float(rng.uniform(0.3, 0.52))
        bands = [(0.1 * step, part * step, one)]
        if kind == "wide stripes" and rng.random() < 0.35:
            bands.append(((0.1 + part + 0.15) * step, 0.07 * step, one))
    upright = kind in ("pinstripes", "vertical stripes")
    size = (step, 8.0) if upright else (8.0, step)
    recorder, canvas = _begin_tile(*size)
    for start, width, paint in bands:
        rect = (start, -1.0, width, 10.0) if upright else (-1.0, start, 10.0, width)
        canvas.drawRect(skia.Rect.MakeXYWH(*rect), skia.Paint(Color=paint, AntiAlias=True))
    return recorder.finishRecordingAsPicture(), size


def _check(kind: str, colour: Colour, accent: Colour, scale: float, rng: np.random.Generator) -> Tile:
    """Draw the same bands across and down; they are darker where they cross."""
    if kind in ("gingham", "buffalo"):
        step = (1.9 if kind == "gingham" else 7.5) * scale
        bands: list[Band] = [(0.0, step / 2, argb(accent, 0.58))]
    elif kind == "windowpane":
        step = 7.5 * scale
        bands = [(0.48 * step, 0.28, argb(accent, 0.8))]
    else:
        step = 10.5 * scale
        thin = argb(mix(_random_third_colour(rng), (255, 255, 255), 0.2), 0.75)
        band_share = float(rng.uniform(0.28, 0.42))
        dark = argb(mix(colour, (10, 10, 20), 0.75), 0.5)
        bands = [
            (0.08 * step, band_share * step, argb(accent, 0.5)),
            ((0.08 + band_share / 2) * step, 0.035 * step, thin),
            ((0.2 + band_share) * step, 0.10 * step, dark),
            ((0.36 + band_share) * step, 0.035 * step, thin),
        ]
        if rng.random() < 0.5:
            bands.append(((0.5 + band_share) * step, 0.10 * step, dark))
    recorder, canvas = _begin_tile(step, step)
    for turned in (False, True):
        for start, width, paint in bands:
            rect = (-1.0, start, step + 2, width) if turned else (start, -1.0, width, step + 2)
            canvas.drawRect(skia.Rect.MakeXYWH(*rect), skia.Paint(Color=paint, AntiAlias=True))
    return recorder.finishRecordingAsPicture(), (step, step)


def _stroke(colour: int, width: float) -> skia.Paint:
    return skia.Paint(Color=colour, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width)


def _herringbone(colour: Colour, step: float) -> Tile:
    recorder, canvas = _begin_tile(step, step)
    other = mix(colour, (255, 255, 255) if luminance(colour) < 0.55 else (40, 36, 40), 0.28)
    paint = _stroke(argb(other), step * 0.09)
    for i in range(-3, 8):
        y = i * step / 4
        canvas.drawLine(0, y, step / 2, y + step / 2, paint)
        canvas.drawLine(step / 2, y + step / 2, step, y, paint)
    return recorder.finishRecordingAsPicture(), (step, step)


def _knit(colour: Colour, step: float) -> Tile:
    """Draw columns of V-shaped stitches."""
    recorder, canvas = _begin_tile(step * 4, step * 4)
    pale = luminance(colour) < 0.2
    dark = mix(colour, (255, 255, 255), 0.30) if pale else mix(colour, (20, 15, 25), 0.32)
    paint = _stroke(argb(dark, 0.40 if pale else 0.5), step * 0.15)
    for i in range(4):
        for j in range(-1, 5):
            x, y = i * step, j * step
            canvas.drawLine(x, y, x + step / 2, y + step * 0.6, paint)
            canvas.drawLine(x + step / 2, y + step * 0.6, x + step, y, paint)
    return recorder.finishRecordingAsPicture(), (step * 4, step * 4)


def _cable(colour: Colour, step: float) -> Tile:
    """Draw ropes of two crossing strands with plain stitches between them."""
    length = step * 0.62
    recorder, canvas = _begin_tile(step, length)
    dark = mix(colour, (20, 14, 24), 0.5) if luminance(colour) > 0.2 else mix(colour, (0, 0, 0), 0.8)
    pale = mix(colour, (255, 255, 255), 0.4 if luminance(colour) > 0.2 else 0.16)
    for x in (0.06, 0.56, 0.66, 0.76, 0.86, 0.96):
        canvas.drawLine(x * step, -1, x * step, length + 1, _stroke(argb(dark, 0.35), step * 0.025))
    for flip in (1, -1):
        strand = skia.Path()
        for start in (-length, 0.0):
            x0, x1 = (0.31 - 0.12 * flip) * step, (0.31 + 0.12 * flip) * step
            strand.moveTo(x0, start)
            strand.cubicTo(x0, start + 0.5 * length, x1, start + 0.5 * length, x1, start + length)
            strand.cubicTo(x1, start + 1.5 * length, x0, start + 1.5 * length, x0, start + 2 * length)
        for tone, width in ((argb(dark, 0.7), 0.19), (argb(colour), 0.155), (argb(pale, 0.55), 0.05)):
            canvas.drawPath(strand, _stroke(tone, width * step))
    return recorder.finishRecordingAsPicture(), (step, length)


def _fair_isle(colour: Colour, accent: Colour, stitch: float, rng: np.random.Generator) -> Tile:
    """Draw bands of small motifs, stitch by stitch, on a knitted ground."""
    rows = (
        "x.x.x.x.x.x.", "............", "...xx....xx.", "..xxxx..xxxx", ".xx..xxxx..x", "..xxxx..xxxx", "...xx....xx.",
        "............", "xxxxxxxxxxxx", "............", "x...x...x...", ".x.x.x.x.x.x", "..x...x...x.", "............",
    )  # fmt: skip
    gap = int(rng.integers(2, 14))
    other = _random_third_colour(rng) if rng.random() < 0.5 else accent
    width, height = 12 * stitch, (len(rows) + gap) * stitch
    recorder, canvas = _begin_tile(width, height)
    for j, row in enumerate(rows):
        paint = skia.Paint(Color=argb(other if 2 <= j <= 6 else accent), AntiAlias=True)
        for i, mark in enumerate(row):
            if mark == "x":
                canvas.drawRect(skia.Rect.MakeXYWH(i * stitch, j * stitch, stitch * 1.03, stitch * 1.03), paint)
    ground, size = _knit(colour, stitch)
    for y in range(0, int(height / size[1]) + 1):
        for x in range(3):
            canvas.save()
            canvas.translate(x * size[0], y * size[1])
            canvas.drawPicture(ground)
            canvas.restore()
    return recorder.finishRecordingAsPicture(), (width, height)


def _corduroy(colour: Colour, step: float) -> Tile:
    recorder, canvas = _begin_tile(step, 8.0)
    canvas.drawRect(
        skia.Rect.MakeXYWH(0, -1, step * 0.3, 10), skia.Paint(Color=argb(mix(colour, (0, 0, 0), 0.6), 0.45))
    )
    canvas.drawRect(skia.Rect.MakeXYWH(step * 0.5, -1, step * 0.25, 10), skia.Paint(Color=argb((255, 255, 255), 0.10)))
    return recorder.finishRecordingAsPicture(), (step, 8.0)
