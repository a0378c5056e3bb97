"""Walls that garments hang on, and rooms that mannequins stand in; in cm."""

import numpy as np
import skia

from wardrobe.fabric.colours import argb, mix
from wardrobe.scenes.noise_textures import noise_paint
from wardrobe.scenes.surface_patterns import BRIGHT_COLOURS, choose_tone, draw_motifs, draw_stripes, fill_rect
from wardrobe.scenes.surfaces import (
    Draw,
    choose_by_weight,
    draw_boards,
    draw_carpet,
    draw_paper,
    draw_parquet,
    draw_rotated,
    draw_tile_grid,
    draw_tiles,
)

WALL_COLOURS = (
    "e9e6e0", "dcdfe2", "f1efec", "d8d2c6", "c8cdd0", "e3dcd2", "b9b2a6", "cfd6cd", "8d9298", "d9c7b2", "b7c4cc",
    "e8d5cf", "9fb0a3", "c9a58f", "5f6b73", "e6dfb8",
)  # fmt: skip
DOOR_COLOURS = ("f0eeea", "e4e0d8", "8a5a36", "6d4329", "b07c4c", "c9a577", "d8cfc3", "a8482f", "4b3a30", "b4662f")
CURTAIN_COLOURS = ("e9e4da", "b9a48c", "7d8794", "9a5a55", "5d6b58", "d9c9b8", "3d4658", "c9b3c0", "efe9e2")


def draw_wall(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> bool:
    """Draw a random wall over a rectangle; returns whether paintings could hang on it."""
    weights: dict[Draw, float] = {
        draw_plaster: 0.36, draw_wallpaper: 0.12, draw_wardrobe_doors: 0.14, draw_door: 0.14, draw_curtain: 0.10,
        draw_wall_tiles: 0.07, draw_bricks: 0.07,
    }  # fmt: skip
    draw = choose_by_weight(weights, rng)
    draw(canvas, rect, rng)
    return draw in BARE_WALLS


def draw_room(canvas: skia.Canvas, rect: skia.Rect, floor: float, rng: np.random.Generator) -> tuple[bool, float]:
    """Draw a wall and the floor at the height `floor` that a mannequin stands on.

    Returns whether paintings could hang on the wall, and the y of its lower end.
    """
    line = floor - float(rng.uniform(3, 24))
    weights: dict[Draw, float] = {
        draw_wallpaper: 0.12, draw_curtain: 0.14, draw_bricks: 0.08, draw_wardrobe_doors: 0.06, draw_plaster: 0.60,
    }  # fmt: skip
    wall = skia.Rect.MakeLTRB(rect.left(), rect.top(), rect.right(), max(min(line, rect.bottom()), rect.top()) + 2.0)
    draw = choose_by_weight(weights, rng)
    draw(canvas, wall, rng)
    bare = draw in BARE_WALLS
    if line > rect.bottom():
        return bare, line
    _draw_floor(canvas, skia.Rect.MakeLTRB(rect.left(), line, rect.right(), rect.bottom()), rng)
    if rng.random() < 0.75:
        tone = choose_tone(("f4f3f0", "e9e6df", "8a5a36", "c9a577", "d5d5d6"), rng)
        height = float(rng.uniform(4, 9))
        for top, bottom, colour in ((line - height, line, tone), (line - 0.5, line, mix(tone, (20, 16, 14), 0.55)),
                                    (line - height, line - height + 0.5, mix(tone, (255, 255, 255), 0.5))):  # fmt: skip
            canvas.drawRect(
                skia.Rect.MakeLTRB(rect.left(), top, rect.right(), bottom),
                skia.Paint(Color=argb(colour), AntiAlias=True),
            )
    return bare, line


def _draw_floor(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a floor in perspective, from the image's lower edge back to the wall."""
    draw = (draw_boards, draw_boards, draw_carpet, draw_tiles, draw_parquet, draw_paper)[rng.integers(6)]
    canvas.save()
    canvas.clipRect(rect, skia.ClipOp.kIntersect, True)
    canvas.translate(rect.centerX(), rect.top())
    canvas.concat(skia.Matrix.MakeAll(1, 0, 0, 0, 0.32, 0, 0, -0.0016, 1))
    reach = 0.75 * rect.width()
    canvas.translate(0, reach)
    draw_rotated(
        canvas,
        skia.Rect.MakeLTRB(-reach, -reach, reach, reach),
        90.0 if rng.random() < 0.6 else float(rng.normal(0, 4)),
        draw,
        rng,
    )
    canvas.restore()
    shade = skia.GradientShader.MakeLinear(
        [skia.Point(0, rect.top()), skia.Point(0, rect.top() + 22)], [argb((16, 12, 12), 0.3), argb((16, 12, 12), 0.0)]
    )
    canvas.drawRect(rect, skia.Paint(Shader=shade))


def draw_plaster(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a painted wall."""
    fill_rect(canvas, rect, choose_tone(WALL_COLOURS, rng))
    canvas.drawRect(rect, noise_paint("cloud", 0.045, 0.6, rng))
    canvas.drawRect(rect, noise_paint("plaster", float(rng.uniform(0.01, 0.09)), float(rng.uniform(0.1, 0.3)), rng))


def draw_wallpaper(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw low-contrast wallpaper with stripes, flowers or leaves."""
    base = choose_tone(WALL_COLOURS, rng)
    tones = [mix(base, choose_tone(BRIGHT_COLOURS, rng), float(rng.uniform(0.08, 0.32))) for _ in range(3)]
    fill_rect(canvas, rect, base)
    if rng.random() < 0.35:
        draw_stripes(canvas, rect, tones[0], rng)
    else:
        draw_motifs(canvas, rect, tones, str(rng.choice(["flowers", "leaves"])), rng)
    canvas.drawRect(rect, noise_paint("plaster", 0.03, 0.15, rng))


def draw_wardrobe_doors(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a wardrobe's smooth doors with joints and handles."""
    base = choose_tone(DOOR_COLOURS, rng)
    fill_rect(canvas, rect, base)
    _draw_upright_grain(canvas, rect, float(rng.uniform(0.03, 0.3)), rng)
    width = float(rng.uniform(38, 60))
    start = float(rng.uniform(-width, 0))
    dark = skia.Paint(Color=argb(mix(base, (15, 10, 8), 0.8)), AntiAlias=True)
    bright = skia.Paint(Color=argb((255, 255, 255), 0.35), AntiAlias=True)
    for k in range(-4, 6):
        x = start + k * width
        canvas.drawRect(skia.Rect.MakeXYWH(x, rect.top(), 0.5, rect.height()), dark)
        canvas.drawRect(skia.Rect.MakeXYWH(x + 0.5, rect.top(), 0.25, rect.height()), bright)
        if k % 2 == 0:
            bar = skia.Rect.MakeXYWH(x + 3.0, float(rng.uniform(20, 30)), 1.4, 16)
            canvas.drawRoundRect(
                bar.makeOffset(0.5, 0.8), 0.7, 0.7, skia.Paint(Color=argb((20, 16, 14), 0.35), AntiAlias=True)
            )
            canvas.drawRoundRect(bar, 0.7, 0.7, skia.Paint(Color=argb((176, 178, 182)), AntiAlias=True))


def draw_door(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a door with raised panels."""
    base = choose_tone(DOOR_COLOURS, rng)
    fill_rect(canvas, rect, base)
    _draw_upright_grain(canvas, rect, float(rng.uniform(0.03, 0.25)), rng)
    width, height = float(rng.uniform(48, 75)), float(rng.uniform(50, 100))
    x0, y0 = float(rng.uniform(-0.7, -0.3)) * width, float(rng.uniform(-60, -10))
    for i in range(-2, 4):
        for k in range(-2, 4):
            panel = skia.Rect.MakeXYWH(x0 + i * (width + 9), y0 + k * (height + 11), width, height)
            for inset, colour, alpha in (
                (0.0, (15, 10, 8), 0.4),
                (1.2, (255, 255, 255), 0.28),
                (4.0, (15, 10, 8), 0.22),
            ):
                line = skia.Paint(
                    Color=argb(colour, alpha), Style=skia.Paint.kStroke_Style, StrokeWidth=0.9, AntiAlias=True
                )
                canvas.drawRect(panel.makeInset(inset, inset), line)


def _draw_upright_grain(canvas: skia.Canvas, rect: skia.Rect, strength: float, rng: np.random.Generator) -> None:
    canvas.drawRect(rect, noise_paint("grain", strength, 0.3, rng, 90.0))


def draw_curtain(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw a curtain in vertical folds."""
    base = choose_tone(CURTAIN_COLOURS, rng)
    fill_rect(canvas, rect, base)
    if rng.random() < 0.3:
        draw_motifs(canvas, rect, [mix(base, choose_tone(BRIGHT_COLOURS, rng), 0.3) for _ in range(3)], "flowers", rng)
    x = rect.left()
    strength = float(rng.uniform(0.15, 0.4))
    while x < rect.right():
        width = float(rng.uniform(5, 15))
        dark, depth = mix(base, (20, 16, 24), 0.85), strength * float(rng.uniform(0.5, 1.2))
        fold = skia.GradientShader.MakeLinear(
            [skia.Point(x, 0), skia.Point(x + width, 0)],
            [argb(dark, depth), argb((255, 255, 255), 0.4 * depth), argb(dark, 0.15 * depth), argb(dark, depth)],
            [0.0, 0.35, 0.7, 1.0],
        )
        canvas.drawRect(skia.Rect.MakeXYWH(x, rect.top(), width, rect.height()), skia.Paint(Shader=fold))
        x += width


def draw_wall_tiles(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw glazed tiles of a bathroom or kitchen."""
    base = choose_tone(("f2f2f0", "e4ebee", "d8e2dc", "e9dfd2", "b9ccd6", "6f8f95", "efe9dc"), rng)
    draw_tile_grid(canvas, rect, base, float(rng.choice([10.0, 15.0, 20.0])), float(rng.uniform(0.15, 0.4)), rng)


def draw_bricks(canvas: skia.Canvas, rect: skia.Rect, rng: np.random.Generator) -> None:
    """Draw bricks, bare or painted."""
    base = choose_tone(("a35c45", "8f5442", "e9e6e1", "d9d4cc", "b9a595", "5f5f62"), rng)
    fill_rect(canvas, rect, mix(base, (225, 220, 212), 0.55))
    paint = skia.Paint(AntiAlias=True)
    for k, y in enumerate(np.arange(rect.top(), rect.bottom(), 7.5)):
        for x in np.arange(rect.left() - (12.0 if k % 2 else 0.0), rect.right(), 24.0):
            shift = float(rng.normal(0, 0.06))
            paint.setColor(argb(mix(base, (255, 240, 225) if shift > 0 else (40, 25, 20), min(abs(shift), 0.3))))
            canvas.drawRect(skia.Rect.MakeXYWH(float(x), float(y), 23.0, 6.6), paint)
    canvas.drawRect(rect, noise_paint("fleece", 0.14, 0.2, rng))


BARE_WALLS: tuple[Draw, ...] = (draw_plaster, draw_wallpaper)  # walls that paintings and switches fit on
