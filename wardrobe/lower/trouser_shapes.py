"""Shapes of trousers: style, cut, measurements, outlines and folds of the legs."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wardrobe.drawing.fold_mesh import Fold
from wardrobe.drawing.geometry import Point, arc_between, monotone_cubic
from wardrobe.fabric.materials import Cloth
from wardrobe.spec import Plan

Width = Callable[[float], float]  # x by height

# Half widths of a leg at the knee (y = 58) and at the ankle (y = 96).
LEG_WIDTHS_BY_CUT = {"skinny": (9.0, 6.8), "straight": (11.3, 10.2), "tapered": (11.8, 8.4), "wide": (15.0, 16.0),
        "flared": (10.0, 14.0), "loose": (13.5, 11.0)}  # fmt: skip
CUTS_BY_STYLE = {
    "jeans": ("skinny", "straight", "straight", "tapered", "wide", "flared"),
    "chinos": ("straight", "tapered", "tapered", "straight"),
    "suit": ("straight", "tapered", "wide"),
    "joggers": ("tapered", "loose"),
    "track": ("straight", "loose", "flared"),
    "leggings": ("skinny",),
    "cargo": ("loose", "straight"),
    "palazzo": ("wide", "wide", "loose"),
    "sports": ("wide",),
    "swim": ("wide",),
}


@dataclass(frozen=True)
class Leg:
    """One leg: side 1 is the right of the image, -1 the left."""

    side: int
    outer: list[Point]  # from the waistband down
    inner: list[Point]  # from the crotch down
    hem: list[Point]  # from the outer edge to the inner one

    def across(self, y: float) -> tuple[Point, Point]:
        """Return the points of the outer and the inner edge at a height."""
        return self._at(self.outer, y), self._at(self.inner, y)

    @staticmethod
    def _at(curve: list[Point], y: float) -> Point:
        return float(np.interp(y, [p[1] for p in curve], [p[0] for p in curve])), y

    def middle(self, y: float) -> Point:
        """Return the centre of the leg at a height."""
        (a, _), (b, _) = self.across(y)
        return (a + b) / 2, y


@dataclass(frozen=True)
class Trousers:
    """Measurements of a pair of trousers: half widths, and heights below the top of the waistband."""

    style: str
    cut: str
    length: float
    waist: float
    hip: float
    rise: float
    waistband: float
    seen_from_behind: bool
    legs: tuple[Leg, Leg]  # left, right

    @property
    def elastic(self) -> bool:
        """True for styles with an elastic waist."""
        return self.style in ("joggers", "track", "leggings", "palazzo", "sports", "swim")

    def width_at(self, y: float) -> float:
        """Return the half width at a height above the crotch."""
        return _hip_curve(self.waist, self.hip, self.rise)(y)


def make_trousers(plan: Plan, cloth: Cloth, length: float, rng: np.random.Generator) -> Trousers:
    """Choose a style and cut that suit the cloth, and lay out the legs."""
    style = _choose_style(plan, cloth, rng)
    cut = str(rng.choice(CUTS_BY_STYLE[style]))
    if length < 66 and cut in ("skinny", "flared", "tapered", "wide") and style != "leggings":
        cut = "straight"
    if 66 < length < 92 and cut in ("wide", "flared") and style != "palazzo" and rng.random() < 0.7:
        cut = "tapered"
    worn = plan.setting == "mannequin"
    waist = float(rng.uniform(15.4, 16.6) if worn else rng.uniform(17.0, 19.2))
    if not worn:  # wider short ones and narrower long ones, or their lengths would be misread
        waist += 0.9 if length < 66 else 0.2 if length < 80 else 0.6 if length < 92 else -0.5
        waist -= 1.2 if plan.setting == "hanger" else 0.0
    if style == "leggings" and not worn:
        waist -= 2.5
    hip = (
        waist
        + float(rng.uniform(3.2, 4.2) if worn else rng.uniform(3.6, 5.2))
        + (0.8 if cut in ("wide", "loose") else 0)
    )
    if style == "leggings":
        hip = waist + (2.8 if worn else 3.2)
    rise = float(rng.uniform(25.5, 28.5)) + (1.0 if worn else 0.0)
    knee, ankle = LEG_WIDTHS_BY_CUT[cut]
    if length < 66 and style != "leggings":  # shorts stand away from the leg
        knee = max(knee, (12.5 if length < 50 else 11.6) + (1.0 if style in ("sports", "swim", "cargo") else 0.0))
    if style == "leggings":
        knee, ankle = (8.0, 6.4) if worn else (7.4, 5.0)
    half = monotone_cubic(
        [(rise, hip * 0.5 + 0.15), (40, 0.62 * hip * 0.5 + 0.38 * knee), (58, knee), (96, ankle), (108, ankle)]
    )
    base = _choose_lean(plan, cut, length, rng)
    legs = tuple(
        _make_leg(
            side,
            waist,
            hip,
            rise,
            length,
            half,
            base + float(rng.normal(0, 0.2 if worn else 0.9)),
            _choose_bend(plan, length, rng),
            rng,
        )
        for side in (-1, 1)
    )
    band = {"leggings": float(rng.uniform(4, 8)), "sports": 3.6, "swim": 3.4, "palazzo": 3.4}.get(style, 4.0)
    back = plan.setting != "mannequin" and style != "leggings" and rng.random() < 0.14
    return Trousers(style, cut, length, waist, hip, rise, band, back, (legs[0], legs[1]))


def _choose_style(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> str:
    is_long = plan.garment == "trousers"
    options: dict[str, tuple[str, ...]] = {
        "denim": ("jeans",),
        "cotton": ("chinos", "chinos", "cargo", "jeans") if is_long else ("chinos", "chinos", "cargo", "swim"),
        "linen": ("chinos", "palazzo") if is_long else ("chinos",),
        "wool": ("suit",) if is_long else ("chinos",),
        "fleece": ("joggers", "joggers", "track") if is_long else ("sports",),
        "jersey": ("leggings", "leggings", "joggers") if is_long else ("sports", "leggings"),
        "nylon": ("track", "cargo") if is_long else ("sports", "swim"),
        "viscose": ("palazzo",),
        "leather": ("jeans",),
    }
    pool = options.get(cloth.material, ("chinos",))
    if cloth.pattern in ("floral", "geometric", "ditsy"):
        pool = ("palazzo",) if is_long else ("swim",)
    return str(rng.choice(pool))


def _choose_lean(plan: Plan, cut: str, length: float, rng: np.random.Generator) -> float:
    """Choose the angle of the legs to the vertical, in degrees."""
    if plan.setting == "mannequin":
        return 0.9 if length > 50 else 2.0
    if plan.setting == "hanger":
        return float(rng.uniform(0.6, 1.8)) + (2.5 if length < 66 else 0.0)
    if length < 50:
        return float(rng.uniform(7, 12))
    if length < 66:
        return float(rng.uniform(4, 6.5))
    return float(rng.uniform(2.4, 5.5)) + (1.5 if cut in ("wide", "flared") else 0.0)


def _choose_bend(plan: Plan, length: float, rng: np.random.Generator) -> float:
    """Choose the angle by which the lower leg turns outwards, in degrees."""
    if plan.setting != "flat" or length < 66:
        return 0.0
    return float(rng.uniform(3, 7) if rng.random() < 0.15 else rng.normal(0, 1.0))


def _hip_curve(waist: float, hip: float, rise: float) -> Width:
    return monotone_cubic([(3.0, waist + 0.3), (18, hip - 0.2), (rise, hip + 0.3)])


def _make_leg(
    side: int,
    waist: float,
    hip: float,
    rise: float,
    length: float,
    half: Width,
    lean: float,
    bend: float,
    rng: np.random.Generator,
) -> Leg:
    hip_width = _hip_curve(waist, hip, rise)
    slope, kick = math.tan(math.radians(lean)), math.tan(math.radians(lean + bend))

    def middle(y: float) -> float:
        below = max(y - 58.0, 0.0)
        return hip * 0.5 + 0.25 + slope * (y - rise - below) + kick * below

    tilt = math.sin(math.radians(lean + (bend if length > 66 else 0.0)))
    end = half(length)
    ys = np.linspace(rise, length - tilt * end, 4 if length < 50 else 8)
    outer = [(hip_width(y), y) for y in (3.0, 8.0, 13.0, 19.0)]
    outer += [(middle(float(y)) + half(float(y)), float(y)) for y in ys]
    inner = [(0.0, rise)]
    for y in (rise + 1.8, rise + 5.0, *ys[1:-1]):
        if y < length - 6 and y > inner[-1][1] + 1.5:
            inner.append((max(middle(float(y)) - half(float(y)), 0.18 + 0.04 * (y - rise)), float(y)))
    inner.append((max(middle(length) - end, 0.3), length + tilt * end))
    sag = -0.03 - 0.02 * float(rng.random())
    hem = arc_between(outer[-1], inner[-1], sag, 5)
    return Leg(side, *([(x * side, y) for x, y in curve] for curve in (outer, inner, hem)))


def leg_folds(trousers: Trousers, leg: Leg, rng: np.random.Generator) -> list[Fold]:
    """Choose folds from the crotch, across the knee, and at the ankle."""
    side, rise, length = leg.side, trousers.rise, trousers.length
    loose = trousers.cut in ("wide", "flared", "loose") or length < 66
    folds: list[Fold] = []
    for k in range(int(rng.integers(2, 5))):
        reach = float(rng.uniform(4, 13))
        start = (0.5 * side, rise - 1.5 + 1.6 * k)
        folds.append(
            (
                arc_between(start, (reach * side, rise - 5 + 4.5 * k + float(rng.normal(0, 1.5))), -0.10 * side, 4),
                float(rng.uniform(0.8, 1.7)),
                float(rng.uniform(0.35, 0.9)),
            )
        )
    if length > 66:
        for _ in range(int(rng.integers(2, 5))):
            folds.append(_cross_fold(leg, 58 + float(rng.normal(0, 5)), rng, 0.8))
    if length > 94 and not loose:
        for _ in range(int(rng.integers(2, 4))):
            folds.append(_cross_fold(leg, length - float(rng.uniform(3, 14)), rng, 1.0))
    for _ in range(3 if loose else 1):
        top, end = rise + float(rng.uniform(2, 14)), length - float(rng.uniform(1, 10))
        if end - top > 8:
            t = float(rng.uniform(0.25, 0.75))
            curve = [_mix_edges(leg.across(y), t) for y in (top, 0.5 * (top + end), end)]
            folds.append((curve, float(rng.uniform(1.6, 3.2)), float(rng.uniform(0.3, 0.7))))
    return folds


def _cross_fold(leg: Leg, y: float, rng: np.random.Generator, strength_factor: float) -> Fold:
    """Choose a short fold from one edge of the leg towards its centre."""
    one, other = leg.across(y) if rng.random() < 0.5 else leg.across(y)[::-1]
    t = float(rng.uniform(0.4, 0.85))
    end = (one[0] + (other[0] - one[0]) * t, y + float(rng.uniform(-4, 4)))
    return (
        arc_between(one, end, float(rng.uniform(-0.1, 0.1)), 4),
        float(rng.uniform(0.7, 1.5)),
        strength_factor * float(rng.uniform(0.4, 0.9)),
    )


def _mix_edges(edges: tuple[Point, Point], t: float) -> Point:
    (a, y), (b, _) = edges
    return a + (b - a) * t, y
