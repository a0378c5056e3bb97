"""Arm poses: how the sleeves of an upper garment lie or hang, each at its own angle."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wardrobe.drawing.geometry import Point
from wardrobe.measurements import ELBOW_SHARE

EdgePoint = tuple[Point, float]  # point on the arm's outer edge, and the arm's direction at it in radians
ArmEdge = Callable[[float], EdgePoint]


@dataclass(frozen=True)
class Arm:
    """Pose of one arm of a garment."""

    side: int  # 1: right in the image, -1: left
    angle: float  # degrees of the upper arm below the horizontal
    bend: float  # degrees of the forearm at the elbow; positive: inwards
    shoulder_curve: float  # cm over which the shoulder line turns into the arm's angle
    folded: bool = False  # the forearm lies across the body


class ShoulderMeasurements(Protocol):
    """Measurements of a garment body that an arm's edge depends on."""

    neck: float
    top_y: float
    shoulder: float
    shoulder_y: float
    arm_length: float
    bare_arm: float


def arm_edge(body: ShoulderMeasurements, arm: Arm) -> ArmEdge:
    """Return the arm's outer edge by the distance from the sleeve's start, on the arm's side of the garment.

    A folded arm is returned as it was before folding.
    """
    right = right_arm_edge(body, arm)
    if arm.side > 0:
        return right

    def left(t: float) -> EdgePoint:
        (x, y), angle = right(t)
        return (-x, y), math.pi - angle

    return left


def arm_centreline(body: ShoulderMeasurements, arm: Arm, depth: float) -> Callable[[float], Point]:
    """Return the line that runs `depth` cm inside the arm's outer edge."""
    right = right_arm_edge(body, arm)

    def at(t: float) -> Point:
        x, y = inset(right(t), depth)
        return x * arm.side, y

    return at


def right_arm_edge(body: ShoulderMeasurements, arm: Arm) -> ArmEdge:
    """Return the outer edge of an arm as if it were the right one."""
    first = math.atan2(body.shoulder_y - body.top_y, max(body.shoulder - body.neck, 1.0)) + 0.04
    angle = math.radians(arm.angle)
    bend = 0.0 if arm.folded else math.radians(arm.bend)
    ts = np.arange(0.0, 80.5, 0.5)
    ease = np.clip(ts / arm.shoulder_curve, 0, 1)
    ease = ease * ease * (3 - 2 * ease)
    angles = first + (angle - first) * ease + bend / (1 + np.exp(-(ts - elbow_distance(body)) / 3.5))
    xs = body.shoulder + np.concatenate([[0.0], np.cumsum(np.cos(angles[:-1]) * 0.5)])
    ys = body.shoulder_y + np.concatenate([[0.0], np.cumsum(np.sin(angles[:-1]) * 0.5)])

    def at(t: float) -> EdgePoint:
        return (float(np.interp(t, ts, xs)), float(np.interp(t, ts, ys))), float(np.interp(t, ts, angles))

    return at


def elbow_distance(body: ShoulderMeasurements) -> float:
    """Return the distance of the elbow from the start of the arm's edge."""
    return ELBOW_SHARE * body.arm_length - body.bare_arm


def inset(place: EdgePoint, depth: float) -> Point:
    """Return the point `depth` cm inwards of a right arm's outer edge."""
    (x, y), a = place
    return x - math.sin(a) * depth, y + math.cos(a) * depth


def distance_along(place: EdgePoint, p: Point) -> float:
    """Return how far a point lies beyond an edge point, along the arm."""
    (x, y), a = place
    return (p[0] - x) * math.cos(a) + (p[1] - y) * math.sin(a)


def distance_across(place: EdgePoint, p: Point) -> float:
    """Return how far a point lies inwards of an edge point on a right arm."""
    (x, y), a = place
    return -(p[0] - x) * math.sin(a) + (p[1] - y) * math.cos(a)


def choose_arms(setting: str, sleeve_value: int, rng: np.random.Generator) -> tuple[Arm, Arm]:
    """Choose the poses of the right and the left arm: hanging, worn, or laid flat."""
    if setting == "flat":
        return _flat_arms(sleeve_value, rng)
    lean = (
        rng.uniform(76, 84)
        if setting == "mannequin"
        else rng.uniform(*{2: (46, 62), 3: (62, 74), 4: (66, 76), 5: (72, 81)}.get(sleeve_value, (77, 85)))
    )
    arms = []
    for side in (1, -1):
        angle = float(lean + rng.normal(0, 1.2))
        bend = float(rng.uniform(2, 9) if setting == "mannequin" else rng.normal(1.5, 1.5))
        arms.append(Arm(side, min(angle, 88.0), bend, float(rng.uniform(10.5, 13.0))))
    return arms[0], arms[1]


def _flat_arms(sleeve_value: int, rng: np.random.Generator) -> tuple[Arm, Arm]:
    span = {2: (14, 34), 3: (20, 50), 4: (32, 64), 5: (34, 70)}.get(sleeve_value, (34, 79))
    lean = rng.uniform(*span)
    is_long = sleeve_value >= 5
    arms = []
    for side in (1, -1):
        angle = float(np.clip(lean + rng.normal(0, 4.5), span[0] - 4, span[1] + 3))
        bend = (
            float(np.clip(rng.normal(14 if sleeve_value == 5 else 6, 13), -14, 48))
            if is_long
            else float(rng.normal(2, 3))
        )
        folded = sleeve_value >= 6 and rng.random() < 0.10
        if folded:
            angle, bend = float(rng.uniform(66, 78)), float(rng.uniform(62, 98))
        if angle + bend > 104 and not folded:
            bend = 104 - angle
        arms.append(Arm(side, angle, bend, float(rng.uniform(13, 24)), folded))
    return arms[0], arms[1]
