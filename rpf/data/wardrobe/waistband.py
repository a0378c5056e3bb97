"""The upper edge of what hangs from the waist."""

import numpy as np

from rpf.data.wardrobe.cloth import Cloth
from rpf.data.wardrobe.colours import Colour, luminance
from rpf.data.wardrobe.pen import Pen


def draw_inside(pen: Pen, cloth: Cloth, waist: float) -> None:
    """The back of the waist, seen over the front's edge."""
    dark = cloth.plain(0.5)
    upper = [(-waist, 0.0), (-waist * 0.5, -1.1), (0.0, -1.5), (waist * 0.5, -1.1), (waist, 0.0)]
    pen.piece(pen.path(upper, [(waist, 2.5), (0.0, 4.0), (-waist, 2.5)]), dark, edge=0.4)
    tag = pen.path([(-1.6, -0.6), (1.6, -0.6)], [(1.6, 1.0), (-1.6, 1.0)])
    pen.piece(tag, cloth.plain() if luminance(cloth.colour) > 0.5 else Cloth((222, 216, 206), (0, 0, 0)), edge=0.1)


def draw_band(
    pen: Pen,
    cloth: Cloth,
    waist: float,
    deep: float,
    rng: np.random.Generator,
    loops: bool,
    elastic: bool = False,
    button: Colour | None = None,
) -> None:
    upper = [(-waist, 0.0), (-waist * 0.5, 1.0), (0.0, 1.4), (waist * 0.5, 1.0), (waist, 0.0)]
    lower = [(x * (1 + 0.3 / waist), y + deep) for x, y in upper]
    pen.band(upper, lower, cloth, ribs=0.9 if elastic else 0.0, shadow=0.5, edge=0.4)
    pen.crease(lower, cloth, 0.6, 0.4)
    if loops:
        for t in (-0.72, -0.32, 0.32, 0.72):
            x, y = waist * t, 1.4 * (1 - t * t)
            pen.band(
                [(x - 0.55, y - 0.3), (x - 0.55, y + deep + 0.5)],
                [(x + 0.55, y - 0.3), (x + 0.55, y + deep + 0.5)],
                cloth,
                shadow=0.3,
                edge=0.2,
            )
    if button:
        pen.button((0.4, 1.4 + deep * 0.5), button, 0.8)
