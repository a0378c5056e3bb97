"""Public functions of the wardrobe: draw, sample or describe the garment of a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import skia
from PIL import Image

from wardrobe.drawing.geometry import random_warp
from wardrobe.drawing.pen import Pen
from wardrobe.lower.skirts import draw_skirt
from wardrobe.lower.trousers import draw_trousers
from wardrobe.measurements import COAT_LENGTHS_CM, PANT_LENGTHS_CM, SKIRT_LENGTHS_CM, WAIST
from wardrobe.scenes.camera import choose_view
from wardrobe.scenes.compositing import compose_photo, compose_studio
from wardrobe.spec import TARGETS, Plan, make_plan
from wardrobe.upper.tops import draw_top

VERSION = 2  # increase whenever a seed gives another garment or image
MIN_SIZE_PIXELS = 32


@dataclass(frozen=True)
class Drawing:
    """A drawn garment. No attribute is in both `labels` and `missing`; neck attributes of a hood are in neither."""

    image: Image.Image  # RGB
    labels: dict[str, int]  # attribute -> value, numbered as in FashionAI; 0: the part is present but hidden
    missing: frozenset[str]  # attributes whose part the garment does not have
    garment: str
    mask: np.ndarray  # (H, W) bool: the garment's pixels


def draw(seed: int, size: int = 400, plain: bool = True) -> Drawing:
    """Draw the garment of a seed (an integer >= 0) as an image whose longer side is `size` pixels.

    `plain`: on a clean, light studio background, undistorted, nothing hidden. Otherwise like a photo taken at home: on
    a floor, a sheet or a wall, rotated, off centre, unevenly lit, blurred, noisy, cropped. The same arguments always
    give the same image. Consecutive seeds cycle through all values in random order, so that none is rare.

    Raises ValueError for a negative seed or a size under 32 pixels.
    """
    return _draw(seed, describe(seed, plain), size, plain)


def sample(attribute: str, value: int, seed: int = 0, size: int = 400, plain: bool = False) -> Drawing:
    """Draw a garment that has an attribute's value; 0 stands for a part that is present but hidden.

    Raises ValueError where `draw` does, for an unknown attribute or value, and for 0 with `plain`, which hides nothing.
    """
    if (attribute, value) not in TARGETS or (plain and not value):
        values = [v for a, v in TARGETS if a == attribute and (v or not plain)]
        raise ValueError(
            f'No garment can be drawn for "{attribute}" {value}; choose one of {values or sorted(dict(TARGETS))}'
        )
    return _draw(seed, make_plan(_check_seed(seed), (attribute, value)), size, plain)


def balanced(count: int, first: int = 0, size: int = 400, plain: bool = True) -> Iterator[Drawing]:
    """Draw the garments of `count` consecutive seeds from `first` on, which cover all values evenly."""
    return (draw(seed, size, plain) for seed in range(first, first + count))


def describe(seed: int, plain: bool = True) -> Plan:
    """Return garment, labels and missing attributes of `draw(seed, plain=plain)` without drawing it."""
    plan = make_plan(_check_seed(seed))
    return replace(plan, hidden="") if plain else plan


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"Seed must be at least 0, not {seed}")
    return seed


def _draw(seed: int, plan: Plan, size: int, plain: bool) -> Drawing:
    if size < MIN_SIZE_PIXELS:
        raise ValueError(f"Size must be at least {MIN_SIZE_PIXELS} pixels, not {size}")
    pen = _record_garment(plan, np.random.default_rng((seed, 1)), size)
    drawn, stencil = pen.finish()
    # A separate generator for the scene, so that `plain` does not change the garment.
    rng = np.random.default_rng((seed, 2, int(plain)))
    view = choose_view(pen.outlines, pen.supports, plan, size, plain, rng)
    layer, mask = (_render(pixels, view.size, view.matrix) for pixels in (drawn, stencil))
    if plain:
        pixels = compose_studio(layer, plan, view, rng)
    else:
        pixels = compose_photo(layer, plan, view, lambda other, rng: _record_garment(other, rng, size), rng)
    covered = mask.toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)[..., 3] > 127
    return Drawing(Image.fromarray(pixels), plan.labels, plan.missing, plan.garment, covered)


def _record_garment(plan: Plan, rng: np.random.Generator, size: int) -> Pen:
    """Draw the plan's garment and return the pen that recorded it."""
    pen = Pen(random_warp(rng), rng, 1.12 * _estimate_height(plan) / size)
    if plan.garment == "skirt":
        draw_skirt(pen, plan, rng)
    elif plan.garment in ("trousers", "shorts"):
        draw_trousers(pen, plan, rng)
    else:
        draw_top(pen, plan, rng)
    return pen


def _render(recording: skia.Picture, size: tuple[int, int], matrix: skia.Matrix) -> skia.Image:
    surface = skia.Surface(*size)
    canvas = surface.getCanvas()
    canvas.concat(matrix)
    canvas.drawPicture(recording)
    return surface.makeImageSnapshot()


def _estimate_height(plan: Plan) -> float:
    """Estimate the garment's height in cm (for short tops, its width)."""
    for attribute, spans, more in (
        ("skirt_length", SKIRT_LENGTHS_CM, 0.0 if plan.garment == "skirt" else WAIST),
        ("coat_length", COAT_LENGTHS_CM, 4.0),
        ("pant_length", PANT_LENGTHS_CM, 0.0),
    ):
        if attribute in plan.values:
            return max(spans[plan.values[attribute]][1] + more, 70.0)
    return 76.0
