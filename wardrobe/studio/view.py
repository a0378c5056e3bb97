"""View of a garment: framing, and the matrix from garment centimetres to pixels."""

from dataclasses import dataclass

import numpy as np
import skia

from wardrobe.measurements import ANKLE, CALF, CROTCH, FLOOR, HIP, KNEE, WAIST
from wardrobe.spec import Plan

Array = np.ndarray
ASPECT = 4 / 5  # width by height, the same for all images, so that they form even rows
LOWER_GARMENTS = ("skirt", "trousers", "shorts")
HEM_ATTRIBUTES = ("skirt_length", "coat_length", "pant_length")


@dataclass(frozen=True)
class View:
    """View of a garment: the image's (width, height), and the matrix from centimetres to pixels."""

    size: tuple[int, int]
    matrix: skia.Matrix


def neck_y(plan: Plan) -> float:
    """Return the y of the wearer's neck point in the garment's coordinates."""
    return -WAIST if plan.garment in LOWER_GARMENTS else 0.0


def choose_view(
    outlines: list[skia.Path], supports: list[skia.Path], plan: Plan, size: int, rng: np.random.Generator
) -> View:
    """Choose a frame, its longer side `size` pixels, that shows the whole garment."""
    rng.random()  # unused; without it, every seed would get another image
    points = _points(outlines)
    garment_bottom = float(points[:, 1].max())
    points = np.vstack([points, _support_points(plan, garment_bottom, supports, rng)])
    rotation = _rotation(plan, rng)
    rotated = _transform(rotation, points)
    (x0, y0), (x1, y1) = rotated.min(axis=0), rotated.max(axis=0)
    w, h = round(size * ASPECT), size
    scale = float(rng.uniform(0.87, 0.91)) * min(w / (x1 - x0), h / (y1 - y0))
    left, top = 0.5 * (w - scale * (x1 - x0)), 0.5 * (h - scale * (y1 - y0))
    place = skia.Matrix.MakeAll(scale, 0, left - scale * x0, 0, scale, top - scale * y0, 0, 0, 1)
    return View((w, h), skia.Matrix.Concat(place, rotation))


def _points(paths: list[skia.Path]) -> Array:
    """Return the control points of outlines, (N, 2)."""
    return np.array([(p.x(), p.y()) for path in paths for p in path.getPoints(path.countPoints())])


def _transform(matrix: skia.Matrix, points: Array) -> Array:
    values = np.array([matrix.get(i) for i in range(6)]).reshape(2, 3)
    return np.asarray(points @ values[:, :2].T + values[:, 2])


def _support_points(plan: Plan, bottom: float, supports: list[skia.Path], rng: np.random.Generator) -> Array:
    """Choose points of the support that the frame includes too, (N, 2)."""
    if plan.setting == "flat" or not supports:
        return np.empty((0, 2))
    above = min(float(path.getBounds().top()) for path in supports)
    if plan.setting == "hanger":
        return np.array([[0.0, above - 1.0]])
    neck = neck_y(plan)
    whole = rng.random() < _full_length_chance(plan, bottom - neck)
    below = neck + FLOOR + 5.0 if whole else _lowest_y_shown(plan, neck, bottom, rng)
    if plan.garment in LOWER_GARMENTS:
        if not (above > -30.0 or (whole and rng.random() < 0.3)):
            above = float(rng.uniform(-26, -14))
    elif above < -15.0 and not whole and rng.random() < 0.6:
        above = -13.5  # crop below the chin
    return np.array([[0.0, above - 1.0], [0.0, below]])


def _full_length_chance(plan: Plan, hem: float) -> float:
    """Return how often a mannequin is shown down to its feet: mostly where its legs show the garment's length.

    `hem`: end of the garment, below the neck point.
    """
    if not set(HEM_ATTRIBUTES) & set(plan.values):
        return 0.0
    if hem < CROTCH:
        return 0.2
    return 0.9 if hem > KNEE - 6.0 else 0.5


def _lowest_y_shown(plan: Plan, neck: float, bottom: float, rng: np.random.Generator) -> float:
    """Choose the lowest y shown of a cropped mannequin: below the next joint, where a label needs it."""
    if not set(HEM_ATTRIBUTES) & set(plan.values):
        return bottom + float(rng.uniform(1, 6))
    joints = (HIP, CROTCH, KNEE, CALF, ANKLE, FLOOR)
    return next((neck + y + 7.0 for y in joints if neck + y > bottom + 3.0), neck + FLOOR + 5.0)


def _rotation(plan: Plan, rng: np.random.Generator) -> skia.Matrix:
    """Rotate a flat garment slightly; a hanger or mannequin stays upright."""
    return skia.Matrix.RotateDeg(float(rng.normal(0, 0.6)) if plan.setting == "flat" else 0.0)
