"""Lighting of a photo: gradients, vignettes, shadows cast from outside the frame."""

import math

import numpy as np
import skia

from wardrobe.fabric.colours import argb

SHADOW_COLOUR = (14, 12, 22)


def add_lighting(canvas: skia.Canvas, w: int, h: int, rng: np.random.Generator) -> None:
    """Draw uneven light: a gradient, on some images dark corners, a shadow or a patch of sun."""
    a = rng.uniform(0, 2 * math.pi)
    dx, dy = 0.6 * w * math.cos(a), 0.6 * h * math.sin(a)
    strength = float(rng.uniform(0.02, 0.26))
    points = [skia.Point(w / 2 - dx, h / 2 - dy), skia.Point(w / 2 + dx, h / 2 + dy)]
    across = skia.GradientShader.MakeLinear(
        points, [argb((255, 250, 240), strength * 0.5), argb((0, 0, 0), 0.0), argb(SHADOW_COLOUR, strength)]
    )
    canvas.drawPaint(skia.Paint(Shader=across, Dither=True))
    if rng.random() < 0.5:
        clear, dark = argb(SHADOW_COLOUR, 0.0), argb(SHADOW_COLOUR, float(rng.uniform(0.08, 0.38)))
        corners = skia.GradientShader.MakeRadial(
            skia.Point(w / 2, h / 2), 0.62 * math.hypot(w, h),
            [clear, clear, dark], [0.0, 0.45, 1.0],
        )  # fmt: skip
        canvas.drawPaint(skia.Paint(Shader=corners, Dither=True))
    kind = rng.random()
    if kind < 0.30:
        _draw_outside_shadow(canvas, w, h, ("window", "photographer", "leaves", "edge")[int(kind / 0.075)], rng)


def _draw_outside_shadow(canvas: skia.Canvas, w: int, h: int, kind: str, rng: np.random.Generator) -> None:
    """Draw a shadow cast from outside the frame; drawn small and enlarged, which softens it."""
    downscale = 6
    small = skia.Surface(-(-w // downscale) + 2, -(-h // downscale) + 2)
    target = small.getCanvas()
    target.scale(1 / downscale, 1 / downscale)
    alpha = float(rng.uniform(0.10, 0.30))
    paint = skia.Paint(Color=argb(SHADOW_COLOUR, alpha), AntiAlias=True)
    if kind == "window":  # everything is in shadow except for the panes
        target.drawPaint(paint)
        clear = skia.Paint(BlendMode=skia.BlendMode.kClear, AntiAlias=True)
        target.translate(float(rng.uniform(0, w)), float(rng.uniform(0, h)))
        target.rotate(float(rng.uniform(-40, 40)))
        target.skew(float(rng.uniform(-0.5, 0.5)), 0)
        width, height = float(rng.uniform(0.16, 0.34)) * h, float(rng.uniform(0.2, 0.5)) * h
        for i in range(-1, 1):
            for k in range(-1, 2):
                target.drawRect(skia.Rect.MakeXYWH(i * width * 1.12, k * height * 1.08, width, height), clear)
    elif kind == "photographer":
        x, top = float(rng.uniform(0.1, 0.9)) * w, float(rng.uniform(0.45, 0.8)) * h
        r = 0.13 * h
        target.drawCircle(x, top, r, paint)
        target.drawRoundRect(skia.Rect.MakeLTRB(x - 2.2 * r, top + 0.85 * r, x + 2.2 * r, 2 * h), r, r, paint)
    elif kind == "leaves":
        x, y = float(rng.choice([0.0, 1.0])) * w, float(rng.uniform(0, 0.7)) * h
        for _ in range(14):
            target.save()
            target.translate(x + float(rng.normal(0, 0.2)) * w, y + float(rng.normal(0, 0.15)) * h)
            target.rotate(float(rng.uniform(0, 180)))
            target.drawOval(skia.Rect.MakeXYWH(0, 0, 0.2 * h, 0.05 * h), paint)
            target.restore()
    else:
        target.rotate(float(rng.uniform(-35, 35)))
        side = float(rng.choice([-1.0, 1.0]))
        target.drawRect(skia.Rect.MakeXYWH((0.25 if side > 0 else -2.1) * w + 0.3 * w, -h, 2 * w, 3 * h), paint)
    soft = skia.Surface(small.width(), small.height())
    reach = float(rng.uniform(0.5, 2.0))
    blurred = skia.Paint(ImageFilter=skia.ImageFilters.Blur(reach, reach, skia.TileMode.kClamp))
    soft.getCanvas().drawImage(small.makeImageSnapshot(), 0, 0, skia.SamplingOptions(), blurred)
    whole = skia.Rect.MakeXYWH(0, 0, small.width() * downscale, small.height() * downscale)
    canvas.drawImageRect(
        soft.makeImageSnapshot(), whole, skia.SamplingOptions(skia.CubicResampler.Mitchell()), skia.Paint()
    )
