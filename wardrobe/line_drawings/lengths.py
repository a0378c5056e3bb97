"""Line drawings of lengths: skirts, sleeves, coats and trousers on a figure that shows where they end."""

import math
from collections.abc import Iterator

from wardrobe.drawing.geometry import Point, mirrored, monotone_cubic
from wardrobe.line_drawings.figures import ArmOutline, LegOutline
from wardrobe.line_drawings.outline import Line, LineDrawing, across, around, both
from wardrobe.measurements import (
    COAT_LENGTHS_CM,
    FLOOR,
    PANT_LENGTHS_CM,
    SKIRT_LENGTHS_CM,
    SLEEVE_LENGTH_SHARES,
    WAIST,
)  # fmt: skip

LEGS, COAT_LEGS = LegOutline(waist=1.3, scale=0.199), LegOutline(waist=8.05, scale=0.1355, width=0.72)
NECK_Y = COAT_LEGS.y(-WAIST)
RULER_X = 10.0
BAR = 0.9  # half a bar at the end of a ruler
ARM = ArmOutline()
ARM_SHOULDER, ARMPIT, HEM = (4.9, 3.9), (3.7, 9.2), (3.8, 22.7)
SLEEVELESS, CAP_BELOW = 0.0, 0.2  # shares of the arm's length


def length_drawings() -> Iterator[str]:
    """Yield the symbols of the four lengths, each with a ruler beside it, and of their values."""
    for name, draw, spans, usual in (
        ("skirt_length", _skirt, SKIRT_LENGTHS_CM, 68),
        ("sleeve_length", _sleeve, {1: (SLEEVELESS, SLEEVELESS), **SLEEVE_LENGTH_SHARES}, 0.62),
        ("coat_length", _coat, COAT_LENGTHS_CM, 82),
        ("pant_length", _trousers, PANT_LENGTHS_CM, 80),
    ):
        yield draw(usual, True).symbol(name)
        for value, span in spans.items():
            yield draw(sum(span) / 2, False).symbol(f"{name}-{value}")


def _ruler(start: Point, end: Point) -> list[Line]:
    """Return a line with a bar at each end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    bar = BAR / math.hypot(dx, dy)
    bars = [([(x - bar * dy, y + bar * dx), (x + bar * dy, y - bar * dx)],) for x, y in (start, end)]
    return [([start, end],), *bars]


def _skirt(hem: float, measured: bool) -> LineDrawing:
    hem = min(hem, FLOOR - WAIST)
    top, band, bottom, width = LEGS.y(0), LEGS.y(8), LEGS.y(hem), 4.4 + 0.036 * hem
    sides = [(3.2, top), (3.35, band)], [(3.35, band), (4.45, LEGS.y(22)), (width, bottom)]
    outline = around([(0, top), (3.2, top)], sides, [(0, bottom + 0.5), (width * 0.6, bottom + 0.35), (width, bottom)])
    seam: Line = ([(-3.35, band), (3.35, band)],)
    ruler = _ruler((RULER_X, top), (RULER_X, bottom)) if measured else []
    return LineDrawing([outline], [seam, *ruler], both(*LEGS.below(hem)))


def _trousers(hem: float, measured: bool) -> LineDrawing:
    top, band, bottom, crotch = LEGS.y(0), LEGS.y(8), LEGS.y(hem), LEGS.y(29)
    width, gap = (
        monotone_cubic(keys)(hem) for keys in (((32, 5.1), (60, 4.6), (104, 3.9)), ((32, 0.4), (60, 0.9), (104, 1.3)))
    )
    leg = (
        [(3.3, band), (4.6, LEGS.y(24)), (width, bottom)],
        [(width, bottom), (gap, bottom)],
        [(gap, bottom), (0, crotch)],
    )
    outline = around([(0, top), (3.2, top)], ([(3.2, top), (3.3, band)], *leg), [(0, crotch)])
    seam: Line = ([(-3.3, band), (3.3, band)],)
    ruler = _ruler((RULER_X, top), (RULER_X, bottom)) if measured else []
    return LineDrawing([outline], [seam, *ruler], [*both(*LEGS.below(hem)), ([(0, band), (0, crotch)],)])


def _coat(hem: float, measured: bool) -> LineDrawing:
    hem -= WAIST
    bottom, width = COAT_LEGS.y(hem), 3.45 + 0.011 * hem
    neck, shoulder, armpit, cuff = (1.3, NECK_Y), (3.9, NECK_Y + 1.1), (2.9, NECK_Y + 4.2), (4.3, NECK_Y + 9)
    body = [neck, shoulder], [shoulder, armpit], [armpit, (2.8, COAT_LEGS.y(0)), (width, bottom)]
    outline = around([(0, NECK_Y), neck], body, [(0, bottom), (width, bottom)])
    front = [(0, NECK_Y + min(5.2, 0.75 * (bottom - NECK_Y))), (0, bottom)]
    elbow, wrist = (4.9, NECK_Y + 2.6), (5.9, cuff[1])
    sleeve = [shoulder, elbow], [elbow, wrist], [wrist, cuff], [cuff, armpit]
    throat = [(1.1, 0.7), (1.1, 1.7)], [(1.1, 1.7), neck]
    ruler = _ruler((RULER_X, NECK_Y), (RULER_X, bottom)) if measured else []
    light = both(throat, sleeve, *COAT_LEGS.below(hem))
    return LineDrawing([outline], [*both(([neck, front[0]],)), *ruler], [*light, (front,)])


def _torso() -> list[Line]:
    """Return a garment without its sleeves."""
    sides = [mirrored([ARMPIT, HEM]), [*mirrored([HEM]), HEM], [HEM, ARMPIT]]
    shoulder = [(1.8, 0.7), (1.8, 2)], [(1.8, 2), (2.6, 2.9)], [(2.6, 2.9), ARM_SHOULDER]
    return [sides, (across([(0, 4.6), (2.6, 2.9)]),), *both(shoulder)]


def _sleeve(share: float, measured: bool) -> LineDrawing:
    outer, inner = ARM.edges_at(share, 0.45)
    if share == SLEEVELESS:
        arm = [ARM_SHOULDER, (6.0, 4.9), ARM.edges_at(0.3)[0]], *ARM.below(0.3), [ARM.edges_at(0.3)[1], ARMPIT]
        return LineDrawing(full=both(([ARM_SHOULDER, (4.1, 6.2), ARMPIT],)), light=[*_torso(), *both(arm)])
    if share < CAP_BELOW:  # it does not go around the arm
        end = (4.0, 6.6)
        cap = [ARM_SHOULDER, (6.0, 4.7), outer], [outer, (5.6, 7.6), end], [end, ARM_SHOULDER]
        arm = [ARM.edges_at(share + 0.12)[0], ARM.edges_at(0.3)[0]], *ARM.below(0.3), [ARM.edges_at(0.3)[1], ARMPIT]
        return LineDrawing(both(cap), light=[*_torso(), *both(arm, ([end, ARMPIT],))])
    middle = [ARM.edges_at(at, 0.45) for at in (0.3, ARM.ELBOW) if at < share - 0.1]
    sleeve = (
        [ARM_SHOULDER, (6.1, 4.7), *(edges[0] for edges in middle), outer],
        [outer, inner],
        [inner, *(edges[1] for edges in middle[:0:-1]), ARMPIT],
        [ARMPIT, (4.0, 6.2), ARM_SHOULDER],
    )
    ruler = _ruler(ARM.edges_at(0.05, 2.1)[0], ARM.edges_at(share, 2.1)[0]) if measured else []
    return LineDrawing(both(sleeve), ruler, [*_torso(), *both(ARM.below(share + 0.03))])
