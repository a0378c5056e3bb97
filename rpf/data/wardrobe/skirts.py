"""Skirts. y is 0 at the upper edge of the waistband."""

from collections.abc import Callable

import numpy as np
import skia

from rpf.data.wardrobe.measures import SKIRT
from rpf.data.wardrobe import supports
from rpf.data.wardrobe.cloth import Cloth, choose_cloth
from rpf.data.wardrobe.colours import luminance, mix
from rpf.data.wardrobe.geometry import Point, Run, between, mirrored, profile
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import Plan
from rpf.data.wardrobe.waistband import draw_band, draw_inside

Width = Callable[[float], float]  # half a width by the height


def draw_skirt(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """A pencil, straight, A-line, full, pleated or tiered skirt."""
    cloth = choose_cloth("skirt", rng)
    low, high = SKIRT[plan.values["skirt_length"]]
    length = float(rng.uniform(low, high))
    cut = str(rng.choice(["pencil", "line", "full", "pleated", "tiered", "line"]))
    waist = float(rng.uniform(16.5, 19))
    hip = (
        waist
        + {"pencil": 6.0, "line": 6.5, "full": 11.0, "pleated": 8.5, "tiered": 8.0}[cut]
        + float(rng.normal(0, 0.5))
    )
    growth = {"pencil": -0.04, "line": 0.16, "full": 0.36, "pleated": 0.16, "tiered": 0.22}[cut]
    hem = hip + growth * min(length - 20, 70) * float(rng.uniform(0.8, 1.2))
    band = float(rng.uniform(3.2, 4.8))
    keys = [(band, waist + 0.3), (20.0, hip), (length, hem)] if length > 26 else [(band, waist + 0.3), (length, hem)]
    width = profile(keys)
    side = [(width(float(y)), float(y)) for y in np.linspace(band, length, 7)]
    waves = {"pencil": 0.0, "line": 0.6, "full": 1.9, "pleated": 0.5, "tiered": 1.0}[cut]
    bow = {"pencil": 1.0, "line": 2.4, "full": 4.0, "pleated": 2.2, "tiered": 2.6}[cut]
    bottom = _wavy(hem, length, bow, waves, 6 if cut != "tiered" else 10)
    draw_inside(pen, cloth, waist)
    supports.hold_bottom(pen, plan, waist, rng)
    top = [(-waist - 0.3, band), (0.0, band + 1.4), (waist + 0.3, band)]
    path = pen.path(top, side, bottom, mirrored(side))
    pen.piece(path, cloth, edge=1.1)
    _skirt_folds(pen, path, cloth, cut, width, band, length, rng)
    pen.tint(path, (-hem, 0), (hem, length * 0.3), [((255, 255, 255), 0.06), ((0, 0, 0), 0.0), (cloth.shade, 0.18)])
    pen.stitches([(x * 0.99, y - 1.8) for x, y in bottom], cloth, alpha=0.5)
    if cut == "tiered":
        for y in np.linspace(band, length, 4)[1:-1]:
            x = width(float(y))
            seam = _wavy(x, float(y), 1.8, 0.0, 4)[::-1]
            pen.crease(seam, cloth, 1.2, 0.45)
    if cut in ("pencil", "line") and rng.random() < 0.45:
        _slit_or_buttons(pen, cloth, band, length, rng)
    draw_band(pen, cloth, waist, band, rng, loops=cut in ("pencil", "line") and rng.random() < 0.4)
    supports.clip_bottom(pen, plan, waist, rng)


def _wavy(x: float, y: float, bow: float, waves: float, count: int) -> list[Point]:
    """A hem from right to left: lower in the middle, with waves."""
    ts = np.linspace(1.0, -1.0, 2 * count + 1)
    inner = range(1, 2 * count)
    return [
        (x * float(t), y + bow * (1 - float(t) ** 2) + (waves * (0.6 if i % 2 else -0.6) if i in inner else 0.0))
        for i, t in enumerate(ts)
    ]


def _skirt_folds(
    pen: Pen,
    path: skia.Path,
    cloth: Cloth,
    cut: str,
    width: Width,
    band: float,
    length: float,
    rng: np.random.Generator,
) -> None:
    folds: list[tuple[Run, float, float]] = []
    if cut == "pleated":
        n = int(rng.integers(9, 14))
        for i in range(1, n):
            t = -1 + 2 * i / n
            run = [
                (width(band) * t, band),
                (width(length / 2) * t, length / 2),
                (width(length) * t, length + 2 * (1 - t * t)),
            ]
            pen.line(run, cloth.seam, 0.22, 0.55)
            folds.append(([(x + 0.9, y) for x, y in run], 2.4, 0.75))
    else:
        n = {"pencil": 3, "line": 6, "full": 11, "tiered": 10}[cut]
        for i in range(n):
            t = (-1 + 2 * (i + 0.5) / n) * 0.95 + rng.normal(0, 0.05)
            start = band + (rng.uniform(1, 6) if cut in ("full", "tiered") else rng.uniform(0.2, 0.5) * length)
            end = length + 1.5 - (rng.uniform(0, 8) if cut != "pencil" else rng.uniform(8, 20))
            middle = (start + end) / 2
            run = [
                (width(start) * t * 0.93, start),
                (width(middle) * t + rng.normal(0, 0.6), middle),
                (width(end) * t, end),
            ]
            folds.append((run, rng.uniform(1.8, 3.6), rng.uniform(0.5, 1.0)))
        if cut in ("full", "tiered"):
            for i in range(14):
                t = -0.95 + 1.9 * i / 13 + rng.normal(0, 0.02)
                folds.append(
                    ([(width(band) * t, band + 1), (width(band + 12) * t, band + rng.uniform(7, 14))], 0.9, 0.7)
                )
        if cut == "pencil":
            for way in (1, -1):
                y = rng.uniform(18, 26)
                folds.append(
                    (between((width(y) * way, y), (width(y) * 0.3 * way, y + rng.uniform(-4, 5)), 0.05 * way), 1.8, 0.7)
                )
    pen.folds(path, cloth, folds)


def _slit_or_buttons(pen: Pen, cloth: Cloth, band: float, length: float, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        run = [(0.0, band + 1), (0.3, (band + length) / 2), (0.0, length + 1.5)]
        pen.crease([(x - 1.8, y) for x, y in run], cloth, 0.9, 0.4)
        colour = (228, 220, 205) if luminance(cloth.colour) < 0.4 else mix(cloth.colour, (30, 24, 24), 0.6)
        for y in np.arange(band + 4, length - 2, 7.5):
            pen.button((0.1, float(y)), colour, 0.85)
    else:
        x = float(rng.choice([-8.0, 8.0]))
        pen.crease([(x, length * 0.62), (x + 0.6, length * 0.8), (x + 0.4, length + 1.8)], cloth, 1.4, 0.6)
