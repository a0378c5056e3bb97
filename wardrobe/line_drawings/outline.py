"""Lines of a drawing on a grid of 24 by 24, written as SVG: x from the centre line, y down from the top."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wardrobe.drawing.geometry import Curve, Point, mirrored, mirrored_reversed

Line = Sequence[Curve]  # curves with corners where they meet; a curve of two points is straight
Cubic = tuple[Point, Point, Point, Point]
SIDE = 24
LIGHT = ".42"  # opacity of the lines that the detail is not about
TOLERANCE = 0.2  # on the grid, of a curve that is written as one cubic
STEPS = 8  # samples of a cubic


def both(*lines: Line) -> list[Line]:
    """Return lines of the right half, and their mirror images."""
    return [*lines, *(tuple(mirrored(curve) for curve in line) for line in lines)]


def across(right: Curve) -> list[Point]:
    """Complete a curve that runs from the centre line to the right: from its left end to its right one."""
    return [*mirrored(right)[:0:-1], *right]


def around(top: Curve, sides: Line, bottom: Curve) -> Line:
    """Return the outline between two edges that run from the centre line to the right; the sides run down."""
    back = [mirrored_reversed(side) for side in reversed(sides)]
    return (across(top), *sides, across(bottom)[::-1], *back)


@dataclass(frozen=True)
class LineDrawing:
    """Lines of a drawing: what the detail is about in full strength and tinted, the rest of the figure light."""

    cloth: Sequence[Line] = ()  # tinted, with its outline
    full: Sequence[Line] = ()
    light: Sequence[Line] = ()
    ground: Sequence[Line] = ()  # light and tinted

    def symbol(self, name: str) -> str:
        """Return the drawing as a <symbol>; the page gives colour and width of lines and the strength of the tint."""
        paths = {
            f' fill="currentColor" stroke-opacity="{LIGHT}"': self.ground,
            f' stroke-opacity="{LIGHT}"': self.light,
            ' fill="currentColor"': self.cloth,
            "": self.full,
        }
        drawing = "".join(
            f'<path{attributes} d="{"".join(map(_data, lines))}"/>' for attributes, lines in paths.items() if lines
        )
        return f'<symbol id="{name}" viewBox="0 0 {SIDE} {SIDE}">{drawing}</symbol>'


def _data(line: Line) -> str:
    """Write a line as the data of a path, with coordinates relative to the point before."""
    at = _on_grid(line[0][0])
    data = f"M{_numbers(at)}"
    for curve in line:
        steps: list[Sequence[Point]] = [curve[:1]] if _on_grid(curve[0]) != at else []
        steps += [curve[1:]] if len(curve) < 3 else [cubic[1:] for cubic in _fit(_smooth(curve))]
        for points in filter(None, steps):
            data += _command([_minus(_on_grid(point), at) for point in points])
            at = _on_grid(points[-1])
    return data


def _command(steps: Sequence[Point]) -> str:
    """Write a straight line or a cubic, by its steps from the point before."""
    if len(steps) > 1:
        return "c" + _numbers([side for step in steps for side in step])
    x, y = (_numbers(steps[0][axis : axis + 1]) for axis in (0, 1))
    return f"v{y}" if x == "0" else f"h{x}" if y == "0" else "l" + _numbers(steps[0])


def _smooth(curve: Curve) -> list[Cubic]:
    """Return the cubics of a smooth curve through points; handles are at most a third of their segment."""
    cubics = []
    for i, (start, end) in enumerate(pairwise(curve)):
        before, after = curve[max(i - 1, 0)], curve[min(i + 2, len(curve) - 1)]
        reach = math.dist(start, end) / 3
        cubics.append(
            (start, _handle(start, _minus(end, before), reach), _handle(end, _minus(start, after), reach), end)
        )
    return cubics


def _fit(cubics: Sequence[Cubic]) -> list[Cubic]:
    """Return fewer cubics within the tolerance of these: a single one, or those of the two halves."""
    if len(cubics) < 2:
        return list(cubics)
    samples = [_at(cubic, step / STEPS) for cubic in cubics for step in range(STEPS)] + [cubics[-1][3]]
    single = _least_squares(samples)
    points = [_at(single, step / (4 * STEPS)) for step in range(4 * STEPS + 1)]
    worst = max(min(math.dist(sample, point) for point in points) for sample in samples)
    middle = len(cubics) // 2
    return [single] if worst < TOLERANCE else _fit(cubics[:middle]) + _fit(cubics[middle:])


def _least_squares(samples: Sequence[Point]) -> Cubic:
    """Return the cubic between the first and the last sample that is nearest to those between, by their distances."""
    lengths = [math.dist(a, b) for a, b in pairwise(samples)]
    start, end = samples[0], samples[-1]
    aa = ab = bb = 0.0
    rests = [[0.0, 0.0], [0.0, 0.0]]  # of each handle, by axis
    for i, sample in enumerate(samples):
        t = sum(lengths[:i]) / sum(lengths)
        a, b = 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t)
        aa, ab, bb = aa + a * a, ab + a * b, bb + b * b
        for axis in (0, 1):
            rest = sample[axis] - (1 - t) ** 3 * start[axis] - t**3 * end[axis]
            rests[0][axis] += a * rest
            rests[1][axis] += b * rest
    (ax, ay), (bx, by) = rests
    determinant = aa * bb - ab * ab
    one = (ax * bb - bx * ab) / determinant, (ay * bb - by * ab) / determinant
    other = (bx * aa - ax * ab) / determinant, (by * aa - ay * ab) / determinant
    return start, one, other, end


def _at(cubic: Cubic, t: float) -> Point:
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
    x, y = (sum(weight * point[axis] for weight, point in zip(weights, cubic, strict=True)) for axis in (0, 1))
    return x, y


def _handle(at: Point, direction: Point, reach: float) -> Point:
    length = math.hypot(*direction) or 1.0
    return at[0] + direction[0] / length * reach, at[1] + direction[1] / length * reach


def _minus(one: Point, other: Point) -> Point:
    return one[0] - other[0], one[1] - other[1]


def _on_grid(point: Point) -> Point:
    return round(point[0] + SIDE / 2, 1), round(point[1], 1)


def _numbers(numbers: Iterable[float]) -> str:
    """Write numbers as short as a path allows: "-.5.3" for -0.5 and 0.3."""
    text = before = ""
    for number in numbers:
        word = re.sub(r"^(-?)0(?=\.)|\.0$", r"\1", f"{number:.1f}")
        word = "0" if word in ("", "-", "-0") else word
        joins = not before or word[0] == "-" or (word[0] == "." and "." in before)
        text, before = text + ("" if joins else " ") + word, word
    return text
