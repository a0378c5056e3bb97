"""Compositing of a garment with its backdrop and shadows."""

import numpy as np
import skia

from wardrobe.fabric.colours import argb, mix, parse_hex
from wardrobe.measurements import FLOOR
from wardrobe.spec import Plan
from wardrobe.studio.view import View, neck_y

# Light tints that suit both a white and a black page.
BACKDROP_COLOURS = (
    "f1efec", "ece9e4", "efe8df", "e6ebef", "e8ece3", "f0e6e2", "e4e6ea", "efebdd", "e7e0d7", "dfe7e4", "ebe4ec",
    "e9e2d6", "dde4ea", "f0e3da",
)  # fmt: skip
Array = np.ndarray
SMOOTH_SAMPLING = skia.SamplingOptions(skia.FilterMode.kLinear, skia.MipmapMode.kLinear)


def compose(garment: skia.Image, plan: Plan, view: View, rng: np.random.Generator) -> Array:
    """Compose the layer of garment and support on a clean, light studio background; (H, W, 3) uint8."""
    surface = skia.Surface(*view.size)
    canvas = surface.getCanvas()
    _draw_backdrop(canvas, plan, view, rng)
    _draw_shadows(canvas, garment, plan, view)
    canvas.drawImage(garment, 0, 0)
    pixels = surface.makeImageSnapshot().toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)
    return np.ascontiguousarray(pixels[..., :3])


def _draw_backdrop(canvas: skia.Canvas, plan: Plan, view: View, rng: np.random.Generator) -> None:
    """Draw studio paper; behind a mannequin it curves from the wall to the floor."""
    w, h = view.size
    tone = parse_hex(BACKDROP_COLOURS[rng.integers(len(BACKDROP_COLOURS))])
    bright, low = mix(tone, (255, 255, 255), 0.4), mix(tone, (96, 92, 98), 0.09)
    colours, stops = [argb(bright), argb(tone), argb(low)], [0.0, 0.55, 1.0]
    shader = skia.GradientShader.MakeRadial(skia.Point(0.47 * w, 0.4 * h), 0.85 * max(w, h), colours, stops)
    canvas.drawPaint(skia.Paint(Shader=shader, Dither=True))
    floor = float(view.matrix.mapXY(0.0, neck_y(plan) + FLOOR - 12.0).y())
    if plan.setting == "mannequin" and floor < h:
        shade = mix(tone, (70, 64, 70), 0.25)
        ends = [skia.Point(0, floor - 0.12 * h), skia.Point(0, h)]
        bend = skia.GradientShader.MakeLinear(
            ends, [argb(shade, 0.0), argb(shade, 0.3), argb(shade, 0.1)], [0.0, 0.4, 1.0]
        )
        canvas.drawRect(skia.Rect.MakeLTRB(0, floor - 0.12 * h, w, h), skia.Paint(Shader=bend, Dither=True))


def _draw_shadows(canvas: skia.Canvas, garment: skia.Image, plan: Plan, view: View) -> None:
    """Draw the garment's shadow on the surface below, on the wall behind, or under the feet."""
    h = view.size[1]
    if plan.setting == "mannequin":
        _draw_foot_shadow(canvas, plan, view)
        _draw_blurred_shadow(canvas, garment, 6, 0.02 * h, 0.012 * h, 0.03 * h, 0.10)
        return
    shadows = {
        "flat": ((4, 0.004, 0.012, 0.016, 0.24), (2, 0.002, 0.004, 0.004, 0.26)),
        "hanger": ((4, 0.014, 0.020, 0.016, 0.24), (3, 0.006, 0.007, 0.006, 0.18)),
    }[plan.setting]
    for downscale, dx, dy, sigma, alpha in shadows:
        _draw_blurred_shadow(canvas, garment, downscale, dx * h, dy * h, sigma * h, alpha)


def _draw_foot_shadow(canvas: skia.Canvas, plan: Plan, view: View) -> None:
    canvas.save()
    canvas.concat(view.matrix)
    canvas.translate(2.0, neck_y(plan) + FLOOR + 1.5)
    canvas.scale(1.0, 0.16)
    for r, alpha in ((34.0, 0.34), (20.0, 0.36)):
        dark = (22, 18, 24)
        soft = skia.GradientShader.MakeRadial(
            skia.Point(0, 0),
            r,
            [argb(dark, alpha), argb(dark, 0.4 * alpha), argb(dark, 0.0)],
            [0, 0.5, 1],
        )
        canvas.drawCircle(0, 0, r, skia.Paint(Shader=soft))
    canvas.restore()


def _draw_blurred_shadow(
    canvas: skia.Canvas, garment: skia.Image, downscale: int, dx: float, dy: float, sigma: float, alpha: float
) -> None:
    """Draw the garment's shadow, blurred at 1/`downscale` of the size because a full-size blur is slow."""
    w, h = garment.width(), garment.height()
    small = skia.Surface(-(-w // downscale), -(-h // downscale))
    black = skia.ColorFilters.Blend(argb((30, 26, 34)), skia.BlendMode.kSrcIn)
    full_rect, small_rect = skia.Rect.MakeWH(w, h), skia.Rect.MakeWH(w / downscale, h / downscale)
    small.getCanvas().drawImageRect(garment, full_rect, small_rect, SMOOTH_SAMPLING, skia.Paint(ColorFilter=black))
    blurred = skia.Surface(small.width(), small.height())
    soft = skia.ImageFilters.Blur(sigma / downscale, sigma / downscale)
    blurred.getCanvas().drawImage(small.makeImageSnapshot(), 0, 0, skia.SamplingOptions(), skia.Paint(ImageFilter=soft))
    canvas.drawImageRect(
        blurred.makeImageSnapshot(), small_rect, full_rect.makeOffset(dx, dy), SMOOTH_SAMPLING, skia.Paint(Alphaf=alpha)
    )
