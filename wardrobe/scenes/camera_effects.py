"""Camera effects: blur, exposure, colour cast, sensor noise and JPEG compression."""

import io
import math

import numpy as np
import skia
from PIL import Image

Array = np.ndarray


def apply_focus_blur(image: skia.Image, rng: np.random.Generator) -> skia.Image:
    """Blur some of the images, by defocus or camera shake."""
    kind, unit = rng.random(), max(image.width(), image.height()) / 400
    if kind > 0.30:
        return image
    surface = skia.Surface(image.width(), image.height())
    canvas = surface.getCanvas()
    if kind < 0.05:
        a, reach = float(rng.uniform(0, math.pi)), float(rng.uniform(1.0, 3.0)) * unit
        for i in range(5):
            t = (i / 4 - 0.5) * reach
            canvas.drawImage(
                image,
                t * math.cos(a),
                t * math.sin(a),
                skia.SamplingOptions(skia.FilterMode.kLinear),
                skia.Paint(Alphaf=1 / (i + 1)),
            )
    else:
        sigma = float(rng.uniform(0.3, 0.9)) * unit
        soft = skia.ImageFilters.Blur(sigma, sigma, skia.TileMode.kClamp)
        canvas.drawImage(image, 0, 0, skia.SamplingOptions(), skia.Paint(ImageFilter=soft))
    return surface.makeImageSnapshot()


def apply_camera_response(pixels: Array, rng: np.random.Generator) -> Array:
    """Apply a phone camera's colour cast, exposure, contrast, noise and compression; (H, W, 3) uint8."""
    warmth = float(np.clip(rng.normal(0.01, 0.06), -0.13, 0.2))
    cast = np.array([warmth, 0.35 * warmth + rng.normal(0, 0.015), -warmth]) + rng.normal(0, 0.012, 3)
    mean = max(float(pixels[::4, ::4].mean()) / 255, 0.05)  # metered brightness
    aim = 0.5 * math.exp(float(np.clip(rng.normal(0, 0.2), -0.55, 0.35)))
    levels = np.arange(256)[:, None] / 255 * np.exp(cast) * (aim / mean) ** 0.6
    levels = np.where(levels > 0.8, 0.8 + 0.2 * np.tanh((levels - 0.8) / 0.2), levels)
    curve = float(rng.uniform(0.1, 0.9))  # strength of the S-curve that adds contrast
    table = 255 * ((1 - curve) * levels + curve * levels**2 * (3 - 2 * levels)) + float(rng.uniform(-4, 6))
    channels = [table[:, i].astype(np.float32)[pixels[..., i]] for i in range(3)]
    shown = np.stack(channels, axis=-1)
    amount = float(rng.uniform(0.6, 5.5)) * (2.2 if rng.random() < 0.12 else 1.0)
    grain = rng.standard_normal(shown.shape[:2], dtype=np.float32)
    h, w = shown.shape[:2]
    tint = rng.standard_normal(((h + 1) // 2, (w + 1) // 2, 3), dtype=np.float32).repeat(2, axis=0).repeat(2, axis=1)
    noise = grain[..., None] + 0.6 * tint[:h, :w]
    shown += noise * (amount * (1.25 - 0.0035 * shown))  # more noise in dark areas
    shown = np.clip(shown, 0, 255).astype(np.uint8)
    return _compress_jpeg(shown, int(rng.integers(38, 92))) if rng.random() < 0.6 else shown


def _compress_jpeg(pixels: Array, quality: int) -> Array:
    """Compress and decode an image as JPEG."""
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "JPEG", quality=quality)
    memory.seek(0)
    return np.asarray(Image.open(memory).convert("RGB"))
