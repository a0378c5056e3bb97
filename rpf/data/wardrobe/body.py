"""The measures of an upper garment in centimetres, and its outlines."""

from dataclasses import dataclass

import numpy as np

from rpf.data.wardrobe.geometry import Point, between, mirrored, profile
from rpf.data.wardrobe.measures import COAT, HIP, SKIRT, SLEEVE, WAIST
from rpf.data.wardrobe.plan import Plan



@dataclass
class Body:
    """The right half of a top; the left half is its mirror image, and the drape makes them differ."""

    neck: float  # half the width of the neck opening
    shoulder: float  # x of the shoulder's end
    slope: float  # y of the shoulder's end
    armhole: float  # y of the armpit
    chest: float  # half widths from here
    waist: float
    hip: float
    hem: float
    length: float
    tail: float = 0.0  # how much the sides of a shirt's hem are higher than its middle
    flare: float = 0.0  # depth of the waves along a wide hem
    arm: float = 58.0
    sleeve: float = 0.0  # part of the arm that the sleeve covers
    angle: float = 68.0  # of the sleeve below the horizontal, degrees
    bend: float = 6.0
    bicep: float = 18.5
    cuff: float = 10.5
    top: float = 0.0  # y of the upper edge where there are no shoulders

    def width(self, y: float) -> float:
        """Half the width at a height."""
        keys = [(self.armhole, self.chest), (WAIST, self.waist), (HIP, self.hip)]
        keys = keys[:1] + [k for k in keys[1:] if k[0] < self.length - 5]
        return profile([*keys, (self.length - self.tail, self.hem)])(y)

    def shoulder_run(self) -> list[Point]:
        return between((self.neck, 0.0), (self.shoulder, self.slope), -0.015)

    def armhole_run(self, out: float = 0.0) -> list[Point]:
        """From the shoulder's end to the armpit; `out` moves its hollow outwards, under a sleeve."""
        drop = self.armhole - self.slope
        if not self.sleeve:
            out_x = self.chest - self.shoulder
            return [
                (self.shoulder, self.slope),
                (self.shoulder - 0.5, self.slope + 0.34 * drop),
                (self.shoulder + 0.12 * out_x, self.slope + 0.66 * drop),
                (self.shoulder + 0.48 * out_x, self.slope + 0.90 * drop),
                (self.chest, self.armhole),
            ]
        hollow = 0.045 * drop
        low = self.shoulder + 0.30 * (self.chest - self.shoulder)
        return [
            (self.shoulder, self.slope),
            (self.shoulder - hollow + out, self.slope + 0.40 * drop),
            (low - 0.3 * hollow + out, self.slope + 0.78 * drop),
            (self.chest, self.armhole),
        ]

    def side_run(self, start: float | None = None) -> list[Point]:
        start = self.armhole if start is None else start
        end = self.length - self.tail
        n = 3 if end - start < 25 else 6
        return [(self.width(float(y)), float(y)) for y in np.linspace(start, end, n)]

    def hem_run(self) -> list[Point]:
        """From the right corner to the left one."""
        x, y, low = self.hem, self.length - self.tail, self.length
        if self.flare > 0:
            waves = 7
            xs = np.linspace(1.0, -1.0, 2 * waves + 1)
            return [
                (x * float(t), y + self.flare * (1.9 * (1 - t * t) + (0.55 if i % 2 else -0.3) * (0 < i < 2 * waves)))
                for i, t in enumerate(xs)
            ]
        if self.tail > 0:
            return [
                (x, y),
                (x * 0.86, y + 0.35 * self.tail),
                (x * 0.5, low),
                (0, low + 0.3),
                (-x * 0.5, low),
                (-x * 0.86, y + 0.35 * self.tail),
                (-x, y),
            ]
        return [(x, y), (x * 0.5, y + 0.7), (0, y + 1.0), (-x * 0.5, y + 0.7), (-x, y)]

    def outline(self, back: float) -> list[list[Point]]:
        """The runs of the whole trunk with shoulders; its upper edge dips by `back` at the neck."""
        right = [self.shoulder_run(), self.armhole_run(0.9 if self.sleeve else 0.0), self.side_run()]
        left = [mirrored(run) for run in reversed(right)]
        neck = [
            (-self.neck, 0.0),
            (-self.neck * 0.55, back * 0.85),
            (0.0, back),
            (self.neck * 0.55, back * 0.85),
            (self.neck, 0.0),
        ]
        return [neck, *right, self.hem_run(), *left]


def _span(rng: np.random.Generator, span: tuple[float, float]) -> float:
    return float(rng.uniform(*span))


# half chest, waist less than chest, hem more than chest, length (where no label gives it)
FITS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "T-shirt": ((23, 26.5), (0.2, 2.5), (-0.8, 1.5), (60, 72)),
    "shirt": ((24, 27), (0.8, 2.8), (-0.3, 1.5), (69, 78)),
    "blouse": ((22.5, 25.5), (0.5, 3.0), (-0.5, 3.5), (57, 67)),
    "sweater": ((24, 27.5), (0.3, 1.5), (-3.0, 0.0), (60, 69)),
    "cardigan": ((24, 27), (0.5, 2.5), (-1.0, 2.0), (0, 0)),
    "jacket": ((25, 28), (0.5, 2.0), (-2.0, 0.5), (0, 0)),
    "coat": ((25, 28), (1.0, 3.5), (1.0, 7.0), (0, 0)),
    "blazer": ((24.5, 27.5), (2.5, 4.5), (0.0, 2.0), (0, 0)),
    "top": ((20, 23), (0.3, 2.2), (-0.5, 2.0), (53, 64)),
    "hoodie": ((25, 28.5), (0.2, 1.5), (-2.5, 0.5), (62, 72)),
    "vest": ((23.5, 27), (0.5, 2.5), (-0.5, 1.0), (0, 0)),
    "dress": ((22, 25), (2.5, 5.0), (0, 0), (0, 0)),
}


def make_body(plan: Plan, neck: float, style: str, rng: np.random.Generator) -> Body:
    """The measures of the plan's garment around a neck opening of half width `neck`.

    `style`: how its trunk begins: shoulders, straps, strapless, off (the shoulders are bare) or one (one of them is).
    """
    chest_span, waist_span, hem_span, length_span = FITS[plan.garment]
    chest = _span(rng, chest_span)
    waist = chest - _span(rng, waist_span)
    hem = chest + _span(rng, hem_span)
    sleeve_value = plan.values["sleeve_length"]
    slope = _span(rng, (4.2, 5.6))
    drop = _span(rng, (20.5, 22.5)) + (2.5 if plan.garment in ("coat", "jacket", "sweater", "cardigan") else 0.0)
    broad = 1.5 if plan.garment in ("coat", "jacket", "blazer", "sweater") else 0.0
    shoulder = max(min(_span(rng, (18.5, 20.5)) + broad, chest - 3.0), neck + 4.0)
    if sleeve_value == 1:
        shoulder = neck + _span(rng, (3.0, 5.5)) if plan.garment == "top" else _span(rng, (15.5, 18.0))
        shoulder = max(shoulder, neck + 3.0)
        slope *= (shoulder - neck) / 12
    body = Body(neck, shoulder, slope, slope + drop, chest, waist, hem, hem, _span(rng, length_span))
    if sleeve_value == 1:
        body.armhole = 4.8 + drop
    if "coat_length" in plan.values:
        body.length = _span(rng, COAT[plan.values["coat_length"]])
        body.armhole = min(body.armhole, body.length - 8.0)
        body.hip = max(body.chest - 0.5, body.waist + 1.5)
        body.hem = body.hip + (0.12 * max(body.length - HIP, 0) * rng.uniform(0.2, 1.0))
        if plan.garment == "jacket":
            body.hem = chest - _span(rng, (0.0, 2.5))
    if "skirt_length" in plan.values:
        _dress(body, plan, rng)
    if plan.garment == "shirt":
        body.tail = _span(rng, (4, 7))
    if sleeve_value > 1:
        _arms(body, plan, sleeve_value, rng)
    if style != "shoulders":
        body.top = _span(rng, (16.5, 19.5)) if style in ("straps", "strapless") else _span(rng, (9.5, 11.5))
        if style in ("straps", "strapless"):
            body.armhole = body.top + _span(rng, (5.0, 7.5))
    return body


def _dress(body: Body, plan: Plan, rng: np.random.Generator) -> None:
    skirt = _span(rng, SKIRT[plan.values["skirt_length"]])
    body.length = WAIST + skirt
    cut = rng.choice(["sheath", "line", "full", "shift"])
    if cut == "shift":
        body.waist = body.chest - _span(rng, (0.0, 1.5))
    body.hip = body.waist + {"sheath": 4.0, "line": 6.5, "full": 10.0, "shift": 2.0}[str(cut)]
    growth = {"sheath": 0.03, "line": 0.14, "full": 0.28, "shift": 0.08}[str(cut)]
    body.hem = body.hip + growth * (skirt - 20) + (1.5 if cut in ("line", "full") else 0.0)
    body.flare = {"sheath": 0.0, "line": 0.8, "full": 1.8, "shift": 0.4}[str(cut)]


def _arms(body: Body, plan: Plan, value: int, rng: np.random.Generator) -> None:
    body.sleeve = _span(rng, SLEEVE[value])
    body.arm = _span(rng, (56, 60))
    heavy = plan.garment in ("sweater", "coat", "jacket", "cardigan")
    body.bicep = _span(rng, (18.5, 20.5) if heavy else (16.5, 19.0))
    body.cuff = _span(rng, (10.5, 12.5) if heavy else (9.5, 11.0))
    body.angle = _span(rng, {2: (34, 44), 3: (40, 58), 4: (62, 72)}.get(value, (70, 78)))
    body.bend = _span(rng, (0, 6))
