"""Contours of neck openings: round, V-shaped, open to the hem."""

from wardrobe.drawing.geometry import Curve, Point, arc_between, mirrored
from wardrobe.silhouette.context import DrawingContext


def opening_below(edge: Curve) -> list[Curve]:
    """Return the contour of an opening above `edge`, which runs from left to right."""
    (x0, _), (x1, _) = edge[0], edge[-1]
    return [edge, [(x1, -25.0), (x0, -25.0)]]


def round_neck_edge(width: float, depth: float) -> list[Point]:
    """Return a U from the left shoulder to the right one."""
    half = [(width, 0.0), (width * 0.93, depth * 0.38), (width * 0.62, depth * 0.82), (0.0, depth)]
    return [*mirrored(half), *reversed(half[:-1])]


def complete_by_mirroring(right: Curve) -> list[Point]:
    """Complete a curve that ends at the centre, from its left end to its right one."""
    return [*mirrored(right), *list(reversed(right))[1:]]


def v_front_opening(
    ctx: DrawingContext, opening_bottom: float, open_gap: float
) -> tuple[list[list[Point]], list[Point]]:
    """Return the contour of a V front and its right edge (roll line, then front).

    The V ends at `opening_bottom` or, with an `open_gap`, continues open to the hem.
    """
    w, length = ctx.body.neck, ctx.body.length
    if open_gap > 0:
        right = [
            (w, 0.0),
            (w * 0.72, opening_bottom * 0.42),
            (open_gap * 0.8, opening_bottom),
            (open_gap, (opening_bottom + length) / 2),
            (open_gap * 1.25, length + 8),
        ]
    else:
        right = arc_between((w, 0.0), (0.0, opening_bottom), 0.05)
    return [mirrored(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right
