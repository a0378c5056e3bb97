"""Outlines of sleeves along an arm, from the seam to the cuff."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wardrobe.drawing.geometry import Point, arc_between, lerp, mirrored, monotone_cubic, resample
from wardrobe.measurements import ELBOW_SHARE
from wardrobe.silhouette.arm_poses import (
    Arm,
    ArmEdge,
    EdgePoint,
    distance_across,
    distance_along,
    elbow_distance,
    inset,
    right_arm_edge,
)
from wardrobe.silhouette.garment_body import Body

Curves = list[list[Point]]


@dataclass(frozen=True)
class Sleeve:
    """Outline of a sleeve. Its edges run from the seam to the cuff; those of a folded one end at the fold."""

    arm: Arm
    seam: list[Point]  # from the upper end to the armpit
    outer: list[Point]
    inner: list[Point]
    elbow: tuple[Point, Point] | None = None  # on the outer and the inner edge
    folded_edges: tuple[list[Point], list[Point]] | None = None  # edges of a folded sleeve beyond its fold

    def edges_at(self, back: float) -> tuple[Point, Point]:
        """Return the points of the outer and the inner edge, `back` cm above the sleeve's end."""
        outer, inner = self.folded_edges or (self.outer, self.inner)
        return _point_from_end(outer, back), _point_from_end(inner, back)

    def outline(self) -> Curves:
        """Return the outline from the seam to the end, or to the fold."""
        a, b = self.outer[-1], self.inner[-1]
        if self.folded_edges:
            return [self.outer, [*self._tip(), *self._clear_of_tip(self.inner)[::-1]], self.seam[::-1]]
        bulge = -0.035 if len(self.inner) > 2 else -0.13  # a cap sleeve is round
        return [self.outer, arc_between(a, b, bulge * self.arm.side), self.inner[::-1], self.seam[::-1]]

    def _tip(self) -> list[Point]:
        """Return the curve along a fold to the rounded elbow."""
        a, b = self.outer[-1], self.inner[-1]
        back = max(math.dist(a, b), 1.0)
        upper = _point_from_end(self.inner, 0.3 * back)
        return [a, lerp(a, b, 0.4), lerp(a, b, 0.72), lerp(lerp(a, b, 0.86), upper, 0.3)]

    @property
    def visible_inner(self) -> list[Point]:
        """Inner edge, as far as nothing covers it."""
        return self._clear_of_tip(self.inner) if self.folded_edges else self.inner

    def _clear_of_tip(self, curve: list[Point]) -> list[Point]:
        tip = self.inner[-1]
        near = 0.45 * math.dist(self.outer[-1], tip)
        return [p for p in curve if math.dist(p, tip) > near] or curve[:1]

    def extended_outline(self) -> Curves:
        """Return the outline, extended far beyond the seam."""
        a, b = self.outer[-1], self.inner[-1]
        side = self.arm.side
        outline = self.outline()
        start = lerp(self.outer[0], self.outer[1], -7.0 / max(math.dist(self.outer[0], self.outer[1]), 0.1))
        low = (self.inner[0][0] - 7.0 * side, self.inner[0][1] - 5.0)
        return [
            [start, *self.outer],
            [a, b] if self.folded_edges else outline[1],
            [*self.inner[::-1], low],
            [low, start],
        ]

    def forearm_outline(self) -> Curves:
        """Return the outline of a folded sleeve's forearm."""
        assert self.folded_edges
        outer, inner = self.folded_edges
        end = arc_between(outer[-1], inner[-1], 0.035 * self.arm.side)
        return [outer, end, [*self._clear_of_tip(inner)[::-1], *self._tip()[::-1]]]


def _point_from_end(curve: list[Point], distance: float) -> Point:
    end = curve[-1]
    for before in reversed(curve[:-1]):
        step = math.dist(before, end)
        if distance <= step:
            return lerp(end, before, distance / step)
        distance -= step
        end = before
    return curve[0]


def make_sleeve(body: Body, arm: Arm, shape: str) -> Sleeve:
    """Build the sleeve of an arm; `shape`: straight, puff, bell, wide or balloon."""
    path, length = right_arm_edge(body, arm), body.sleeve_length
    armpit = (body.chest, body.armpit_y)
    reach = float(min(np.arange(0.0, 36.0, 0.5), key=lambda t: abs(distance_along(path(float(t)), armpit))))
    if body.setting != "flat":  # a short hanging sleeve covers the armpit
        reach = min(reach, max(length - 4.5, 0.5 * length))
    width, root = _width_along(body, shape, reach, distance_across(path(reach), armpit))
    joint = inset(path(reach), root)
    seam = _armhole_seam(body, path, joint)
    outer = _outer_edge(body, path, shape, length)
    if body.sleeve_share < 0.2:  # a cap sleeve ends on the seam
        seam = resample(seam, 12)[:-3]
        inner = [seam[-1], lerp(seam[-1], outer[-1], 0.06)]
    elif length < reach + 3.5:
        end = inset(path(max(length, reach + 3.5)), width(reach))
        inner = [seam[-1], lerp(seam[-1], end, 0.5), end]
    else:
        steps = [float(t) for t in np.linspace(reach, length, 3 if length - reach < 12 else 9)]
        inner = _inner_edge([path(t) for t in steps], [width(t) for t in steps])
    elbow = None
    if length > elbow_distance(body) + 5:
        place, w = path(elbow_distance(body)), width(elbow_distance(body))
        elbow = place[0], inset(place, w)
    on_side = mirrored if arm.side < 0 else list
    sleeve = Sleeve(
        arm,
        on_side(seam),
        on_side(outer),
        on_side(inner),
        (on_side([*elbow])[0], on_side([*elbow])[1]) if elbow else None,
    )
    return _fold_forearm(sleeve) if arm.folded and elbow else sleeve


def _inner_edge(places: list[EdgePoint], widths: list[float]) -> list[Point]:
    """Return the inner edge at these points of the outer one, without points that would run back in a sharp bend."""
    points: list[Point] = []
    for place, width in zip(places, widths, strict=True):
        p = inset(place, width)
        if not points or distance_along((points[-1], place[1]), p) > 0.3:
            points.append(p)
    return points


def _width_along(body: Body, shape: str, reach: float, root: float) -> tuple[Callable[[float], float], float]:
    """Return the sleeve's width by the distance along the arm, and its width at the armpit, at `reach`.

    Where a hanging arm leaves too little room beside the body (`root`), the sleeve overlaps the body.
    """
    length = max(body.sleeve_length, 1.0)
    taper = monotone_cubic(
        [
            (0.0, body.bicep + 1.2),
            (0.35, body.bicep),
            (ELBOW_SHARE, 0.52 * body.bicep + 0.48 * body.cuff),
            (max(body.sleeve_share, 0.75) + 0.01, body.cuff),
        ]
    )
    fullest = 0.86 if body.setting == "flat" else 0.92
    root = max(root, min(fullest * taper((reach + body.bare_arm) / body.arm_length), root + 3.5))

    def width(t: float) -> float:
        full = taper((t + body.bare_arm) / body.arm_length)
        ease = min(max((t - reach) / 14.0, 0.0), 1.0)
        straight = root + (full - root) * ease if root > full else min(full, root + 0.12 * (t - reach))
        progress = min(max(t / length, 0.0), 1.0)
        if shape == "bell":
            return straight + 15.0 * max(progress - 0.5, 0.0) ** 1.4
        if shape == "wide":
            return max(straight, min(root, full + 2.0))
        if shape == "balloon":
            return straight + 4.2 * math.sin(math.pi * progress**1.5)
        return straight

    return width, root


def _armhole_seam(body: Body, path: ArmEdge, joint: Point) -> list[Point]:
    """Return the seam between sleeve and body, from its upper end to the armpit."""
    if body.sleeve_seam == "raglan":
        return arc_between((body.neck + 0.4, body.top_y + 0.2), joint, 0.045, 6)
    start = path(body.seam_drop)[0]
    a, b = lerp(start, joint, 0.45), lerp(start, joint, 0.8)
    return [start, (a[0] - 0.4, a[1]), (b[0] - 0.5, b[1] + 0.2), joint]


def _outer_edge(body: Body, path: ArmEdge, shape: str, length: float) -> list[Point]:
    points: list[Point] = []
    if body.sleeve_seam == "raglan":
        points = arc_between((body.neck + 0.4, body.top_y + 0.2), (body.shoulder, body.shoulder_y), -0.012)[:2]
    puff = 3.0 if shape == "puff" else 0.0
    swell = 1.8 if shape == "balloon" else 0.0
    for t in np.linspace(body.seam_drop, length, 5 if length < 15 else 10):
        progress = max(float(t) / max(length, 1.0), 0.0)
        lift = puff * math.sin(math.pi * progress**0.6) + swell * math.sin(math.pi * progress**2.2)
        points.append(inset(path(float(t)), -lift))
    return points


def _fold_forearm(sleeve: Sleeve) -> Sleeve:
    """Fold the forearm back over the body, mirrored at the fold."""
    assert sleeve.elbow
    arm = sleeve.arm
    centre = lerp(*sleeve.elbow, 0.5)
    angle = math.radians(arm.angle + arm.bend / 2)
    line = (math.cos(angle) * arm.side, math.sin(angle))

    def beyond(p: Point) -> float:
        """Return how far a point lies beyond the fold."""
        return ((p[0] - centre[0]) * line[1] - (p[1] - centre[1]) * line[0]) * arm.side

    def back(p: Point) -> Point:
        d = beyond(p) * arm.side
        return p[0] - 2 * d * line[1], p[1] + 2 * d * line[0]

    def parted(curve: list[Point]) -> tuple[list[Point], list[Point]]:
        for i in range(1, len(curve)):
            a, b = beyond(curve[i - 1]), beyond(curve[i])
            if a < 0 <= b:
                cut = lerp(curve[i - 1], curve[i], a / (a - b))
                return [*curve[:i], cut], [cut, *map(back, curve[i:])]
        return curve, curve[-1:]

    outer, lower_outer = parted(sleeve.outer)
    inner, lower_inner = parted(sleeve.inner)
    if len(lower_outer) < 2 or len(lower_inner) < 2:
        return sleeve
    return Sleeve(arm, sleeve.seam, outer, inner, None, (lower_outer, lower_inner))
