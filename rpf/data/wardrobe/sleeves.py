"""The outlines of sleeves: how an arm hangs from a shoulder."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rpf.data.wardrobe.body import Body
from rpf.data.wardrobe.geometry import Point, lerp, profile
from rpf.data.wardrobe.measures import ELBOW


@dataclass(frozen=True)
class Sleeve:
    """The right sleeve's edges: `outer` from the shoulder to the cuff, `inner` from the armpit to the cuff."""

    armhole: list[Point]
    outer: list[Point]
    inner: list[Point]
    angle: float
    elbow: tuple[Point, Point] | None

    def across(self, back: float) -> tuple[Point, Point]:
        """The points on both edges `back` cm above the end of the sleeve, outer first."""
        return _back(self.outer, back), _back(self.inner, back)


def _back(run: list[Point], distance: float) -> Point:
    end = run[-1]
    for before in reversed(run[:-1]):
        step = math.dist(before, end)
        if distance <= step:
            return lerp(end, before, distance / step)
        distance -= step
        end = before
    return run[0]


def make_sleeve(body: Body, shape: str, rng: np.random.Generator) -> Sleeve:
    """The sleeve of a body; `shape`: straight, puff, bell, wide or balloon."""
    start = (body.shoulder, body.slope)
    armpit = (body.chest, body.armhole)
    length = body.sleeve * body.arm
    elbow = ELBOW * body.arm
    path = _arm(start, body, rng)
    # The armpit's place along the arm, and how wide the sleeve is there: from here its inner edge goes on smoothly.
    reach = min(np.arange(0.0, 34.0, 0.5), key=lambda t: abs(_along(path(t), armpit)))
    root = _across(path(reach), armpit)
    taper = profile(
        [
            (0, body.bicep + 1.5),
            (0.35, body.bicep),
            (ELBOW, 0.55 * body.bicep + 0.45 * body.cuff + 0.6),
            (1.05, body.cuff),
        ]
    )

    def width(t: float) -> float:
        own = t / max(length, 1.0)
        straight = min(taper(t / body.arm), max(root + 0.10 * (t - reach), body.cuff - 0.5))
        if shape == "bell":
            return straight + 9.0 * max(own - 0.5, 0.0) ** 1.3 * 2
        if shape == "wide":
            return max(straight, root + 0.02 * (t - reach))
        if shape == "balloon":
            return straight + 5.0 * math.sin(math.pi * min(own, 1.0) ** 1.6)
        return straight

    puff = 3.2 if shape == "puff" else 0.0
    outer, inner = [start], [armpit]
    for t in np.linspace(0, length, (4 if length < 15 else 9) + 1)[1:]:
        p, angle = path(float(t))
        across = (-math.sin(angle), math.cos(angle))
        lift = puff * math.sin(math.pi * float(t) / length)
        w = width(float(t))
        outer.append((p[0] - across[0] * lift, p[1] - across[1] * lift))
        if t > reach + 4 or t == length:
            inner.append((p[0] + across[0] * w, p[1] + across[1] * w))
    armhole = body.armhole_run()
    if length < reach:  # a short sleeve ends on the armhole or just below it
        inner = [armhole[2], lerp(armhole[2], outer[-1], 0.35)] if body.sleeve < 0.2 else [armpit, inner[-1]]
        if body.sleeve < 0.2:
            armhole = armhole[:3]
    joint = None
    if length > elbow + 6:
        p, angle = path(elbow)
        across, w = (-math.sin(angle), math.cos(angle)), width(elbow)
        joint = (p, (p[0] + across[0] * w, p[1] + across[1] * w))
    return Sleeve(armhole, outer, inner, body.angle, joint)


Place = tuple[Point, float]  # a point on the arm's outer edge, and the arm's angle there in radians


def _arm(start: Point, body: Body, rng: np.random.Generator) -> Callable[[float], Place]:
    """The arm's outer edge by the distance from the shoulder: round over the shoulder, a little bent at the elbow."""
    turn = math.radians(body.angle + rng.normal(0, 2.0))
    first = min(math.radians(rng.uniform(28, 38)), turn)
    bend = math.radians(body.bend + rng.normal(0, 2.0))
    ts = np.arange(0.0, 70.5, 0.5)
    ease = np.clip(ts / 10.5, 0, 1)
    ease = ease * ease * (3 - 2 * ease)
    angles = first + (turn - first) * ease + bend / (1 + np.exp(-(ts - ELBOW * body.arm) / 4))
    xs = start[0] + np.concatenate([[0.0], np.cumsum(np.cos(angles[:-1]) * 0.5)])
    ys = start[1] + np.concatenate([[0.0], np.cumsum(np.sin(angles[:-1]) * 0.5)])

    def at(t: float) -> Place:
        return (float(np.interp(t, ts, xs)), float(np.interp(t, ts, ys))), float(np.interp(t, ts, angles))

    return at


def _along(place: Place, p: Point) -> float:
    (x, y), a = place
    return (p[0] - x) * math.cos(a) + (p[1] - y) * math.sin(a)


def _across(place: Place, p: Point) -> float:
    (x, y), a = place
    return -(p[0] - x) * math.sin(a) + (p[1] - y) * math.cos(a)
