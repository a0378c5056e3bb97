"""Outlines of the figure that wears a garment: the right leg, and the right arm."""

import math
from collections.abc import Sequence

from wardrobe.drawing.geometry import Point, monotone_cubic
from wardrobe.line_drawings.outline import Line
from wardrobe.measurements import ANKLE, CROTCH, FLOOR, KNEE, WAIST


class LegOutline:
    """The right leg of a figure that stands on the ground; heights are in cm below the waist."""

    # Distances from the centre line on the grid, by height.
    OUTER = ((0.0, 3.2), (20.0, 4.2), (KNEE - WAIST, 3.05), (ANKLE - WAIST, 2.15))
    INNER = ((CROTCH - WAIST, 0.25), (KNEE - WAIST, 0.8), (ANKLE - WAIST, 1.05))

    def __init__(self, waist: float, scale: float, width: float = 1.0) -> None:
        """Place the waist on the grid, where a cm is `scale` high; `width` is of the legs."""
        self.waist, self.scale, self.width = waist, scale, width

    def y(self, height: float) -> float:
        """Return the place of a height on the grid."""
        return self.waist + self.scale * height

    def below(self, hem: float) -> list[Line]:
        """Return what a hem leaves of the leg."""
        hem += 3  # a gap between the lines
        if hem >= ANKLE - WAIST:
            return []
        outer, inner = self._edge(self.OUTER, hem), self._edge(self.INNER, hem)
        sole, width = self.y(FLOOR - WAIST), self.width
        foot = [outer[-1], (2.35 * width, sole - 0.5), (1.7 * width, sole), (1.05 * width, sole - 0.4), inner[-1]]
        return [(outer, foot, inner[::-1])]

    def _edge(self, keys: Sequence[Point], hem: float) -> list[Point]:
        top, x_at = max(hem, keys[0][0]), monotone_cubic(keys)
        heights = [top, *(height for height, _ in keys if height > top + 4)]
        return [(self.width * x_at(height), self.y(height)) for height in heights]


class ArmOutline:
    """The right arm of a figure, a little away from the body; shares are of the way from the shoulder to the wrist."""

    SHOULDER, WRIST = (4.5, 4.9), (8.9, 17.4)
    ELBOW, HAND, FINGERTIPS = 0.56, 0.98, 1.27  # shares
    HALF_WIDTHS = ((0.0, 1.75), (0.3, 1.6), (ELBOW, 1.3), (HAND, 0.85))

    def edges_at(self, share: float, ease: float = 0.0) -> tuple[Point, Point]:
        """Return the points of the outer and the inner edge; `ease` is how far cloth stands away from the arm."""
        (x0, y0), (x1, y1) = self.SHOULDER, self.WRIST
        dx, dy = x1 - x0, y1 - y0
        half = (monotone_cubic(self.HALF_WIDTHS)(share) + ease) / math.hypot(dx, dy)
        x, y = x0 + share * dx, y0 + share * dy
        return (x + half * dy, y - half * dx), (x - half * dy, y + half * dx)

    def below(self, cuff: float) -> Line:
        """Return what a cuff leaves of the arm and the hand, around the fingers to the inner edge."""
        shares = [cuff, *(share for share in (self.ELBOW, self.HAND) if share > cuff + 0.08)]
        outer, inner = ([edges[side] for edges in map(self.edges_at, shares)] for side in (0, 1))
        palm = [self.edges_at(share, 0.15) for share in (1.07, 1.18) if share > cuff + 0.04]
        fingers = [a for a, _ in palm], [*self.edges_at(self.FINGERTIPS, -0.45)], [b for _, b in palm[::-1]]
        hand = [outer[-1], *(point for points in fingers for point in points), inner[-1]]
        return (outer, hand, inner[::-1]) if len(shares) > 1 else (hand,)
