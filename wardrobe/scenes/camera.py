"""Camera: image size, framing, and the matrix from garment centimetres to pixels."""

import math
from dataclasses import dataclass

import numpy as np
import skia

from wardrobe.measurements import ANKLE, CALF, CROTCH, FLOOR, HIP, KNEE, WAIST
from wardrobe.spec import Plan

Array = np.ndarray
# Aspect ratios, width by height.
STUDIO_ASPECT = 4 / 5  # the same for all studio images, so that they form even rows
PHOTO_ASPECTS = (9 / 16, 2 / 3, 3 / 4, 3 / 4, 3 / 4, 4 / 5, 1.0, 4 / 3, 4 / 3, 3 / 2)
LOWER_GARMENTS = ("skirt", "trousers", "shorts")
HEM_ATTRIBUTES = ("skirt_length", "coat_length", "pant_length")


@dataclass(frozen=True)
class View:
    """View of a garment: the image's (width, height), and the matrix from centimetres to pixels."""

    size: tuple[int, int]
    matrix: skia.Matrix

    def area(self) -> skia.Rect:
        """Return a rectangle in cm that covers everything the image shows."""
        back = skia.Matrix()
        self.matrix.invert(back)
        return back.mapRect(skia.Rect.MakeWH(*self.size)).makeOutset(2.0, 2.0)


def neck_y(plan: Plan) -> float:
    """Return the y of the wearer's neck point in the garment's coordinates."""
    return -WAIST if plan.garment in LOWER_GARMENTS else 0.0


def choose_view(
    outlines: list[skia.Path], supports: list[skia.Path], plan: Plan, size: int, plain: bool, rng: np.random.Generator
) -> View:
    """Choose a frame, its longer side `size` pixels, that shows every part the plan's labels describe.

    If a length is hidden in the plan, the frame crops that part.
    """
    points = _points(outlines)
    garment_top, garment_bottom = float(points[:, 1].min()), float(points[:, 1].max())
    cut_top, cut_bottom = _crop_heights(plan, garment_top, garment_bottom, plain, rng)
    points = np.vstack([points, _support_points(plan, garment_top, garment_bottom, cut_bottom, supports, plain, rng)])
    points = points[points[:, 1] < cut_bottom + 5.0]
    points[:, 1] = np.clip(points[:, 1], cut_top, cut_bottom)
    if cut_bottom < math.inf and not (points[:, 1] == cut_bottom).any():  # a straight seam may have no point here
        points = np.vstack([points, (float(points[:, 0].mean()), cut_bottom)])
    perspective = _camera_matrix(plan, plain, rng)
    projected = _project(perspective, points)
    (x0, y0), (x1, y1) = projected.min(axis=0), projected.max(axis=0)
    if cut_bottom < math.inf:
        y1 = float(np.mean(projected[points[:, 1] == cut_bottom, 1]))
    if cut_top > -math.inf:
        y0 = float(np.mean(projected[points[:, 1] == cut_top, 1]))
    w, h = _image_size((x1 - x0) / (y1 - y0), size, plain, rng)
    fill = _fill_share(plan, plain, cut_top > -math.inf or cut_bottom < math.inf, rng)
    scale = fill * min(w / (x1 - x0), h / (y1 - y0))
    room = w - scale * (x1 - x0), h - scale * (y1 - y0)
    share = (0.5, 0.5) if plain else (float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.15, 0.85)))
    left, top = room[0] * share[0], room[1] * share[1]
    if cut_bottom < math.inf:
        top = room[1]
    elif cut_top > -math.inf:
        top = 0.0
    place = skia.Matrix.MakeAll(scale, 0, left - scale * x0, 0, scale, top - scale * y0, 0, 0, 1)
    return View((w, h), skia.Matrix.Concat(place, perspective))


def _points(paths: list[skia.Path]) -> Array:
    """Return the control points of outlines, (N, 2)."""
    return np.array([(p.x(), p.y()) for path in paths for p in path.getPoints(path.countPoints())])


def _project(matrix: skia.Matrix, points: Array) -> Array:
    values = np.array([matrix.get(i) for i in range(9)]).reshape(3, 3)
    moved = points @ values[:, :2].T + values[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _crop_heights(plan: Plan, top: float, bottom: float, plain: bool, rng: np.random.Generator) -> tuple[float, float]:
    """Choose the y at the top and bottom where the frame crops the garment; infinite for no crop."""
    if plan.hidden in HEM_ATTRIBUTES:
        if plan.hidden == "coat_length":
            return -math.inf, float(rng.uniform(27, 31))
        return -math.inf, (WAIST + float(rng.uniform(0, 9)) if plan.garment == "dress" else float(rng.uniform(17, 26)))
    chance = rng.random()
    if plain:
        return -math.inf, math.inf
    if plan.garment in LOWER_GARMENTS:
        return (top + float(rng.uniform(0.8, 3.0)) if chance < 0.08 else -math.inf), math.inf
    # No label describes a T-shirt's hem, but cropping it must not crop a long hanging sleeve.
    if not set(HEM_ATTRIBUTES) & set(plan.values) and plan.values["sleeve_length"] <= 4 and chance < 0.2:
        return -math.inf, bottom - float(rng.uniform(0.03, 0.16)) * (bottom - top)
    return -math.inf, math.inf


def _support_points(
    plan: Plan, top: float, bottom: float, cut: float, supports: list[skia.Path], plain: bool, rng: np.random.Generator
) -> Array:
    """Choose points of the support that the frame includes too, (N, 2)."""
    middle = np.empty((0, 2))
    if plan.setting == "flat" or not supports:
        return middle
    above = min(float(path.getBounds().top()) for path in supports)
    if plan.setting == "hanger":
        shown = plain or rng.random() < 0.75
        return np.array([[0.0, above - 1.0 if shown else max(above, top - 1.5)]])
    neck = neck_y(plan)
    whole = cut == math.inf and rng.random() < _full_length_chance(plan, bottom - neck, plain)
    below = neck + FLOOR + 5.0 if whole else _lowest_y_shown(plan, neck, bottom, plain, rng)
    if plan.garment in LOWER_GARMENTS:
        shown = above > -30.0 or (whole and rng.random() < 0.3)
        near, far = (-9, -4) if cut < math.inf else (-26, -14)
        above = above if shown and cut == math.inf else float(rng.uniform(near, far))
    elif above < -15.0 and not whole and rng.random() < 0.6:
        above = -13.5  # crop below the chin
    return np.array([[0.0, above - 1.0], [0.0, below]])


def _full_length_chance(plan: Plan, hem: float, plain: bool) -> float:
    """Return how often a mannequin is shown down to its feet: mostly where its legs show the garment's length.

    `hem`: end of the garment, below the neck point.
    """
    if not set(HEM_ATTRIBUTES) & set(plan.values):
        return 0.0 if plain else 0.12
    if hem < CROTCH:
        return 0.2
    return 0.9 if hem > KNEE - 6.0 else 0.5


def _lowest_y_shown(plan: Plan, neck: float, bottom: float, plain: bool, rng: np.random.Generator) -> float:
    """Choose the lowest y shown of a cropped mannequin: below the next joint, where a label needs it."""
    if not set(HEM_ATTRIBUTES) & set(plan.values):
        return bottom + float(rng.uniform(1, 6 if plain else 14))
    joints = (HIP, CROTCH, KNEE, CALF, ANKLE, FLOOR)
    return next((neck + y + 7.0 for y in joints if neck + y > bottom + 3.0), neck + FLOOR + 5.0)


def _camera_matrix(plan: Plan, plain: bool, rng: np.random.Generator) -> skia.Matrix:
    """Choose a camera that is slightly rotated and tilted."""
    upright = plan.setting != "flat"
    if plain:
        return skia.Matrix.RotateDeg(0.0 if upright else float(rng.normal(0, 0.6)))
    spread = 1.4 if upright or plan.hidden in HEM_ATTRIBUTES else 5.5
    rotation = float(np.clip(rng.normal(0, spread), -2.5 * spread, 2.5 * spread))
    lean = 0.5 if upright else 1.0
    tilt = skia.Matrix.MakeAll(1, 0, 0, 0, 1, 0, rng.normal(0, 0.0004 * lean), rng.normal(0, 0.0007 * lean), 1)
    return skia.Matrix.Concat(tilt, skia.Matrix.RotateDeg(rotation))


def _image_size(shape: float, size: int, plain: bool, rng: np.random.Generator) -> tuple[int, int]:
    """Choose the image's width and height for a subject whose width is `shape` times its height."""
    if plain:
        return round(size * STUDIO_ASPECT), size
    near = [a for a in PHOTO_ASPECTS if abs(math.log(a / shape)) < 0.55] or [
        min(PHOTO_ASPECTS, key=lambda a: abs(math.log(a / shape)))
    ]
    aspect = near[rng.integers(len(near))]
    return round(size * min(aspect, 1.0)), round(size / max(aspect, 1.0))


def _fill_share(plan: Plan, plain: bool, cut: bool, rng: np.random.Generator) -> float:
    """Choose the share of the frame that the subject fills."""
    if plain:
        return float(rng.uniform(0.87, 0.91))
    nearest, farthest = 0.95, 0.7 if cut or plan.setting == "mannequin" else 0.58
    return nearest - (nearest - farthest) * float(rng.random()) ** 1.5
