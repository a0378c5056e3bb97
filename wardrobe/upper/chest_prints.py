"""Chest prints: words, numbers and graphics that follow the cloth's wrinkles."""

import math
from functools import lru_cache

import numpy as np
import skia
from PIL import ImageFont

from wardrobe.drawing.geometry import Point
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import (
    BRIGHT_FASHION_COLOURS,
    Colour,
    argb,
    choose_colour,
    contrasting_colour,
    luminance,
    mix,
)
from wardrobe.fabric.materials import Cloth
from wardrobe.silhouette.context import DrawingContext, Neck
from wardrobe.upper.graphics import GRAPHICS

# Chance of a print, where one fits.
PRINT_CHANCES = {"T-shirt": 0.55, "hoodie": 0.45, "sweater": 0.30, "top": 0.22, "dress": 0.10}
PRINTABLE_PATTERNS = ("plain", "heather")
PRINTABLE_MATERIALS = ("jersey", "fleece", "cotton", "knit")
WORDS = (
    "SUNDAY", "WANDER", "HELLO", "OCEAN AIR", "SLOW DAYS", "WILD HEART", "GOOD MOOD", "STARLIGHT", "BE KIND", "SUMMER",
    "COASTLINE", "DREAMER", "EXPLORE", "LUCKY", "WEEKEND", "RIVERSIDE", "MOUNTAIN CLUB", "LEMON", "AURORA", "HARVEST",
    "NORTHERN LIGHTS", "BLUE HOUR", "TOGETHER", "MORNING", "ISLAND", "SUNSHINE STATE", "PLAY", "ROAD TRIP",
)  # fmt: skip


def print_chest(ctx: DrawingContext, neck: Neck, front: skia.Path) -> None:
    """Print some garments, never over a fastening or a neck; call it right after the front is drawn."""
    cloth, body = ctx.cloth, ctx.body
    rng = np.random.default_rng((cloth.seed, 11))
    chance = PRINT_CHANCES.get(ctx.garment, 0.0)
    if (
        rng.random() > chance
        or cloth.pattern not in PRINTABLE_PATTERNS
        or cloth.material not in PRINTABLE_MATERIALS
        or neck.closure != "closed"
    ):
        return
    if "coat_length" in ctx.plan.values or ctx.plan.neck[0] == "collar_design" or ctx.plan.neck == ("neck_design", 4):
        return
    top = max(max(y for curve in neck.opening for _, y in curve), 8.0) + 4.0
    bottom = min(body.length - 8.0, 62.0) if ctx.garment != "hoodie" else 38.0
    height = min(bottom - top, 34.0)
    if height < 9.0:
        return
    ctx.printed = True
    _draw_print(ctx.pen, front, cloth, (0.0, top), 2 * body.chest * 0.62, height, rng)


def _draw_print(
    pen: Pen, path: skia.Path, cloth: Cloth, at: Point, width: float, height: float, rng: np.random.Generator
) -> None:
    """Print into a box on a piece of cloth whose upper edge is centred at `at`."""
    ink, second = _choose_inks(cloth, rng)
    x, y = pen.warp(at)
    kind = str(rng.choice(["words", "words", "figure", "figure", "both", "varsity", "badge", "logo"]))
    with pen.print_on(path, cloth) as canvas:
        canvas.translate(x, y)
        canvas.rotate(float(rng.normal(0, 0.8)))
        if kind == "words":
            _draw_words(canvas, str(rng.choice(WORDS)), width * 0.92, min(height, 18.0), ink, second, rng)
        elif kind == "figure":
            _draw_graphic(canvas, 0.0, min(width * 0.8, height * 0.9), ink, second, rng)
        elif kind == "both":
            size = min(width * 0.66, height * 0.62)
            _draw_graphic(canvas, 0.0, size, ink, second, rng)
            canvas.translate(0, size + 1.6)
            _draw_text_line(canvas, str(rng.choice(WORDS)), width * 0.75, min(height - size - 2.0, 6.0), ink)
        elif kind == "varsity":
            size = min(height * 0.36, 7.5)
            _draw_arched_text(canvas, str(rng.choice([w for w in WORDS if " " not in w])), width * 0.95, size, ink)
            canvas.translate(0, size * 1.15)
            _draw_text_line(
                canvas, f"{rng.integers(1, 100):02d}", width * 0.6, min(height - size * 1.2, 13.0), second, ink
            )
        elif kind == "badge":
            size = min(width * 0.75, height * 0.8)
            canvas.translate(0, size * 0.12)
            _draw_badge(canvas, size, ink, second, rng)
        else:
            canvas.translate(0.26 * width, 0)
            _draw_graphic(canvas, 0.0, 5.5, ink, second, rng)


def _choose_inks(cloth: Cloth, rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Choose two colours that stand out from the cloth and from each other."""
    ink = contrasting_colour(cloth.colour, rng)
    second = choose_colour(BRIGHT_FASHION_COLOURS, rng)
    for _ in range(8):
        if abs(luminance(second) - luminance(ink)) > 0.15 and math.dist(second, cloth.colour) > 90:
            break
        second = choose_colour(BRIGHT_FASHION_COLOURS, rng)
    return ink, second


@lru_cache(maxsize=1)
def _typeface() -> skia.Typeface:
    """Load the typeface that Pillow includes, so that no system font is needed."""
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return skia.FontMgr.New_Custom_Empty().makeFromData(skia.Data.MakeWithCopy(font.font_bytes))


def _font(size: float) -> skia.Font:
    font = skia.Font(_typeface(), size)
    font.setEdging(skia.Font.Edging.kAntiAlias)
    font.setHinting(skia.FontHinting.kNone)
    font.setSubpixel(True)
    return font


def _draw_text(
    canvas: skia.Canvas, text: str, x: float, y: float, font: skia.Font, ink: Colour, rim: Colour | None
) -> None:
    """Draw bold letters, filled and outlined."""
    for colour, more in ((rim, 0.16), (ink, 0.055)):
        if colour:
            paint = skia.Paint(Color=argb(colour), AntiAlias=True, Style=skia.Paint.kStrokeAndFill_Style)
            paint.setStrokeWidth(more * font.getSize())
            paint.setStrokeJoin(skia.Paint.kRound_Join)
            canvas.drawString(text, x, y, font, paint)


def _draw_text_line(
    canvas: skia.Canvas, text: str, width: float, height: float, ink: Colour, rim: Colour | None = None
) -> float:
    """Draw one line below y = 0, as large as fits; returns its height."""
    size = min(height / 0.74, 100 * width / (_font(100).measureText(text) + 14))
    font = _font(size)
    _draw_text(canvas, text, -0.5 * font.measureText(text), 0.74 * size, font, ink, rim)
    return 0.74 * size


def _draw_words(
    canvas: skia.Canvas,
    text: str,
    width: float,
    height_limit: float,
    ink: Colour,
    second: Colour,
    rng: np.random.Generator,
) -> None:
    lines = text.split()
    if len(lines) == 1 and rng.random() < 0.25:
        lines *= 3
    for k, line in enumerate(lines):
        colour = second if k % 2 and rng.random() < 0.6 else ink
        height = _draw_text_line(canvas, line, width, height_limit / len(lines) - 0.8, colour)
        canvas.translate(0, height + 1.3)
    if len(lines) < 3 and rng.random() < 0.5:
        canvas.drawRect(
            skia.Rect.MakeXYWH(-0.3 * width, 0, 0.6 * width, 0.5), skia.Paint(Color=argb(second), AntiAlias=True)
        )


def _draw_arched_text(canvas: skia.Canvas, text: str, width: float, height: float, ink: Colour) -> None:
    """Draw letters along an arc."""
    font = _font(min(height / 0.74, 100 * width / (_font(100).measureText(text) + 14)))
    radius = 1.35 * font.measureText(text)
    along = -0.5 * font.measureText(text)
    for letter in text:
        letter_width = font.measureText(letter)
        canvas.save()
        canvas.translate(0, radius)
        canvas.rotate(math.degrees((along + 0.5 * letter_width) / radius))
        _draw_text(canvas, letter, -0.5 * letter_width, 0.74 * font.getSize() - radius, font, ink, None)
        canvas.restore()
        along += letter_width


def _draw_graphic(
    canvas: skia.Canvas, y: float, size: float, ink: Colour, second: Colour, rng: np.random.Generator
) -> None:
    canvas.save()
    canvas.translate(0, y + 0.5 * size)
    canvas.scale(0.5 * size, 0.5 * size)
    GRAPHICS[rng.integers(len(GRAPHICS))](canvas, ink, second)
    canvas.restore()


def _draw_badge(canvas: skia.Canvas, size: float, ink: Colour, second: Colour, rng: np.random.Generator) -> None:
    """Draw a graphic under an arched word, with a line below."""
    _draw_arched_text(
        canvas, str(rng.choice([w for w in WORDS if " " not in w and len(w) < 9])), size * 0.9, size * 0.17, ink
    )
    _draw_graphic(canvas, size * 0.24, size * 0.58, ink, second, rng)
    canvas.translate(0, size * 0.88)
    _draw_text_line(canvas, f"EST. {rng.integers(1961, 2019)}", size * 0.5, size * 0.09, mix(ink, second, 0.2))
