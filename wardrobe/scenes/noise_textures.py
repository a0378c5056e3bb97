"""Seamless noise textures: wood grain, carpet pile, crumpled cloth, plaster, clouds. Each is computed once."""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import skia

Array = np.ndarray
SIDE_PIXELS = 512


def noise_paint(kind: str, alpha: float, scale: float, rng: np.random.Generator, rotation: float = 0.0) -> skia.Paint:
    """Return a paint that lightens and darkens what it covers; a pixel of the tile is `scale` cm."""
    local = skia.Matrix.MakeAll(
        scale, 0, float(rng.uniform(0, SIDE_PIXELS)), 0, scale, float(rng.uniform(0, SIDE_PIXELS)), 0, 0, 1
    )
    if rotation:
        local = skia.Matrix.Concat(skia.Matrix.RotateDeg(rotation), local)
    repeat, smooth = skia.TileMode.kRepeat, skia.SamplingOptions(skia.FilterMode.kLinear)
    return skia.Paint(Shader=_noise_tile(kind).makeShader(repeat, repeat, smooth, local), Alphaf=alpha, AntiAlias=True)


@lru_cache(maxsize=16)
def _noise_tile(kind: str) -> skia.Image:
    """Render black and white with varying alpha from a field normalized to mean 0 and deviation 1."""
    makers: dict[str, Callable[[np.random.Generator], Array]] = {
        "grain": _grain,
        "cloud": lambda r: _noise(r, 40, 40),
        "tuft": lambda r: _noise(r, 3.0, 3.0),
        "crumple": _crumple,
        "drape": _drape,
        "fleece": lambda r: _noise(r, 2.0, 2.0) + 0.8 * _noise(r, 9, 9),
        "plaster": lambda r: _relief(_noise(r, 4, 4) + 0.7 * _noise(r, 11, 11)),
    }
    rng = np.random.default_rng(list(makers).index(kind))
    field = makers[kind](rng)
    field = (field - field.mean()) / field.std()
    # On cloth, hollows darken more than ridges lighten.
    field = np.where((field > 0) & (kind in ("crumple", "drape")), 0.6 * field, field)
    alpha = np.clip(np.abs(field) * 85, 0, 255).astype(np.uint8)
    value = np.where(field > 0, 255, 0).astype(np.uint8)
    pixels = np.ascontiguousarray(np.dstack([value, value, value, alpha]))
    return skia.Image.fromarray(pixels, colorType=skia.ColorType.kRGBA_8888_ColorType)


def _noise(rng: np.random.Generator, length: float, width: float, power: float = 2.6) -> Array:
    """Generate smooth noise, SIDE_PIXELS square; features are about `length` pixels along x and `width` along y."""
    fy, fx = np.meshgrid(np.fft.fftfreq(SIDE_PIXELS), np.fft.fftfreq(SIDE_PIXELS), indexing="ij")
    reach = np.hypot(fx * length, fy * width) * 2.2
    field = np.real(np.fft.ifft2(np.fft.fft2(rng.normal(0, 1, (SIDE_PIXELS, SIDE_PIXELS))) / (1 + reach**power)))
    return np.asarray(field / field.std())


def _grain(rng: np.random.Generator) -> Array:
    """Generate wood: growth rings cut lengthwise along x, and fine fibres."""
    rings = np.sin(5.5 * _noise(rng, 260, 26, 3.4))
    fibres = _noise(rng, 70, 1.6)
    pores = np.minimum(_noise(rng, 26, 1.2), -1.2) + 1.2
    return np.asarray(0.75 * rings + 0.6 * fibres + 0.9 * pores + 0.5 * _noise(rng, 200, 60))


def _relief(height: Array) -> Array:
    """Light a height field from the upper left."""
    return np.asarray(
        np.roll(height, -1, 0) - np.roll(height, 1, 0) + 0.7 * (np.roll(height, -1, 1) - np.roll(height, 1, 1))
    )


def _crumple(rng: np.random.Generator) -> Array:
    """Generate crumpled cotton: many small creases in all directions on gentle swells."""
    height = 9.0 * _noise(rng, 80, 80, 3.4)
    _add_ridges(height, rng, 110, (16, 60), math.pi)
    return np.asarray(np.tanh(0.7 * _normalize(_relief(height))))


def _drape(rng: np.random.Generator) -> Array:
    """Generate a smoothed sheet: long soft creases in nearly the same direction."""
    height = 14.0 * _noise(rng, 150, 70, 3.4)
    _add_ridges(height, rng, 42, (50, 150), 0.3)
    return np.asarray(np.tanh(0.7 * _normalize(_relief(height))))


def _add_ridges(height: Array, rng: np.random.Generator, count: int, span: tuple[float, float], spread: float) -> None:
    """Add bent ridges, steep on one side, of half lengths within `span`, up to `spread` radians off the x axis."""
    for _ in range(count):
        half = float(rng.uniform(*span))
        steep, rise = float(rng.uniform(3.5, 7.0)), half**0.5 * float(rng.uniform(0.3, 0.9))
        a, bend = float(rng.uniform(-spread, spread)), float(rng.normal(0, 0.16)) / half
        side = np.arange(-int(half) - 20, int(half) + 20)
        y, x = np.meshgrid(side, side, indexing="ij")
        u, v = x * math.cos(a) + y * math.sin(a), y * math.cos(a) - x * math.sin(a)
        v = v - bend * u * u
        ridge = np.exp(-((v / np.where(v > 0, steep, 3.0 * steep)) ** 2)) * np.clip(1 - (u / half) ** 2, 0, 1) ** 1.5
        rows, columns = ((side + int(rng.integers(SIDE_PIXELS))) % SIDE_PIXELS for _ in range(2))
        # No ridge is longer than the tile, or it would overlap itself.
        height[np.ix_(rows, columns)] += rise * ridge


def _normalize(field: Array) -> Array:
    return np.asarray(field / field.std())
