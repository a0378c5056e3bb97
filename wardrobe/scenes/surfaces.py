"""Surfaces that garments lie on: boards, sheets, blankets, quilts, carpets, tiles, tables, paper; in cm."""

import math
from collections.abc import Callable

import numpy as np
import skia

from wardrobe.fabric.colours import Colour, argb, luminance, mix
from wardrobe.scenes.noise_textures import noise_paint
from wardrobe.scenes.surface_patterns import (
    BRIGHT_COLOURS,
    choose_tone,
    draw_bands,
    draw_check,
    draw_motifs,
    draw_stripes,
    draw_zigzag,
    fill_rect,
)

Draw = Callable[[skia.Canvas, skia.Rect, np.random.Generator], None]
WOOD_COLOURS = (
    "b98d62",
    "8d6544",
    "c9a987",
    "a79a8c",
    "6b4a34",
    "d6c3a8",
    "9c7b5d",
    "5a3d2b",
    "c98f56",
    "b9b0a4",
    "7a5a44",
)
LINEN_COLOURS = (
    "f3f1ee", "f1eeea", "f6f6f4", "f4f2ee", "d42a22", "e3e6ec", "ead9d3", "d5dde0", "e6dccb", "c8242c", "b3202a",
    "d8402f", "e8562e", "7f8aa0", "b7bfae", "9a3f3f", "e9dfae", "4b5566", "2a2b31", "3f6a86", "c9a3b4", "dcc7b2",
    "8f6f9a", "5d7a5a",
)  # fmt: skip
CARPET_COLOURS = (
    "8c8478", "b3a898", "5d6470", "7a4f46", "a5a9a4", "46505a", "c9bda9", "6e6a72", "3f4148", "a08a6a", "7d2b33",
    "d8d0c4",
)  # fmt: skip
STONE_COLOURS = ("d9d4cb", "cfc8bb", "bfc3c4", "c7b49b", "e6e4df", "9aa0a3", "d3c4ae", "8a7f75")


def draw_surface(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a random surface over a rectangle, rotated at random."""
    weights: dict[Draw, float] = {
        draw_boards: 0.22, draw_parquet: 0.09, draw_sheet: 0.26, draw_blanket: 0.10, draw_quilt: 0.06,
        draw_carpet: 0.09, draw_rug: 0.06, draw_tiles: 0.10, draw_table: 0.07, draw_paper: 0.04,
    }  # fmt: skip
    draw = choose_by_weight(weights, rng)
    rotation = float(rng.normal(0, 4)) + float(rng.choice([0.0, 90.0]))
    if draw is draw_tiles and rng.random() < 0.4:
        rotation += 45.0
    draw_rotated(canvas, rect, rotation, draw, rng)


def choose_by_weight(weights: dict[Draw, float], rng: np.random.Generator) -> Draw:
    """Choose a background; `weights` are relative frequencies."""
    shares = np.array(list(weights.values()))
    return list(weights)[int(rng.choice(len(weights), p=shares / shares.sum()))]


def draw_rotated(canvas: skia.Canvas, rect: skia.Rect, rotation: float, draw: Draw, rng: np.random.Generator) -> None:
    """Draw over a rectangle, rotated by degrees about its centre."""
    reach = 0.5 * math.hypot(rect.width(), rect.height())
    canvas.save()
    canvas.translate(rect.centerX(), rect.centerY())
    canvas.rotate(rotation)
    draw(canvas, skia.Rect.MakeLTRB(-reach, -reach, reach, reach), rng)
    canvas.restore()


def draw_boards(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw floor boards or laminate."""
    depth = float(rng.choice([7.0, 9.0, 12.5, 19.0]))
    length = float(rng.uniform(90, 150)) if depth > 8 else float(rng.uniform(35, 60))
    _draw_planks(canvas, rect, choose_tone(WOOD_COLOURS, rng), depth, length, float(rng.uniform(0.1, 0.6)), rng)


def _draw_planks(
    canvas: skia.Canvas,
    rect: skia.Rect,
    base: Colour,
    depth: float,
    plank_length: float,
    joint: float,
    rng: np.random.Generator,
) -> None:
    spread, grain = float(rng.uniform(0.04, 0.2)), float(rng.uniform(0.14, 0.34))
    scale = float(rng.uniform(0.16, 0.26))
    dark = mix(base, (15, 8, 4), 0.7)
    line = skia.Paint(Color=argb(dark, joint), Style=skia.Paint.kStroke_Style, StrokeWidth=0.32, AntiAlias=True)
    rows = skia.Path()
    y = rect.top()
    while y < rect.bottom():
        x = rect.left() - float(rng.uniform(0, plank_length))
        while x < rect.right():
            length = plank_length * float(rng.uniform(0.8, 1.15))
            plank = skia.Rect.MakeXYWH(x, y, length, depth)
            shift = float(rng.normal(0, spread))
            tone = mix(base, (255, 246, 230) if shift > 0 else (40, 24, 14), min(abs(shift), 0.45))
            canvas.drawRect(plank, skia.Paint(Color=argb(tone)))
            canvas.drawRect(plank, noise_paint("grain", grain, scale, rng))
            rows.addRect(plank)
            x += length
        y += depth
    canvas.drawPath(rows, line)


def draw_parquet(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw herringbone parquet."""
    base, grain = choose_tone(WOOD_COLOURS, rng), float(rng.uniform(0.16, 0.3))
    width, times = float(rng.uniform(6.5, 9.0)), int(rng.integers(4, 6))
    spread = float(rng.uniform(0.05, 0.15))
    length = width * times
    paints = [noise_paint("grain", grain, 0.2, rng, rotation) for rotation in (0.0, 90.0)]
    joints = skia.Path()
    canvas.save()
    canvas.rotate(45)
    half = 0.72 * rect.width()
    steps = int(2 * half / width) + 2
    for k in range(-steps, steps):
        for m in range(-int(steps / times) - 2, int(steps / times) + 2):
            x, y = k * width + m * length, k * width - m * length
            if abs(x + y) > 2.1 * half or abs(x - y) > 2.1 * half or math.hypot(x, y) > 1.2 * rect.width() / 2 * 1.42:
                continue
            for block, paint in (
                (skia.Rect.MakeXYWH(x, y, length, width), paints[0]),
                (skia.Rect.MakeXYWH(x + length, y + width - length, width, length), paints[1]),
            ):
                shift = float(rng.normal(0, spread))
                tone = mix(base, (255, 246, 230) if shift > 0 else (40, 24, 14), min(abs(shift), 0.4))
                canvas.drawRect(block, skia.Paint(Color=argb(tone)))
                canvas.drawRect(block, paint)
                joints.addRect(block)
    dark = mix(base, (15, 8, 4), 0.7)
    canvas.drawPath(
        joints, skia.Paint(Color=argb(dark, 0.5), Style=skia.Paint.kStroke_Style, StrokeWidth=0.25, AntiAlias=True)
    )
    canvas.restore()


def draw_sheet(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a bed sheet, plain or striped, with creases."""
    base = choose_tone(LINEN_COLOURS, rng)
    fill_rect(canvas, rect, base)
    if rng.random() < 0.2:
        draw_stripes(canvas, rect, mix(base, choose_tone(BRIGHT_COLOURS, rng), float(rng.uniform(0.2, 0.7))), rng)
    draw_creases(canvas, rect, float(rng.uniform(0.5, 1.4)), rng)


def draw_creases(canvas: skia.Canvas, rect: skia.Rect, strength: float, rng: np.random.Generator) -> None:
    """Draw the light and shadow of cloth that does not lie flat."""
    rotation, kind = float(rng.uniform(0, 360)), rng.random()
    if kind < 0.65:
        canvas.drawRect(rect, noise_paint("drape", 0.2 * strength, float(rng.uniform(0.16, 0.24)), rng, rotation))
    if kind > 0.3:
        canvas.drawRect(
            rect, noise_paint("crumple", 0.15 * strength, float(rng.uniform(0.12, 0.2)), rng, rotation + 40)
        )


def draw_blanket(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a blanket with a bold pattern."""
    base = choose_tone(LINEN_COLOURS + BRIGHT_COLOURS, rng)
    tones = [choose_tone(BRIGHT_COLOURS, rng) for _ in range(3)]
    strength = float(rng.uniform(0.35, 0.95))
    tones = [mix(base, tone, strength) for tone in tones]
    fill_rect(canvas, rect, base)
    kind = str(rng.choice(["flowers", "check", "bands", "leaves", "zigzag", "dots"]))
    if kind == "bands":
        draw_bands(canvas, rect, [base, *tones], rng)
    elif kind == "check":
        draw_check(canvas, rect, tones, rng)
    elif kind == "zigzag":
        draw_zigzag(canvas, rect, tones, rng)
    else:
        draw_motifs(canvas, rect, tones, kind, rng)
    draw_creases(canvas, rect, float(rng.uniform(0.4, 1.0)), rng)


def draw_quilt(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a quilted bedspread: padded squares or diamonds."""
    base = choose_tone(LINEN_COLOURS, rng)
    fill_rect(canvas, rect, base)
    if rng.random() < 0.3:
        draw_motifs(canvas, rect, [mix(base, choose_tone(BRIGHT_COLOURS, rng), 0.45) for _ in range(3)], "flowers", rng)
    step = float(rng.uniform(5, 12))
    recorder = skia.PictureRecorder()
    target = recorder.beginRecording(skia.Rect.MakeWH(step, step))
    pad = skia.GradientShader.MakeRadial(
        skia.Point(0.4 * step, 0.38 * step), 0.75 * step,
        [argb((255, 255, 255), 0.12), argb((255, 255, 255), 0.0), argb((20, 18, 30), 0.26)], [0.0, 0.5, 1.0],
    )  # fmt: skip
    target.drawRect(skia.Rect.MakeWH(step, step), skia.Paint(Shader=pad))
    seam = skia.Paint(Color=argb((20, 18, 30), 0.3), StrokeWidth=0.25, AntiAlias=True)
    target.drawLine(0, 0, step, 0, seam)
    target.drawLine(0, 0, 0, step, seam)
    repeat = skia.TileMode.kRepeat
    local = skia.Matrix.RotateDeg(45.0 if rng.random() < 0.6 else 0.0)
    shader = recorder.finishRecordingAsPicture().makeShader(
        repeat, repeat, skia.FilterMode.kLinear, local, skia.Rect.MakeWH(step, step)
    )
    canvas.drawRect(rect, skia.Paint(Shader=shader))
    draw_creases(canvas, rect, 0.4, rng)


def draw_carpet(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a carpet of one colour."""
    fill_rect(canvas, rect, choose_tone(CARPET_COLOURS, rng))
    kind = "tuft" if rng.random() < 0.6 else "fleece"
    canvas.drawRect(rect, noise_paint(kind, float(rng.uniform(0.2, 0.38)), float(rng.uniform(0.1, 0.22)), rng))
    canvas.drawRect(rect, noise_paint("cloud", 0.07, 0.35, rng))


def draw_rug(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a patterned rug, some with a border that crosses the image."""
    base = choose_tone((*CARPET_COLOURS, "8a1f2a", "6b1d26", "2f3f5c", "4a5a3a", "b08d57"), rng)
    tones = [mix(base, choose_tone(BRIGHT_COLOURS, rng), float(rng.uniform(0.4, 0.9))) for _ in range(3)]
    fill_rect(canvas, rect, base)
    kind = str(rng.choice(["flowers", "flowers", "leaves", "zigzag", "bands", "check"]))
    if kind == "zigzag":
        draw_zigzag(canvas, rect, tones, rng)
    elif kind == "bands":
        draw_bands(canvas, rect, [base, *tones], rng)
    elif kind == "check":
        draw_check(canvas, rect, tones, rng)
    else:
        draw_motifs(canvas, rect, tones, kind, rng)
        draw_motifs(canvas, rect, tones[::-1], "leaves", rng)
    if rng.random() < 0.5:
        x = float(rng.uniform(0.25, 0.5)) * rect.width() * (1 if rng.random() < 0.5 else -1)
        for width, tone in ((14.0, tones[0]), (10.0, base), (2.0, tones[1])):
            canvas.drawRect(
                skia.Rect.MakeLTRB(x - width, rect.top(), x + width, rect.bottom()),
                skia.Paint(Color=argb(tone), AntiAlias=True),
            )
    canvas.drawRect(rect, noise_paint("tuft", 0.24, 0.12, rng))


def draw_tiles(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw floor tiles."""
    step = float(rng.choice([20.0, 30.0, 33.0, 45.0, 60.0]))
    draw_tile_grid(canvas, rect, choose_tone(STONE_COLOURS, rng), step, float(rng.uniform(0.3, 0.8)), rng)


def draw_tile_grid(
    canvas: skia.Canvas, rect: skia.Rect, base: Colour, step: float, joint: float, rng: np.random.Generator
) -> None:
    """Draw square tiles, slightly varied, with joints of opacity `joint`."""
    fill_rect(canvas, rect, base)
    light = skia.Paint(AntiAlias=False)
    for x in np.arange(rect.left(), rect.right(), step):
        for y in np.arange(rect.top(), rect.bottom(), step):
            shift = float(rng.normal(0, 0.03))
            light.setColor(argb((255, 255, 255) if shift > 0 else (0, 0, 0), min(abs(shift), 0.12)))
            canvas.drawRect(skia.Rect.MakeXYWH(float(x), float(y), step, step), light)
    canvas.drawRect(rect, noise_paint("cloud", float(rng.uniform(0.02, 0.1)), 0.3, rng))
    pale = luminance(base) > 0.8 and rng.random() < 0.4
    colour = mix(base, (70, 62, 56) if not pale else (150, 146, 140), joint)
    line = skia.Paint(Color=argb(colour), StrokeWidth=float(rng.uniform(0.25, 0.6)), AntiAlias=True)
    for t in np.arange(rect.left(), rect.right(), step):
        canvas.drawLine(float(t), rect.top(), float(t), rect.bottom(), line)
        canvas.drawLine(rect.left(), float(t), rect.right(), float(t), line)


def draw_table(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a table top, some with the gap of a folding table."""
    base = choose_tone(("e9e2d8", "efece8", "d9c7ae", "c7a67c", "8a5f3f", "e4dcd4", "bfb3a6", "4b3327"), rng)
    fill_rect(canvas, rect, base)
    canvas.drawRect(rect, noise_paint("grain", float(rng.uniform(0.05, 0.22)), 0.3, rng))
    if rng.random() < 0.6:
        y = float(rng.uniform(-0.15, 0.15)) * rect.height()
        for width, colour, alpha in ((0.9, mix(base, (20, 12, 8), 0.75), 0.9), (0.3, (255, 255, 255), 0.3)):
            canvas.drawRect(
                skia.Rect.MakeXYWH(rect.left(), y + 0.9 - width, rect.width(), width),
                skia.Paint(Color=argb(colour, alpha), AntiAlias=True),
            )


def draw_paper(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw studio paper, or a smooth floor of one colour."""
    fill_rect(
        canvas,
        rect,
        choose_tone(("f3f1ee", "e4e2de", "cfd4d8", "e8dccf", "d9b9ad", "b9c7b8", "8d9aa8", "44464c", "e2cf9f"), rng),
    )
    canvas.drawRect(rect, noise_paint("cloud", 0.03, 0.5, rng))
