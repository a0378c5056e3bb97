"""Body of an upper garment, without sleeves and neck: its measurements in cm and its outline."""

import math
from dataclasses import dataclass

import numpy as np

from wardrobe.drawing.geometry import Point, arc_between, lerp, mirrored, monotone_cubic
from wardrobe.measurements import HIP, WAIST
from wardrobe.silhouette.arm_poses import Arm, inset, right_arm_edge

Ripple = tuple[tuple[float, float, float], ...]  # (amplitude in cm, radians per cm, phase) of each wave


@dataclass
class Body:
    """Measurements of a garment body, symmetric except for its ripples, and the poses of its arms."""

    neck: float  # half the width of the neck opening
    shoulder: float  # x of the shoulder's end
    shoulder_y: float  # y of the shoulder's end
    armpit_y: float  # y of the armpit
    chest: float  # half widths from here on
    waist: float
    hip: float
    hem: float
    length: float
    arms: tuple[Arm, Arm]  # right, left
    setting: str = "flat"
    scale: float = 1.0  # of the wearer it is cut for, relative to ours
    tail: float = 0.0  # cm that the hem's sides are higher than its centre
    points: float = 0.0  # cm that a waistcoat's two points are lower than its sides
    flare: float = 0.0  # depth of the waves of a wide hem
    hem_band: float = 0.0  # depth of a knitted band that pulls the hem in
    sag: float = 0.8  # cm that the hem's centre is lower than its corners
    peplum: bool = False  # has a gathered flounce below the waist
    arm_length: float = 58.0  # from the shoulder's end to the wrist
    sleeve_share: float = 0.0  # share of the arm that the sleeve covers
    sleeve_seam: str = "set-in"  # set-in, dropped, raglan or dolman (cut in one with the body)
    seam_drop: float = 0.0  # cm along the arm of a dropped seam
    bare_arm: float = 0.0  # cm of bare arm above the sleeve
    bicep: float = 18.5  # width of the sleeve
    cuff: float = 10.5
    top_y: float = 0.0  # y of the upper edge of a body without shoulders
    ripples: tuple[Ripple, Ripple, Ripple] = ((), (), ())  # of the right side, the left side and the hem

    @property
    def waist_y(self) -> float:
        """y of the waist."""
        return WAIST * self.scale

    @property
    def hip_y(self) -> float:
        """y of the hip."""
        return HIP * self.scale

    @property
    def sleeve_length(self) -> float:
        """Length of the sleeve in cm."""
        return self.sleeve_share * self.arm_length - self.bare_arm

    def width(self, y: float) -> float:
        """Return the half width at a height."""
        end = self.length - self.tail
        keys = [(self.armpit_y, self.chest), (self.waist_y, self.waist), (self.hip_y, self.hip)]
        keys = keys[:1] + [k for k in keys[1:] if k[0] < end - 5 - self.hem_band]
        if self.hem_band:
            keys.append((end - self.hem_band - 2.0, self.hem + 1.6))
        return monotone_cubic([*keys, (end, self.hem)])(y)

    def shoulder_curve(self) -> list[Point]:
        """Return the right shoulder line, from the neck to the shoulder's end."""
        return arc_between((self.neck, self.top_y), (self.shoulder, self.shoulder_y), -0.012)

    def bare_armhole(self) -> list[Point]:
        """Return the right armhole of a sleeveless garment, from the shoulder's end to the armpit."""
        drop, outward = self.armpit_y - self.shoulder_y, self.chest - self.shoulder
        return [
            (self.shoulder, self.shoulder_y),
            (self.shoulder - 0.06 * outward - 0.3, self.shoulder_y + 0.34 * drop),
            (self.shoulder + 0.12 * outward, self.shoulder_y + 0.66 * drop),
            (self.shoulder + 0.46 * outward, self.shoulder_y + 0.89 * drop),
            (self.chest, self.armpit_y),
        ]

    def side_curve(self, side: int = 1) -> list[Point]:
        """Return a side from the armpit to the hem, as if it were the right one."""
        end = self.length - self.tail
        ys = np.linspace(self.armpit_y, end - 0.9, 5 if end - self.armpit_y < 30 else 9)
        if self.hem_band:
            ys = np.concatenate([ys[:-2], end - self.hem_band + np.array([-2.2, -0.2]), ys[-1:]])
            ys = np.unique(ys[(ys < end - self.hem_band - 4) | (ys > end - self.hem_band - 3)])
        ripple = self.ripples[0 if side > 0 else 1]
        calm = [min((y - self.armpit_y) / 8, 1.0) for y in ys]
        return [
            (self.width(float(y)) + c * evaluate_ripple(ripple, float(y)), float(y))
            for y, c in zip(ys, calm, strict=True)
        ]

    def hem_curve(self) -> list[Point]:
        """Return the hem from the right corner to the left one, slightly rounded at both."""
        x, end = self.hem, self.length - self.tail
        right, left = (evaluate_ripple(self.ripples[i], end) for i in (0, 1))
        if self.flare > 0:
            return self._flared_hem(x)
        points: list[Point] = []
        corner = min(0.9, 0.06 * x)
        for t in np.linspace(1, -1, 13 if not self.points else 19):
            edge = x + (right if t > 0 else left) * abs(t) - corner * (abs(t) == 1)
            low = self.sag * (1 - t * t) + evaluate_ripple(self.ripples[2], float(t) * x) * (1 - 0.7 * abs(t))
            low += self.tail * (1.0 if abs(t) < 0.5 else math.cos((abs(t) - 0.5) * math.pi) ** 2)
            low += self.points * min((1 - abs(t)) / 0.78, 0.45 + 0.55 * abs(t) / 0.22)
            points.append((edge * float(t), end + low))
        return points

    def _flared_hem(self, x: float) -> list[Point]:
        """Return a wide hem that falls in waves of uneven width."""
        waves = 5 + int(self.flare > 1.2) * 2 + int(x > 40)
        phase = self.ripples[2][0][2] if self.ripples[2] else 0.0
        points = []
        for i in range(2 * waves + 1):
            t = 1 - i / waves
            u = t + 0.35 / waves * math.sin(5.3 * t + phase) * (0 < i < 2 * waves)
            depth = (0.62 if i % 2 else -0.36) * (0.75 + 0.45 * math.sin(7.1 * t + phase)) * (0 < i < 2 * waves)
            points.append((x * u, self.length + self.flare * (1.9 * (1 - t * t) + depth)))
        return points

    def side_curves(self) -> tuple[list[list[Point]], list[list[Point]]]:
        """Return the curves of the right and the left side, from the neck to the hem.

        Under a sleeve the body continues, so that no edge shows along the seam.
        """
        right, left = ([self.shoulder_curve(), self._hidden_side(arm), self.side_curve(arm.side)] for arm in self.arms)
        return right, [mirrored(curve) for curve in left]

    def _hidden_side(self, arm: Arm) -> list[Point]:
        """Return the curve from the shoulder's end, under the sleeve, to the armpit."""
        if not self.sleeve_share:
            return self.bare_armhole()
        path, reach = right_arm_edge(self, arm), min(4.0, 0.4 * self.sleeve_length)
        edge = [path(float(t))[0] for t in np.linspace(0.0, self.seam_drop, 4 if self.seam_drop else 1)]
        hidden = [inset(path(self.seam_drop + part * reach), depth) for part, depth in ((0.5, 0.7), (1.0, 2.6))]
        armpit = (self.chest, self.armpit_y)
        return [*edge, *hidden, lerp(hidden[-1], armpit, 0.5), armpit]

    def outline(self, back: float) -> list[list[Point]]:
        """Return the outline of a body with shoulders; its upper edge dips by `back` at the neck."""
        right, left = self.side_curves()
        neck = [
            (-self.neck, 0.0),
            (-self.neck * 0.55, back * 0.85),
            (0.0, back),
            (self.neck * 0.55, back * 0.85),
            (self.neck, 0.0),
        ]
        return [neck, *right, self.hem_curve(), *[curve[::-1] for curve in reversed(left)]]


def evaluate_ripple(ripple: Ripple, at: float) -> float:
    """Return the displacement of a rippled edge at a distance along it."""
    return sum(amplitude * math.sin(angle * at + phase) for amplitude, angle, phase in ripple)


def make_ripple(rng: np.random.Generator, strength: float) -> Ripple:
    """Choose waves of three sizes."""
    return tuple(
        (float(strength * amplitude * rng.uniform(0.3, 1.0)), 2 * math.pi / float(wavelength * rng.uniform(0.8, 1.3)),
         float(rng.uniform(0, 2 * math.pi)))
        for amplitude, wavelength in ((0.75, 46.0), (0.4, 19.0), (0.18, 8.0))
    )  # fmt: skip
