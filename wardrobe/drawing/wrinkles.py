"""Tileable wrinkle textures: light and shadow computed once from a height field."""

from functools import lru_cache

import numpy as np
import skia

TILE_PIXELS, CM_PER_PIXEL = 384, 0.25  # pixels of a tile, centimetres of a pixel
_LIGHT_DIRECTION = (-0.55, -0.83)  # from above, slightly from the left
Field = np.ndarray  # (TILE_PIXELS, TILE_PIXELS) float


@lru_cache(maxsize=16)
def wrinkle_light(kind: str, tone: str) -> skia.Image:
    """Render a tile of light (white) and shadow (black) with varying alpha, TILE_PIXELS square.

    `kind`: crumple (cotton, linen), ease (jersey, wool: long soft dents) or drape (folds along y).
    `tone`: of the cloth: pale cloth shows shadows, dark cloth lights, gloss shows both, sharply.
    """
    slope = _slope(kind)
    light, shadow = {"pale": (0.5, 0.75), "middle": (0.8, 1.0), "dark": (0.3, 1.0), "gloss": (1.0, 1.0)}[tone]
    if tone == "gloss":
        slope = np.where(slope > 0, slope**3, slope)
    alpha = np.where(slope > 0, light * slope, -shadow * slope)
    white = np.where(slope > 0, alpha, 0.0)
    pixels = np.dstack([white, white, white, alpha])
    return skia.Image.fromarray(
        np.ascontiguousarray((pixels * 255).astype(np.uint8)),
        colorType=skia.ColorType.kRGBA_8888_ColorType,
        alphaType=skia.AlphaType.kPremul_AlphaType,
    )


@lru_cache(maxsize=3)
def _slope(kind: str) -> Field:
    """Compute how far the cloth faces the light (positive) or turns away from it, -1 to 1."""
    height = {"crumple": _crumple, "ease": _ease, "drape": _drape}[kind]()
    across = (np.roll(height, -1, 1) - np.roll(height, 1, 1)) * _LIGHT_DIRECTION[0]
    along = (np.roll(height, -1, 0) - np.roll(height, 1, 0)) * _LIGHT_DIRECTION[1]
    slope = -(across + along)
    return np.tanh(0.75 * slope / slope.std())


def _crumple() -> Field:
    rng = np.random.default_rng(1)
    where = 1 / (1 + np.exp(-1.8 * _noise(rng, 32)))  # clusters of small creases
    shift = _noise(rng, 22) * 3, _noise(rng, 22) * 3
    height = 0.6 * _noise(rng, 36)
    for wavelength, rise, soft in ((34, 2.0, 0.5), (17, 1.0 * where, 0.3), (8, 0.42 * where**1.5, 0.25)):
        height = height + rise * _ridges(
            _displace(_noise(rng, wavelength), *(s * wavelength / 30 for s in shift)), soft
        )
    return height


def _ease() -> Field:
    rng = np.random.default_rng(12)
    shift = _noise(rng, 34) * 4, _noise(rng, 34) * 4
    where = 1 / (1 + np.exp(-2.2 * _noise(rng, 36)))
    height = 1.1 * _noise(rng, 40)
    for wavelength, rise, soft in ((38, 1.6, 0.8), (19, 0.9 * where, 0.45), (9, 0.12 * where, 0.4)):
        height = height + rise * _ridges(_displace(_noise(rng, wavelength, 1.3), *shift), soft)
    return height


def _drape() -> Field:
    rng = np.random.default_rng(2)
    shift = _noise(rng, 48) * 1.2, _noise(rng, 48) * 1.2
    height = 0.4 * _noise(rng, 40, 2.5)
    for wavelength, rise, soft in ((26, 1.6, 0.9), (13, 0.5, 0.7)):
        height = height + rise * _ridges(_displace(_noise(rng, wavelength, 6.5), *shift), soft)
    return height


def _noise(rng: np.random.Generator, wavelength: float, stretch: float = 1.0) -> Field:
    """Generate smooth random hills about `wave` cm apart, `stretch` times longer along y."""
    steps = np.fft.fftfreq(TILE_PIXELS) / CM_PER_PIXEL
    fy, fx = np.meshgrid(steps, steps, indexing="ij")
    reach = np.maximum(np.hypot(fx, fy * stretch) * wavelength, 1e-6)
    band = np.exp(-((np.log(reach) / 0.45) ** 2))
    noise = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(0, 1, (TILE_PIXELS, TILE_PIXELS))) * band))
    return noise / noise.std()


def _ridges(noise: Field, soft: float) -> Field:
    """Turn zero crossings of the noise into creases; the smaller `soft`, the sharper."""
    return -np.sqrt(noise * noise + soft * soft)


def _displace(field: Field, dx: Field, dy: Field) -> Field:
    """Resample the field, taking every point from (dx, dy) cm beside it."""
    y, x = np.mgrid[0:TILE_PIXELS, 0:TILE_PIXELS]
    at_x, at_y = x + dx / CM_PER_PIXEL, y + dy / CM_PER_PIXEL
    x0, y0 = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    tx, ty = at_x - x0, at_y - y0

    def value(i: Field, j: Field) -> Field:
        return field[j % TILE_PIXELS, i % TILE_PIXELS]

    upper = value(x0, y0) * (1 - tx) + value(x0 + 1, y0) * tx
    lower = value(x0, y0 + 1) * (1 - tx) + value(x0 + 1, y0 + 1) * tx
    return upper * (1 - ty) + lower * ty
