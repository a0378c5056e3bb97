"""One seed, one picture."""

from dataclasses import dataclass

import numpy as np
import skia
from PIL import Image

from rpf.data.wardrobe import scene
from rpf.data.wardrobe.body import COAT, PANT, SKIRT
from rpf.data.wardrobe.geometry import drape
from rpf.data.wardrobe.pants import draw_pants
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import Plan, make_plan
from rpf.data.wardrobe.skirts import draw_skirt
from rpf.data.wardrobe.tops import draw_top


@dataclass(frozen=True)
class Drawing:
    """A drawn garment. `labels` and `absent` together name all eight attributes, none of them twice."""

    picture: Image.Image  # RGB
    labels: dict[str, int]  # attribute -> value, numbered as FashionAI does
    absent: frozenset[str]  # the attributes that the garment has no part for
    garment: str
    mask: np.ndarray  # (H, W) bool: the garment's pixels


def draw(seed: int, height: int = 400, plain: bool = True) -> Drawing:
    """Draws the garment of a seed (an integer >= 0) as a portrait or square picture `height` pixels high.

    `plain`: on a clean, light studio background, undistorted. Otherwise as a photograph taken at home: on a floor, a
    sheet or a wall, turned, off centre, in uneven light, with noise. The same arguments always give the same picture.

    Raises ValueError for a negative seed or a height under 32 pixels.
    """
    if seed < 0 or height < 32:
        raise ValueError(f"seed must be at least 0 and height at least 32, not {seed} and {height}")
    plan = make_plan(seed)
    rng = np.random.default_rng((seed, 1))
    pen = Pen(drape(rng), rng, 1.12 * _tallness(plan) / height)
    if plan.garment == "skirt":
        draw_skirt(pen, plan, rng)
    elif plan.garment in ("trousers", "shorts"):
        draw_pants(pen, plan, rng)
    else:
        draw_top(pen, plan, rng)
    # The scene has a stream of its own: plain or not, the garment is the same.
    rng = np.random.default_rng((seed, 2, int(plain)))
    everything = skia.Path()
    for outline in pen.outlines:
        everything.addPath(outline)
    size = scene.frame(height, everything.getBounds(), rng)
    surface = skia.Surface(*size)
    canvas = surface.getCanvas()
    canvas.concat(scene.camera(pen.outlines, size, plain, rng))
    canvas.drawPicture(pen.finish())
    layer = surface.makeImageSnapshot()
    mask = layer.toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)[..., 3] > 127
    picture = scene.compose(layer, size, plain, rng)
    return Drawing(Image.fromarray(picture), plan.labels, plan.absent, plan.garment, mask)


def _tallness(plan: Plan) -> float:
    """About how many centimetres high (or, for short tops, wide) the garment is."""
    for attribute, spans, more in (
        ("skirt_length", SKIRT, 0.0 if plan.garment == "skirt" else 40.0),
        ("coat_length", COAT, 4.0),
        ("pant_length", PANT, 0.0),
    ):
        if attribute in plan.labels:
            return max(spans[plan.labels[attribute]][1] + more, 70.0)
    return 76.0
