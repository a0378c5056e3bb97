"""Patterns of background surfaces: stripes, bands, checks, zigzags, flowers, leaves, dots."""

import numpy as np
import skia

from wardrobe.fabric.colours import Colour, argb, mix, parse_hex

BRIGHT_COLOURS = (
    "c8433a", "2f5d8a", "e3b23c", "3d7a5b", "e9e1d2", "2b2d38", "b8607a", "6f4a8a", "e07b39", "8fb3c9", "f0d9dc",
    "7b8f4a",
)  # fmt: skip


def choose_tone(pool: tuple[str, ...], rng: np.random.Generator) -> Colour:
    """Choose a colour of a palette, slightly varied."""
    colour = parse_hex(pool[rng.integers(len(pool))])
    return mix(colour, parse_hex(pool[rng.integers(len(pool))]), float(rng.uniform(0, 0.12)))


def fill_rect(canvas: skia.Canvas, rect: skia.Rect, colour: Colour) -> None:
    """Fill a rectangle with a colour."""
    canvas.drawRect(rect, skia.Paint(Color=argb(colour)))


def draw_stripes(canvas: skia.Canvas, rect: skia.Rect, colour: Colour, rng: np.random.Generator) -> None:
    """Draw vertical stripes of one colour."""
    step = float(rng.uniform(2.5, 14))
    width = step * float(rng.uniform(0.2, 0.55))
    paint = skia.Paint(Color=argb(colour), AntiAlias=True)
    for x in np.arange(rect.left(), rect.right(), step):
        canvas.drawRect(skia.Rect.MakeXYWH(float(x), rect.top(), width, rect.height()), paint)


def draw_bands(canvas: skia.Canvas, rect: skia.Rect, tones: list[Colour], rng: np.random.Generator) -> None:
    """Draw horizontal bands of random depths and colours."""
    y, last = rect.top(), 0
    while y < rect.bottom():
        depth = float(rng.uniform(2, 13))
        last = (last + 1 + int(rng.integers(len(tones) - 1))) % len(tones)
        canvas.drawRect(skia.Rect.MakeXYWH(rect.left(), y, rect.width(), depth), skia.Paint(Color=argb(tones[last])))
        y += depth


def draw_check(canvas: skia.Canvas, rect: skia.Rect, tones: list[Colour], rng: np.random.Generator) -> None:
    """Draw a check of three colours."""
    step = float(rng.uniform(9, 26))
    for tone, at, width in ((tones[0], 0.0, 0.42), (tones[1], 0.62, 0.14), (tones[2], 0.82, 0.05)):
        paint = skia.Paint(Color=argb(tone, 0.55), AntiAlias=True)
        for t in np.arange(rect.left(), rect.right(), step):
            x = float(t) + at * step
            canvas.drawRect(skia.Rect.MakeXYWH(x, rect.top(), width * step, rect.height()), paint)
            canvas.drawRect(skia.Rect.MakeXYWH(rect.left(), x, rect.width(), width * step), paint)


def draw_zigzag(canvas: skia.Canvas, rect: skia.Rect, tones: list[Colour], rng: np.random.Generator) -> None:
    """Draw horizontal zigzag lines."""
    step, height = float(rng.uniform(5, 14)), float(rng.uniform(3, 9))
    xs = np.arange(rect.left(), rect.right() + step, step)
    for i, y in enumerate(np.arange(rect.top(), rect.bottom(), height * 1.6)):
        path = skia.Path()
        path.moveTo(rect.left() - step, float(y))
        for k, x in enumerate(xs):
            path.lineTo(float(x), float(y) + (height if k % 2 else 0.0))
        paint = skia.Paint(
            Color=argb(tones[i % 3]), Style=skia.Paint.kStroke_Style, StrokeWidth=0.42 * height, AntiAlias=True
        )
        canvas.drawPath(path, paint)


def draw_motifs(canvas: skia.Canvas, rect: skia.Rect, tones: list[Colour], kind: str, rng: np.random.Generator) -> None:
    """Draw a repeating pattern of flowers, leaves or dots."""
    step = float(rng.uniform(9, 30))
    recorder = skia.PictureRecorder()
    target = recorder.beginRecording(skia.Rect.MakeWH(step, step))
    places = [(0.3, 0.28, 0.26), (0.78, 0.74, 0.22), (0.75, 0.2, 0.11), (0.25, 0.78, 0.13)]
    for i, (x, y, size) in enumerate(places):
        _draw_motif(target, step * x, step * y, step * size, kind, tones[i % 3], tones[(i + 1) % 3], rng)
    repeat = skia.TileMode.kRepeat
    shader = recorder.finishRecordingAsPicture().makeShader(
        repeat,
        repeat,
        skia.FilterMode.kLinear,
        skia.Matrix.RotateDeg(float(rng.uniform(0, 90))),
        skia.Rect.MakeWH(step, step),
    )
    canvas.drawRect(rect, skia.Paint(Shader=shader))


def _draw_motif(
    canvas: skia.Canvas,
    x: float,
    y: float,
    size: float,
    kind: str,
    tone: Colour,
    other: Colour,
    rng: np.random.Generator,
) -> None:
    petals = 0 if kind == "dots" else int(rng.integers(5, 8)) if kind == "flowers" else 3
    canvas.save()
    canvas.translate(x, y)
    canvas.rotate(float(rng.uniform(0, 90)))
    paint = skia.Paint(Color=argb(tone), AntiAlias=True)
    for _ in range(petals):
        canvas.rotate(360 / petals)
        width = 0.3 if kind == "flowers" else 0.2
        canvas.drawOval(skia.Rect.MakeLTRB(-width * size, 0.1 * size, width * size, size), paint)
    canvas.drawCircle(0, 0, (0.3 if petals else 0.6) * size, skia.Paint(Color=argb(other), AntiAlias=True))
    canvas.restore()
