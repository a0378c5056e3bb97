"""Skirts, trousers and shorts: what hangs from a waistband. y is 0 at its upper edge."""

import numpy as np
import skia

from rpf.data.wardrobe.body import PANT, SKIRT
from rpf.data.wardrobe.cloth import Cloth, choose_cloth
from rpf.data.wardrobe.colours import Colour, luminance, mix
from rpf.data.wardrobe.geometry import Point, Run, between, flipped, mirrored, offset, profile
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import Plan

THREAD: Colour = (201, 152, 84)


def draw_skirt(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """A pencil, straight, A-line, full, pleated or tiered skirt."""
    cloth = choose_cloth("skirt", rng)
    low, high = SKIRT[plan.labels["skirt_length"]]
    length = float(rng.uniform(low, high))
    cut = str(rng.choice(["pencil", "line", "full", "pleated", "tiered", "line"]))
    waist = float(rng.uniform(16.5, 19))
    hip = waist + {"pencil": 6.0, "line": 6.5, "full": 11.0, "pleated": 8.5, "tiered": 8.0}[cut] + float(rng.normal(0, 0.5))
    growth = {"pencil": -0.04, "line": 0.16, "full": 0.36, "pleated": 0.16, "tiered": 0.22}[cut]
    hem = hip + growth * min(length - 20, 70) * float(rng.uniform(0.8, 1.2))
    band = float(rng.uniform(3.2, 4.8))
    keys = [(band, waist + 0.3), (20.0, hip), (length, hem)] if length > 26 else [(band, waist + 0.3), (length, hem)]
    width = profile(keys)
    side = [(width(float(y)), float(y)) for y in np.linspace(band, length, 7)]
    waves = {"pencil": 0.0, "line": 0.6, "full": 1.9, "pleated": 0.5, "tiered": 1.0}[cut]
    bow = {"pencil": 1.0, "line": 2.4, "full": 4.0, "pleated": 2.2, "tiered": 2.6}[cut]
    bottom = _wavy(hem, length, bow, waves, 6 if cut != "tiered" else 10)
    _inside(pen, cloth, waist)
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
    _band(pen, cloth, waist, band, rng, loops=cut in ("pencil", "line") and rng.random() < 0.4)


def _wavy(x: float, y: float, bow: float, waves: float, count: int) -> list[Point]:
    """A hem from right to left: lower in the middle, with waves."""
    ts = np.linspace(1.0, -1.0, 2 * count + 1)
    inner = range(1, 2 * count)
    return [(x * float(t), y + bow * (1 - float(t) ** 2) + (waves * (0.6 if i % 2 else -0.6) if i in inner else 0.0))
            for i, t in enumerate(ts)]  # fmt: skip


def _inside(pen: Pen, cloth: Cloth, waist: float) -> None:
    """The back of the waist, seen over the front's edge."""
    dark = cloth.plain(0.5)
    upper = [(-waist, 0.0), (-waist * 0.5, -1.1), (0.0, -1.5), (waist * 0.5, -1.1), (waist, 0.0)]
    pen.piece(pen.path(upper, [(waist, 2.5), (0.0, 4.0), (-waist, 2.5)]), dark, edge=0.4)
    tag = pen.path([(-1.6, -0.6), (1.6, -0.6)], [(1.6, 1.0), (-1.6, 1.0)])
    pen.piece(tag, cloth.plain() if luminance(cloth.colour) > 0.5 else Cloth((222, 216, 206), (0, 0, 0)), edge=0.1)


def _band(pen: Pen, cloth: Cloth, waist: float, deep: float, rng: np.random.Generator, loops: bool, elastic: bool = False,
          button: Colour | None = None) -> None:  # fmt: skip
    upper = [(-waist, 0.0), (-waist * 0.5, 1.0), (0.0, 1.4), (waist * 0.5, 1.0), (waist, 0.0)]
    lower = [(x * (1 + 0.3 / waist), y + deep) for x, y in upper]
    pen.band(upper, lower, cloth, ribs=0.9 if elastic else 0.0, shadow=0.5, edge=0.4)
    pen.crease(lower, cloth, 0.6, 0.4)
    if loops:
        for t in (-0.72, -0.32, 0.32, 0.72):
            x, y = waist * t, 1.4 * (1 - t * t)
            pen.band([(x - 0.55, y - 0.3), (x - 0.55, y + deep + 0.5)], [(x + 0.55, y - 0.3), (x + 0.55, y + deep + 0.5)], cloth,
                     shadow=0.3, edge=0.2)  # fmt: skip
    if button:
        pen.button((0.4, 1.4 + deep * 0.5), button, 0.8)


def _skirt_folds(pen: Pen, path: skia.Path, cloth: Cloth, cut: str, width: object, band: float, length: float,
                 rng: np.random.Generator) -> None:  # fmt: skip
    assert callable(width)
    folds: list[tuple[Run, float, float]] = []
    if cut == "pleated":
        n = int(rng.integers(9, 14))
        for i in range(1, n):
            t = -1 + 2 * i / n
            run = [(width(band) * t, band), (width(length / 2) * t, length / 2), (width(length) * t, length + 2 * (1 - t * t))]
            pen.line(run, cloth.seam, 0.22, 0.55)
            folds.append(([(x + 0.9, y) for x, y in run], 2.4, 0.75))
            pen.folds(path, cloth, [])
    else:
        n = {"pencil": 3, "line": 6, "full": 11, "tiered": 10}[cut]
        for i in range(n):
            t = (-1 + 2 * (i + 0.5) / n) * 0.95 + rng.normal(0, 0.05)
            start = band + (rng.uniform(1, 6) if cut in ("full", "tiered") else rng.uniform(0.2, 0.5) * length)
            end = length + 1.5 - (rng.uniform(0, 8) if cut != "pencil" else rng.uniform(8, 20))
            middle = (start + end) / 2
            run = [(width(start) * t * 0.93, start), (width(middle) * t + rng.normal(0, 0.6), middle), (width(end) * t, end)]
            folds.append((run, rng.uniform(1.8, 3.6), rng.uniform(0.5, 1.0)))
        if cut in ("full", "tiered"):
            for i in range(14):
                t = -0.95 + 1.9 * i / 13 + rng.normal(0, 0.02)
                folds.append(([(width(band) * t, band + 1), (width(band + 12) * t, band + rng.uniform(7, 14))], 0.9, 0.7))
        if cut == "pencil":
            for way in (1, -1):
                y = rng.uniform(18, 26)
                folds.append((between((width(y) * way, y), (width(y) * 0.3 * way, y + rng.uniform(-4, 5)), 0.05 * way), 1.8, 0.7))
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


def draw_pants(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Trousers or shorts: skinny, straight, tapered, wide or flared; jeans, chinos or joggers."""
    cloth = choose_cloth(plan.garment, rng)
    low, high = PANT[plan.labels["pant_length"]]
    length = float(rng.uniform(low, high))
    cut = str(rng.choice(["skinny", "straight", "tapered", "wide", "flared"] if length > 50 else ["straight", "wide", "straight"]))
    waist = float(rng.uniform(18, 20.5))
    hip = waist + float(rng.uniform(4.0, 5.5)) + (1.5 if cut == "wide" else 0.0)
    rise = float(rng.uniform(25.5, 29))
    knee = {"skinny": 9.0, "straight": 11.5, "tapered": 11.5, "wide": 15.0, "flared": 10.0}[cut]
    ankle = {"skinny": 7.0, "straight": 10.5, "tapered": 8.0, "wide": 16.0, "flared": 14.5}[cut]
    # Each leg's middle moves outwards on its way down; the legs stand a little apart.
    spread = float(rng.uniform(2.0, 4.2)) + (3.0 if length < 50 else 3.5 if cut == "wide" else 0.0)
    half = profile([(rise, hip * 0.5), (58, knee), (96, ankle), (106, ankle)])
    wide = profile([(4, waist + 0.4), (19, hip), (rise, hip + 0.5)])

    def middle(y: float) -> float:
        return hip * 0.5 + 0.5 + spread * (y - rise) / 30 * (0.4 if cut == "skinny" else 0.55)

    ys = np.linspace(rise, length, 6)
    outer = [(wide(float(y)), float(y)) for y in (4.0, 11.0, 19.0)] + [(middle(float(y)) + half(float(y)), float(y)) for y in ys]
    inner = [(max(middle(float(y)) - half(float(y)), 0.35), float(y)) for y in ys[1:]]
    inner = [(0.0, rise), (max(inner[0][0], 0.5) * 0.6, rise + 3.0), *inner]
    cuff = between(outer[-1], inner[-1], -0.04)
    _inside(pen, cloth, waist)
    jeans, jogger = cloth.kind == "denim", cut == "tapered" and cloth.kind in ("plain", "heather") and rng.random() < 0.6
    thread = THREAD if jeans and luminance(cloth.colour) < 0.55 else cloth.seam
    for way in (-1, 1):
        runs = [[(0.0, 3.4), (wide(4.0), 4.0)], outer, cuff, inner[::-1], [(0.0, rise), (0.0, 3.4)]]
        if way == -1:
            runs = [flipped(r) for r in runs]
        path = pen.path(*runs)
        pen.piece(path, cloth, angle=-2.0 * way, edge=1.0)
        side_out, side_in = (flipped(outer), flipped(inner)) if way == -1 else (outer, inner)
        _leg_folds(pen, path, cloth, side_out, side_in, way, rise, length, rng)
        if jeans:
            _fade(pen, path, way, hip, length)
        if not jeans and not jogger and cut in ("straight", "wide", "tapered") and length > 80 and rng.random() < 0.7:
            mid = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(side_out[4:], side_in[2:], strict=False)]
            pen.line([(mid[0][0] * 0.95, 14.0), *mid], mix(cloth.colour, (255, 255, 255), 0.35), 0.25, 0.5)
            pen.line([(x + 0.4, y) for x, y in [(mid[0][0] * 0.95, 14.0), *mid]], cloth.shade, 0.3, 0.4)
        hem = cuff if way == 1 else flipped(cuff)
        _leg_end(pen, cloth, side_out, side_in, hem, way, jogger, jeans, length, thread)
    _fly(pen, cloth, rise, thread, jogger)
    _pockets(pen, cloth, wide, thread, jeans)
    metal: Colour = (176, 140, 92) if jeans else mix(cloth.colour, (25, 20, 22), 0.6)
    _band(pen, cloth, waist, 4.0, rng, loops=not jogger, elastic=jogger, button=None if jogger else metal)
    if jogger:
        for way, drop in ((1, 13.0), (-1, 11.0)):
            pen.line([(0.8 * way, 4.4), (1.8 * way, 8.5), (1.3 * way, drop)], (232, 228, 220), 0.6, 1.0)


def _leg_folds(pen: Pen, path: skia.Path, cloth: Cloth, outer: Run, inner: Run, way: int, rise: float, length: float,
               rng: np.random.Generator) -> None:  # fmt: skip
    folds: list[tuple[Run, float, float]] = []
    for k in range(3):
        reach = rng.uniform(9, 17)
        folds.append((between((0.4 * way, rise - 2.5 + 2.2 * k), (reach * way, rise - 7 + 5.5 * k + rng.normal(0, 1)), -0.1 * way),
                      rng.uniform(1.2, 2.2), rng.uniform(0.5, 0.95)))  # fmt: skip
    places = [(59.0, 3), (length - 6, 2)] if length > 80 else [(min(length - 6, 57.0), 2)]
    for y, count in places:
        for _ in range(count):
            at = y + rng.uniform(-5, 4)
            a = min(outer[3:], key=lambda p: abs(p[1] - at))
            b = min(inner[1:], key=lambda p: abs(p[1] - at))
            one, other = ((a[0], at), (b[0], at + rng.uniform(-4, 4)))
            if rng.random() < 0.5:
                one, other = (b[0], at), (a[0], at + rng.uniform(-4, 4))
            end = (one[0] + (other[0] - one[0]) * rng.uniform(0.45, 0.8), other[1])
            folds.append((between(one, end, rng.uniform(-0.1, 0.1)), rng.uniform(1.0, 1.9), rng.uniform(0.4, 0.9)))
    mid = [((a[0] + b[0]) / 2 + way * 1.5, (a[1] + b[1]) / 2) for a, b in zip(outer[4:], inner[2:], strict=False)]
    folds.append((mid, 2.6, 0.35))
    pen.folds(path, cloth, folds)


def _fade(pen: Pen, path: skia.Path, way: int, hip: float, length: float) -> None:
    """Jeans are paler on the thighs."""
    shader = skia.GradientShader.MakeRadial(skia.Point(hip * 0.5 * way, 38), 26, [skia.Color(255, 255, 255, 62), skia.Color(255, 255, 255, 0)],
                                            localMatrix=skia.Matrix.MakeAll(0.36, 0, hip * 0.32 * way, 0, 1, 0, 0, 0, 1))  # fmt: skip
    pen.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=skia.BlendMode.kSrcATop))
    del length


def _leg_end(pen: Pen, cloth: Cloth, outer: Run, inner: Run, hem: Run, way: int, jogger: bool, jeans: bool, length: float,
             thread: Colour) -> None:  # fmt: skip
    if jogger:
        (ox, oy), (ix, iy) = outer[-1], inner[-1]
        pull = (ox - ix) * 0.10
        upper = [(ox, oy - 5.0), ((ox + ix) / 2, oy - 4.4), (ix, iy - 5.0)]
        lower = [(ox - pull, oy + 0.2), ((ox + ix) / 2, oy + 0.8), (ix + pull, iy + 0.2)]
        pen.band(upper, lower, cloth, ribs=0.8, shadow=0.3)
    elif cloth.seed % 3 == 0 and length < 92:
        deep = 3.6
        upper = [(x, y - deep) for x, y in hem]
        pen.band([(x + 0.35 * s * way, y) for (x, y), s in zip(upper, (1, 0, -1), strict=True)],
                 [(x + 0.35 * s * way, y + 0.2) for (x, y), s in zip(hem, (1, 0, -1), strict=True)],
                 cloth.plain(0.0) if not jeans else Cloth(mix(cloth.colour, (255, 255, 255), 0.35), cloth.accent, "denim"), shadow=0.45,
                 edge=0.4)  # fmt: skip
    else:
        pen.stitches([(x, y - 1.6) for x, y in hem], cloth, thread if jeans else None, 0.7)


def _fly(pen: Pen, cloth: Cloth, rise: float, thread: Colour, jogger: bool) -> None:
    pen.crease([(0.0, 5.0), (0.0, rise)], cloth, 0.9, 0.45)
    if not jogger:
        run = [(3.2, 5.4), (3.1, rise * 0.45), (2.2, rise * 0.60), (0.2, rise * 0.68)]
        pen.stitches(run, cloth, thread, 0.75)


def _pockets(pen: Pen, cloth: Cloth, wide: object, thread: Colour, jeans: bool) -> None:
    assert callable(wide)
    for way in (1, -1):
        if jeans:
            run: list[Point] = [(wide(4.0) * 0.52, 5.2), (wide(8.0) * 0.60, 9.0), (wide(12.0) * 0.84, 11.6), (wide(13.0) * 0.995, 12.0)]
        else:
            run = [(wide(4.0) * 0.72, 5.2), (wide(12.0) * 0.85, 12.0), (wide(20.0) * 0.985, 20.0)]
        run = run if way == 1 else flipped(run)
        pen.crease(run, cloth, 0.8, 0.45)
        pen.stitches(offset(run, 0.7 * way), cloth, thread, 0.75)
