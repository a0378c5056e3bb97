"""Skirts: pencil, denim, A-line, wrap, slip, full, pleated, tiered and tulle. y = 0 is the top of the waistband."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import skia

from wardrobe.drawing.fold_mesh import Fold
from wardrobe.drawing.geometry import Point, mirrored_reversed, monotone_cubic
from wardrobe.drawing.pen import Pen
from wardrobe.drawing.trims import draw_lace
from wardrobe.fabric.materials import Cloth, choose_cloth
from wardrobe.lower.skirt_details import draw_denim_skirt_front, draw_slit_or_buttons, draw_wrap_edge
from wardrobe.lower.waistband import draw_inside_waist, draw_waistband
from wardrobe.measurements import SKIRT_LENGTHS_CM
from wardrobe.spec import Plan
from wardrobe.supports.display import draw_bottom_clips, draw_bottom_support

Width = Callable[[float], float]  # half width by height

CUTS_BY_MATERIAL = {
    "denim": ("denim", "denim", "pencil"),
    "cotton": ("line", "line", "full", "tiered", "wrap"),
    "wool": ("pencil", "line", "pleated", "wrap"),
    "viscose": ("full", "tiered", "wrap", "line", "tulle", "pleated"),
    "leather": ("pencil", "line"),
    "satin": ("slip", "slip", "pleated", "wrap"),
}
# cm that the hip is wider than the waist, growth of the half width per cm below, and the sag of the hem in cm.
SHAPES_BY_CUT = {
    "pencil": (4.4, -0.045, 1.0), "denim": (4.6, 0.05, 1.2), "line": (5.2, 0.17, 2.6), "wrap": (5.0, 0.14, 2.2),
    "slip": (4.6, 0.10, 1.8), "full": (9.0, 0.34, 4.2), "pleated": (6.5, 0.17, 2.0), "tiered": (7.0, 0.24, 2.4),
    "tulle": (10.0, 0.30, 3.4),
}  # fmt: skip


@dataclass(frozen=True)
class Skirt:
    """Measurements of a skirt in cm; `pleat_positions` lie along its hem, -1 to 1."""

    cut: str
    length: float
    waist: float
    waistband: float
    width: Width
    hem_sag: float
    pleat_positions: tuple[float, ...]

    def point(self, t: float, y: float) -> Point:
        """Map skirt coordinates to a point: t from -1 to 1 across, y down along the centre."""
        part = max(y - self.waistband, 0.0) / (self.length - self.waistband)
        return self.width(y) * t, y + (0.5 - t * t) * self.hem_sag * part + (1 - part) * 1.2 * (1 - t * t)


def draw_skirt(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Draw the plan's skirt."""
    cloth = choose_cloth("skirt", rng)
    skirt = _measure(plan, cloth, rng)
    draw_inside_waist(pen, cloth, skirt.waist)
    draw_bottom_support(pen, plan, skirt.waist, cloth)
    if skirt.cut == "tulle":
        _draw_tulle(pen, skirt, cloth, rng)
    else:
        _draw_front(pen, skirt, cloth, rng)
    elastic = skirt.cut in ("tulle", "tiered") or (skirt.cut == "full" and cloth.seed % 2 == 0)
    loops = skirt.cut == "denim" or (skirt.cut in ("pencil", "line") and cloth.seed % 4 == 0)
    metal = (184, 148, 98) if skirt.cut == "denim" else None
    draw_waistband(pen, cloth, skirt.waist, skirt.waistband, loops, elastic, metal)
    draw_bottom_clips(pen, plan, skirt.waist)


def _measure(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> Skirt:
    value, worn = plan.values["skirt_length"], plan.setting == "mannequin"
    length = float(rng.uniform(*SKIRT_LENGTHS_CM[value]))
    cut = str(rng.choice(CUTS_BY_MATERIAL[cloth.material]))
    if cut in ("pencil", "denim") and value >= 4:
        cut = "line" if cut == "pencil" else "denim"
    if cut == "slip" and value == 1:
        cut = "line"
    extra, growth, bow = SHAPES_BY_CUT[cut]
    waist = float(
        rng.uniform(15.4, 16.6) if worn else rng.uniform(16.0, 18.5) - (0.8 if plan.setting == "hanger" else 0.0)
    )
    hip = waist + extra * (0.85 if worn else 1.0) + float(rng.normal(0, 0.3))
    growth *= float(rng.uniform(0.8, 1.15)) * (0.72 if plan.setting != "flat" else 1.0)
    hem = hip + growth * min(length - 20, 72)
    band = 2.2 if cut == "slip" else float(rng.uniform(3.2, 4.6))
    keys = [(band, waist + 0.3), (20.0, hip), (length, hem)]
    if cut == "pencil":
        keys.insert(2, (0.5 * (20 + length), 0.5 * (hip + hem) + 0.5))
    return Skirt(cut, length, waist, band, monotone_cubic(keys), bow * hem / 26, _choose_pleat_positions(cut, hem, rng))


def _choose_pleat_positions(cut: str, hem: float, rng: np.random.Generator) -> tuple[float, ...]:
    if cut == "pleated":
        n = int(hem / float(rng.choice([1.5, 2.2, 3.6])))
        return tuple(float(t) for t in np.linspace(-1, 1, n + 1))
    n = int(hem / {"full": 3.6, "tulle": 2.6, "tiered": 2.4, "line": 7.5, "wrap": 7.0, "slip": 6.5}.get(cut, 30.0)) + 2
    steps = np.cumsum(rng.uniform(0.55, 1.45, n))
    return tuple(float(t) for t in -1 + 2 * (steps - steps[0]) / (steps[-1] - steps[0]))


def _hem_curves(skirt: Skirt, y: float, flutes: float) -> list[list[Point]]:
    """Return the curves of an edge at a height, from right to left: pleats, or flutes that stand out by `flutes` cm."""
    edges = skirt.pleat_positions[::-1]
    if skirt.cut == "pleated":
        curves = []
        for a, b in pairwise(edges):
            (x0, y0), (x1, y1) = skirt.point(a, y), skirt.point(b, y)
            curves.append([(x0, y0 - 0.35), (x1, y1 + 0.35)])
        return curves
    curve = []
    for k, t in enumerate(edges):
        x, at = skirt.point(t, y)
        curve.append((x, at - (0.4 * flutes if 0 < k < len(edges) - 1 else 0.0)))
        if k < len(edges) - 1:
            x, at = skirt.point(0.5 * (t + edges[k + 1]), y)
            curve.append((x, at + 0.6 * flutes))
    return [curve]


def _side_curve(skirt: Skirt, top: float, bottom: float) -> list[Point]:
    return [skirt.point(1.0, float(y)) for y in np.linspace(top, bottom, 7)]


def _outline(pen: Pen, skirt: Skirt, bottom: float, flutes: float) -> tuple[skia.Path, list[list[Point]]]:
    hem = _hem_curves(skirt, bottom, flutes)
    side = _side_curve(skirt, skirt.waistband, bottom)
    top = [skirt.point(t, skirt.waistband - 0.6) for t in (-1.0, 0.0, 1.0)]
    return pen.path(top, side, *hem, mirrored_reversed(side)), hem


def _draw_front(pen: Pen, skirt: Skirt, cloth: Cloth, rng: np.random.Generator) -> None:
    flutes = {"full": 1.0, "tiered": 0.7, "slip": 0.4, "line": 0.35, "wrap": 0.35}.get(skirt.cut, 0.0)
    path, hem = _outline(pen, skirt, skirt.length, flutes)
    if skirt.cut in ("full", "tiered", "slip", "line") and cloth.pattern == "plain" and cloth.seed % 5 == 0:
        draw_lace(pen, [p for curve in hem for p in curve][::-1], 3.2, cloth)
    pen.piece(path, cloth)
    pen.tint(path, (-skirt.width(skirt.length), 0), (skirt.width(skirt.length), 0.3 * skirt.length),
             [((255, 255, 255), 0.06), ((0, 0, 0), 0.0), (cloth.shade, 0.16)])  # fmt: skip
    if skirt.cut == "pleated":
        _draw_pleats(pen, skirt, path, cloth)
    else:
        pen.folds(path, cloth, _choose_folds(skirt, rng))
    if skirt.cut == "tiered":
        _draw_tiers(pen, skirt, path, cloth, rng)
    with pen.clip(path):  # clipped, or seams would run past the hem
        if skirt.cut == "denim":
            draw_denim_skirt_front(pen, cloth, skirt.width, skirt.waistband, skirt.length, skirt.hem_sag)
        elif skirt.cut == "wrap":
            draw_wrap_edge(pen, cloth, skirt.point, skirt.waistband, skirt.length)
        elif skirt.cut in ("pencil", "line") and cloth.seed % 5 < 2:
            draw_slit_or_buttons(pen, cloth, skirt.waistband, skirt.length, rng)
    if skirt.cut != "pleated":
        pen.stitches([(x * 0.995, y - 1.7) for x, y in hem[0]], cloth, alpha=0.4)


def _choose_folds(skirt: Skirt, rng: np.random.Generator) -> list[Fold]:
    """Choose flutes up from the hem, gathers down from the waist, and drag lines over the hips of narrow skirts."""
    folds: list[Fold] = []
    reach_up = {"full": 0.85, "tiered": 0.3, "line": 0.5, "wrap": 0.45, "slip": 0.6}.get(skirt.cut, 0.0)
    for t in skirt.pleat_positions[1:-1] if reach_up else ():
        start = skirt.length - float(rng.uniform(0.6, 1.0)) * reach_up * (skirt.length - skirt.waistband)
        curve = [skirt.point(t * 0.97, y) for y in (start, 0.5 * (start + skirt.length), skirt.length + 0.8)]
        width = 0.5 * skirt.width(skirt.length) / len(skirt.pleat_positions) + 0.7
        folds.append((curve, width * 1.5, float(rng.uniform(0.5, 0.95)) * (1.0 if skirt.cut == "full" else 0.7)))
    if skirt.cut in ("full", "tiered", "tulle"):
        for t in np.linspace(-0.94, 0.94, 15):
            x = float(t) + float(rng.normal(0, 0.02))
            end = skirt.waistband + float(rng.uniform(6, 15))
            folds.append(
                (
                    [
                        skirt.point(x, skirt.waistband),
                        skirt.point(x, 0.5 * (skirt.waistband + end)),
                        skirt.point(x, end),
                    ],
                    1.0,
                    0.7,
                )
            )
    if skirt.cut in ("pencil", "denim", "line"):
        for _ in range(3):
            side, y = float(rng.choice([-1, 1])), float(rng.uniform(14, 0.8 * skirt.length))
            a, b = skirt.point(side, y), skirt.point(side * float(rng.uniform(0.2, 0.6)), y + float(rng.uniform(-5, 6)))
            folds.append(
                (
                    [a, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + 0.5), b],
                    float(rng.uniform(0.9, 1.7)),
                    float(rng.uniform(0.3, 0.7)),
                )
            )
    return folds


def _draw_pleats(pen: Pen, skirt: Skirt, path: skia.Path, cloth: Cloth) -> None:
    width = skirt.width(skirt.length) * 2 / len(skirt.pleat_positions)
    folds: list[Fold] = []
    for t in skirt.pleat_positions[1:-1]:
        curve = [skirt.point(t, float(y)) for y in np.linspace(skirt.waistband, skirt.length + 0.6, 5)]
        pen.line(curve, cloth.seam, 0.16, 0.55)
        folds.append((curve, width * 0.85, 1.0))
        folds.append(
            (
                [
                    skirt.point(t, skirt.length * 0.4),
                    skirt.point(t, skirt.length * 0.8),
                    skirt.point(t, skirt.length * 1.1),
                ],
                width * 0.8,
                0.9,
            )
        )
    pen.folds(path, cloth, folds)


def _draw_tiers(pen: Pen, skirt: Skirt, path: skia.Path, cloth: Cloth, rng: np.random.Generator) -> None:
    """Draw the seams between gathered tiers; each tier is slightly wider than the one above."""
    count = 3 if skirt.length < 85 else 4
    heights = [skirt.waistband + (skirt.length - skirt.waistband) * (k / count) ** 0.9 for k in range(1, count)]
    for y in heights:
        seam = [skirt.point(float(t), y) for t in np.linspace(-1, 1, 9)]
        pen.crease(seam, cloth, 1.3, 0.45)
        gathers: list[Fold] = []
        for t in np.linspace(-0.95, 0.95, int(skirt.width(y) / 1.3)):
            x, length = float(t) + float(rng.normal(0, 0.015)), float(rng.uniform(4, 10))
            gathers.append(
                ([skirt.point(x, y), skirt.point(x, y + 0.5 * length), skirt.point(x, y + length)], 0.8, 0.75)
            )
        pen.folds(path, cloth, gathers)


def _draw_tulle(pen: Pen, skirt: Skirt, cloth: Cloth, rng: np.random.Generator) -> None:
    """Draw a lining under layers of transparent net."""
    lining, _ = _outline(pen, skirt, skirt.length - 4.0, 0.0)
    pen.piece(lining, cloth.plain(0.12))
    for down, more in ((-1.2, 0.0), (0.0, 0.02)):
        net = replace(
            skirt, pleat_positions=tuple(float(np.clip(t + rng.normal(0, more), -1, 1)) for t in skirt.pleat_positions)
        )
        path, _ = _outline(pen, net, skirt.length + down, 0.8)
        pen.canvas.saveLayerAlpha(None, 120)
        pen.piece(path, replace(cloth, colour=cloth.colour, pattern="plain"), edge=0.7)
        pen.canvas.restore()
        pen.folds(path, cloth, _choose_folds(replace(net, cut="full"), rng))
