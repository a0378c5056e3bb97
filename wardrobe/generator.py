"""Public functions of the wardrobe: draw, sample or describe the garment of a seed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import skia
from PIL import Image

from wardrobe.drawing.geometry import random_warp
from wardrobe.drawing.pen import Pen
from wardrobe.lower.skirts import draw_skirt
from wardrobe.lower.trousers import draw_trousers
from wardrobe.measurements import COAT_LENGTHS_CM, PANT_LENGTHS_CM, SKIRT_LENGTHS_CM, WAIST
from wardrobe.spec import TARGETS, Plan, make_plan
from wardrobe.studio.compositing import compose
from wardrobe.studio.view import choose_view
from wardrobe.upper.tops import draw_top

VERSION = 2  # increase whenever a seed gives another garment or image
MIN_SIZE_PIXELS = 32


@dataclass(frozen=True)
class Drawing:
    """A drawn garment. No attribute is in both `labels` and `missing`; neck attributes of a hood are in neither."""

    image: Image.Image  # RGB
    labels: dict[str, int]  # attribute -> value, numbered as in FashionAI, from 1
    missing: frozenset[str]  # attributes whose part the garment does not have
    garment: str
    mask: np.ndarray  # (H, W) bool: the garment's pixels


def draw(seed: int, size: int = 400) -> Drawing:
    """Draw the garment of a seed (an integer >= 0) as an image whose longer side is `size` pixels.

    It is shown whole on a light studio background. The same arguments always give the same image. Consecutive seeds
    cycle through all values in random order, so that none is rare.

    Raises ValueError for a negative seed or a size under 32 pixels.
    """
    return _draw(seed, describe(seed), size)


def sample(attribute: str, value: int, seed: int = 0, size: int = 400) -> Drawing:
    """Draw a garment that has an attribute's value.

    Raises ValueError where `draw` does, and for an unknown attribute or value.
    """
    if (attribute, value) not in TARGETS:
        values = [v for a, v in TARGETS if a == attribute]
        raise ValueError(
            f'No garment can be drawn for "{attribute}" {value}; choose one of {values or sorted(dict(TARGETS))}'
        )
    return _draw(seed, make_plan(_check_seed(seed), (attribute, value)), size)


def balanced(count: int, first: int = 0, size: int = 400) -> Iterator[Drawing]:
    """Draw the garments of `count` consecutive seeds from `first` on, which cover all values evenly."""
    return (draw(seed, size) for seed in range(first, first + count))


def describe(seed: int) -> Plan:
    """Return garment, labels and missing attributes of `draw(seed)` without drawing it."""
    return make_plan(_check_seed(seed))


def _check_seed(seed: int) -> int:
    if seed < 0:
        raise ValueError(f"Seed must be at least 0, not {seed}")
    return seed


def _draw(seed: int, plan: Plan, size: int) -> Drawing:
    if size < MIN_SIZE_PIXELS:
        raise ValueError(f"Size must be at least {MIN_SIZE_PIXELS} pixels, not {size}")
    pen = _record_garment(plan, np.random.default_rng((seed, 1)), size)
    drawn, stencil = pen.finish()
    # A separate generator, so that a change of the studio does not change the garment.
    rng = np.random.default_rng((seed, 2, 1))
    view = choose_view(pen.outlines, pen.supports, plan, size, rng)
    layer, mask = (_render(pixels, view.size, view.matrix) for pixels in (drawn, stencil))
    covered = mask.toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)[..., 3] > 127
    return Drawing(Image.fromarray(compose(layer, plan, view, rng)), plan.values, plan.missing, plan.garment, covered)


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
