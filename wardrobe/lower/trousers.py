"""Trousers and shorts. y = 0 is the top of the waistband."""

import numpy as np

from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import Colour, mix
from wardrobe.fabric.materials import Cloth, choose_cloth
from wardrobe.lower.trouser_details import (
    draw_drawstring,
    draw_fading,
    draw_fly,
    draw_pockets,
    draw_pressed_crease,
    draw_side_stripes,
    draw_trouser_hem,
)
from wardrobe.lower.trouser_shapes import Leg, Trousers, leg_folds, make_trousers
from wardrobe.lower.waistband import draw_inside_waist, draw_waistband
from wardrobe.measurements import PANT_LENGTHS_CM
from wardrobe.spec import Plan
from wardrobe.supports.display import draw_bottom_clips, draw_bottom_support


def draw_trousers(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Draw the plan's trousers or shorts, from the front or from behind."""
    cloth = choose_cloth(plan.garment, rng)
    trousers = make_trousers(plan, cloth, float(rng.uniform(*PANT_LENGTHS_CM[plan.values["pant_length"]])), rng)
    right = trousers.legs[1]
    if not trousers.seen_from_behind:
        draw_inside_waist(pen, cloth, trousers.waist)
    draw_bottom_support(pen, plan, trousers.waist, cloth, lambda y: right.middle(y)[0])
    for leg in trousers.legs:
        _draw_leg(pen, trousers, leg, cloth, rng)
    draw_fly(pen, trousers, cloth)
    draw_pockets(pen, trousers, cloth)
    _draw_waist(pen, trousers, cloth, rng)
    draw_bottom_clips(pen, plan, trousers.waist)


def _draw_leg(pen: Pen, trousers: Trousers, leg: Leg, cloth: Cloth, rng: np.random.Generator) -> None:
    under = trousers.waistband - (
        2.6 if trousers.seen_from_behind else 0.6
    )  # at the back the waistband rises in the middle
    top = [(0.0, under), (leg.outer[0][0], leg.outer[0][1])]
    path = pen.path(top, leg.outer, leg.hem, leg.inner[::-1], [leg.inner[0], top[0]])
    (x0, y0), (x1, y1) = leg.middle(trousers.rise), leg.middle(trousers.length)
    pen.piece(path, cloth, angle=-float(np.degrees(np.arctan2(x1 - x0, y1 - y0))))
    if trousers.style in ("sports", "track") and cloth.seed % 4 and cloth.pattern in ("plain", "heather"):
        draw_side_stripes(pen, leg, path, cloth)
    if trousers.style == "jeans" and cloth.pattern == "denim":
        draw_fading(pen, trousers, leg, path, cloth, rng)
    pen.folds(path, cloth, leg_folds(trousers, leg, rng))
    if trousers.style == "suit" or (trousers.style == "chinos" and trousers.length > 66 and cloth.seed % 3 == 0):
        draw_pressed_crease(pen, trousers, leg, cloth)
    if trousers.style == "jeans":
        pen.line([(x - 0.9 * leg.side, y) for x, y in leg.outer[3:]], cloth.seam, 0.16, 0.25)
    draw_trouser_hem(pen, trousers, leg, cloth)


def _draw_waist(pen: Pen, trousers: Trousers, cloth: Cloth, rng: np.random.Generator) -> None:
    jeans = trousers.style == "jeans" and cloth.pattern == "denim"
    metal: Colour = (184, 148, 98) if jeans else mix(cloth.colour, (25, 20, 22), 0.6)
    plain = trousers.elastic or trousers.seen_from_behind
    if trousers.elastic and trousers.style != "leggings":
        gathers = []
        for t in np.linspace(-0.9, 0.9, 11):
            x = trousers.waist * float(t) + float(rng.normal(0, 0.4))
            length = float(rng.uniform(4, 10))
            gathers.append(
                (
                    [
                        (x, trousers.waistband),
                        (x * 1.04, trousers.waistband + 0.5 * length),
                        (x * 1.08, trousers.waistband + length),
                    ],
                    0.8,
                    0.6,
                )
            )
        for leg in trousers.legs:
            outline = [(0.0, trousers.waistband - 0.6), leg.outer[0]]
            area = pen.path(
                outline, leg.outer[:5], [leg.outer[4], (0.0, trousers.rise)], [(0.0, trousers.rise), outline[0]]
            )
            pen.folds(area, cloth, gathers)
    draw_waistband(
        pen,
        cloth,
        trousers.waist,
        trousers.waistband,
        loops=not trousers.elastic,
        elastic=trousers.elastic and trousers.style != "leggings",
        button=None if plain else metal,
        dip=-1.0 if trousers.seen_from_behind else 1.4,
    )
    if jeans and trousers.seen_from_behind:
        x = 0.62 * trousers.waist
        patch = pen.path([(x - 3.0, 1.2), (x + 3.0, 0.8)], [(x + 3.0, 4.2), (x - 3.0, 4.6)])
        pen.piece(patch, Cloth((168, 116, 70), (0, 0, 0), material="leather"), edge=0.3, shadow=0.2)
    if trousers.style in ("joggers", "sports", "swim", "track") and not trousers.seen_from_behind:
        draw_drawstring(pen, cloth)
