"""Points, curves and outlines in garment centimetres: x from the centre line, y down from the neck or the waist."""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import skia

Point = tuple[float, float]
Curve = Sequence[Point]
Warp = Callable[[Point], Point]


def mirrored_reversed(curve: Curve) -> list[Point]:
    """Mirror a curve at the centre line and reverse it, so that it continues an outline that came down this side."""
    return [(-x, y) for x, y in reversed(curve)]


def mirrored(curve: Curve) -> list[Point]:
    """Mirror a curve at the centre line, keeping its order."""
    return [(-x, y) for x, y in curve]


def lerp(a: Point, b: Point, t: float) -> Point:
    """Interpolate linearly between two points."""
    return a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t


def arc_between(a: Point, b: Point, bulge: float = 0.0, n: int = 3) -> list[Point]:
    """Return n points on an arc from a to b; its height is `bulge` times its length, to the right of its direction."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    points = []
    for t in np.linspace(0.0, 1.0, n):
        h = bulge * 4 * t * (1 - t)
        points.append((a[0] + dx * t - dy * h, a[1] + dy * t + dx * h))
    return points


def monotone_cubic(keys: Sequence[Point]) -> Callable[[float], float]:
    """Interpolate (y, x) keys by a monotone cubic, which does not overshoot between them; returns x(y)."""
    ys = np.array([k[0] for k in keys])
    xs = np.array([k[1] for k in keys])
    slopes = np.zeros(len(ys))
    steps = np.diff(xs) / np.diff(ys)
    for i in range(1, len(ys) - 1):
        if steps[i - 1] * steps[i] > 0:
            slopes[i] = 2 * steps[i - 1] * steps[i] / (steps[i - 1] + steps[i])
    slopes[0], slopes[-1] = steps[0], steps[-1]

    def at(y: float) -> float:
        i = int(np.clip(np.searchsorted(ys, y) - 1, 0, len(ys) - 2))
        h = ys[i + 1] - ys[i]
        t = min(max((y - ys[i]) / h, 0.0), 1.0)
        a, b = (1 + 2 * t) * (1 - t) ** 2, t * t * (3 - 2 * t)
        c, d = t * (1 - t) ** 2, t * t * (t - 1)
        return float(a * xs[i] + b * xs[i + 1] + h * (c * slopes[i] + d * slopes[i + 1]))

    return at


def random_warp(rng: np.random.Generator, strength: float = 1.0) -> Warp:
    """Choose a gentle, smooth displacement of the whole garment, so that its two sides differ."""
    highs, longs = np.array([0.75, 0.75, 0.32, 0.32, 0.13, 0.13]), np.array([75.0, 75.0, 31.0, 31.0, 13.0, 13.0])
    height = highs * rng.normal(0, strength, 6)
    turn = 2 * math.pi / (longs * rng.uniform(0.75, 1.35, 6))
    side = rng.uniform(0, 2 * math.pi, 6)
    waves = [
        (float(h), float(k * math.cos(w)), float(k * math.sin(w)), float(phase))
        for h, k, w, phase in zip(height, turn, side, rng.uniform(0, 2 * math.pi, 6), strict=True)
    ]
    lean = float(rng.normal(0, 0.010 * strength))

    def warp(p: Point) -> Point:
        x, y = p
        dx, dy = (sum(h * math.sin(a * x + b * y + c) for h, a, b, c in waves[i::2]) for i in (0, 1))
        return x + dx + lean * y, y + 0.8 * dy

    return warp


def trace_path(curves: Iterable[Curve], warp: Warp, close: bool = True) -> skia.Path:
    """Trace one contour through smooth curves (Catmull-Rom, as cubic Beziers) with corners where they meet."""
    path = skia.Path()
    started = False
    for curve in curves:
        points = [warp(p) for p in curve]
        if not started:
            path.moveTo(*points[0])
            started = True
        else:
            path.lineTo(*points[0])
        for i in range(len(points) - 1):
            before, a, b, after = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, len(points) - 1)]
            # Handles are at most a third of their segment, or unevenly spaced points would make loops.
            reach = math.dist(a, b) / 3
            c1, c2 = _control_point(before, b, a, reach), _control_point(after, a, b, reach)
            path.cubicTo(*c1, *c2, *b)
    if close:
        path.close()
    return path


def _control_point(start: Point, end: Point, at: Point, reach: float) -> Point:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    return at[0] + dx / length * reach, at[1] + dy / length * reach


def offset(curve: Curve, distance: float) -> list[Point]:
    """Offset a curve to the right of its direction by a distance (negative: to the left)."""
    moved = []
    for i, (x, y) in enumerate(curve):
        a, b = curve[max(i - 1, 0)], curve[min(i + 1, len(curve) - 1)]
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = math.hypot(dx, dy) or 1.0
        moved.append((x - dy / length * distance, y + dx / length * distance))
    return moved


def resample(curve: Curve, n: int) -> list[Point]:
    """Return n points at equal arc lengths along the polyline of a curve."""
    points = np.asarray(curve, dtype=float)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, along[-1], n)
    return list(
        zip(np.interp(at, along, points[:, 0]).tolist(), np.interp(at, along, points[:, 1]).tolist(), strict=True)
    )


def blend_curves(one: Curve, other: Curve, t: float, n: int = 9) -> list[Point]:
    """Return the curve a fraction t of the way from one curve to another."""
    return [lerp(a, b, t) for a, b in zip(resample(one, n), resample(other, n), strict=True)]
