"""Waistbands of skirts and trousers."""

from wardrobe.drawing.geometry import Point
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import Colour, luminance
from wardrobe.fabric.materials import Cloth


def draw_inside_waist(pen: Pen, cloth: Cloth, waist: float) -> None:
    """Draw the inside of the back waist, visible above the front's edge."""
    dark = cloth.plain(0.5)
    upper = [(-waist, 0.0), (-waist * 0.5, -1.1), (0.0, -1.5), (waist * 0.5, -1.1), (waist, 0.0)]
    pen.piece(pen.path(upper, [(waist, 2.5), (0.0, 4.0), (-waist, 2.5)]), dark, edge=0.4)
    tag = pen.path([(-1.6, -0.6), (1.6, -0.6)], [(1.6, 1.0), (-1.6, 1.0)])
    pen.piece(tag, cloth.plain() if luminance(cloth.colour) > 0.5 else Cloth((222, 216, 206), (0, 0, 0)), edge=0.1)


def draw_waistband(
    pen: Pen,
    cloth: Cloth,
    waist: float,
    depth: float,
    loops: bool,
    elastic: bool = False,
    button: Colour | None = None,
    dip: float = 1.4,
) -> None:
    """Draw a waistband `depth` cm deep whose centre lies `dip` cm below its ends."""
    upper = _waistband_edge(waist, dip)
    lower = [(x * (1 + 0.3 / waist), y + depth) for x, y in upper]
    pen.band(upper, lower, cloth, ribs=0.9 if elastic else 0.0, shadow=0.35, edge=0.4)
    pen.line([(x, y + 0.5) for x, y in upper], cloth.seam, 0.16, 0.35)
    if loops:
        for t in (-0.72, -0.32, 0.32, 0.72):
            x, y = waist * t, dip * (1 - t * t)
            left, right = ([(x + s, y - 0.3), (x + s, y + depth + 0.5)] for s in (-0.55, 0.55))
            pen.band(left, right, cloth, shadow=0.25, edge=0.2)
    if button:
        pen.button((0.4, dip + depth * 0.5), button, 0.8)


def _waistband_edge(waist: float, dip: float, down: float = 0.0) -> list[Point]:
    """Return the upper edge of a waistband, from left to right."""
    return [(waist * t, dip * (1 - t * t) + down) for t in (-1.0, -0.5, 0.0, 0.5, 1.0)]
