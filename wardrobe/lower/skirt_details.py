"""Details of skirts: denim fronts, buttons, slits, wrap edges."""

from collections.abc import Callable

import numpy as np

from wardrobe.drawing.geometry import Point, mirrored, offset
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.lower.trouser_details import topstitch_colour


def draw_denim_skirt_front(
    pen: Pen, cloth: Cloth, width_at: Callable[[float], float], band: float, length: float, bow: float
) -> None:
    """Draw a denim skirt's pockets and its fly or button row."""
    thread = topstitch_colour(cloth)
    for side in (1, -1):
        curve = [
            (width_at(4) * 0.50, band + 1.2),
            (width_at(8) * 0.57, 8.6),
            (width_at(12) * 0.80, 11.4),
            (width_at(12) * 0.99, 11.9),
        ]
        curve = curve if side == 1 else mirrored(curve)
        pen.crease(curve, cloth, 0.8, 0.45)
        pen.stitches(offset(curve, 0.7 * side), cloth, thread, 0.8)
    bottom = length + 0.5 * bow
    pen.crease([(0.0, band + 1), (0.2, 0.5 * length), (0.0, bottom)], cloth, 0.9, 0.4)
    if cloth.seed % 3 == 0:
        for x in (-1.7, 1.7):
            pen.stitches([(x, band + 1), (x + 0.1, 0.5 * length), (x, bottom)], cloth, thread, 0.7)
        for y in np.arange(band + 4.5, length - 4, 7.0):
            pen.button((0.0, float(y)), (184, 148, 98), 0.75)
    else:
        pen.stitches([(2.9, band + 1.2), (2.8, 12.0), (2.0, 15.0), (0.2, 17.0)], cloth, thread, 0.8)


def draw_slit_or_buttons(pen: Pen, cloth: Cloth, band: float, length: float, rng: np.random.Generator) -> None:
    """Draw a row of buttons down the front, or a slit up from the hem."""
    if rng.random() < 0.5:
        curve = [(-1.8, band + 1), (-1.6, (band + length) / 2), (-1.8, length + 1.2)]
        pen.crease(curve, cloth, 0.9, 0.4)
        colour = (228, 220, 205) if luminance(cloth.colour) < 0.4 else mix(cloth.colour, (30, 24, 24), 0.6)
        for y in np.arange(band + 4, length - 2, 7.5):
            pen.button((0.1, float(y)), colour, 0.85)
    else:
        x = float(rng.choice([-8.0, 8.0]))
        pen.crease([(x, length * 0.66), (x + 0.5, length * 0.82), (x + 0.4, length + 1.4)], cloth, 1.3, 0.6)


def draw_wrap_edge(pen: Pen, cloth: Cloth, point: Callable[[float, float], Point], band: float, length: float) -> None:
    """Draw the edge of a wrap skirt, with a tie or buttons at the waist."""
    side = 1.0 if cloth.seed % 2 else -1.0
    curve = [
        point(0.62 * side, band),
        point(0.50 * side, 0.5 * length),
        point(0.26 * side, length * 0.86),
        point(0.10 * side, length + 0.8),
    ]
    pen.crease(curve, cloth, 1.6, 0.55)
    pen.stitches(offset(curve, 0.9 * side), cloth, alpha=0.4)
    if cloth.seed % 3:
        x, y = point(0.62 * side, band)
        for shift, drop in ((0.5, 11.0), (-1.0, 8.5)):
            tail = [(x, y - 1), (x + shift * 2, y + 0.5 * drop), (x + shift * 1.2, y + drop)]
            pen.band(tail, offset(tail, -1.5), cloth, shadow=0.4, edge=0.25)
        knot = pen.path([(x - 1.3, y - 2.6), (x + 1.3, y - 2.6)], [(x + 1.2, y + 0.4), (x - 1.2, y + 0.4)])
        pen.piece(knot, cloth, shadow=0.4, edge=0.4)
    else:
        for dy in (-1.0, 4.0):
            x, y = point(0.58 * side, band + 1)
            pen.button((x, y + dy), mix(cloth.colour, (24, 20, 22), 0.6), 0.9)
