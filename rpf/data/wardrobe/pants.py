"""Trousers and shorts. y is 0 at the upper edge of the waistband."""

from collections.abc import Callable

import numpy as np
import skia

from rpf.data.wardrobe.measures import PANT
from rpf.data.wardrobe import supports
from rpf.data.wardrobe.cloth import Cloth, choose_cloth
from rpf.data.wardrobe.colours import Colour, luminance, mix
from rpf.data.wardrobe.geometry import Point, Run, between, flipped, offset, profile
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import Plan
from rpf.data.wardrobe.waistband import draw_band, draw_inside

Width = Callable[[float], float]  # half a width by the height
THREAD: Colour = (201, 152, 84)


def draw_pants(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Trousers or shorts: skinny, straight, tapered, wide or flared; jeans, chinos or joggers."""
    cloth = choose_cloth(plan.garment, rng)
    low, high = PANT[plan.values["pant_length"]]
    length = float(rng.uniform(low, high))
    cut = str(
        rng.choice(
            ["skinny", "straight", "tapered", "wide", "flared"] if length > 50 else ["straight", "wide", "straight"]
        )
    )
    waist = float(rng.uniform(18, 20.5))
    hip = waist + float(rng.uniform(4.0, 5.5)) + (1.5 if cut == "wide" else 0.0)
    rise = float(rng.uniform(25.5, 29))
    knee = {"skinny": 9.0, "straight": 11.5, "tapered": 11.5, "wide": 15.0, "flared": 10.0}[cut]
    ankle = {"skinny": 7.0, "straight": 10.5, "tapered": 8.0, "wide": 16.0, "flared": 14.5}[cut]
    # Each leg's middle moves outwards on its way down; the legs stand a little apart.
    spread = float(rng.uniform(2.0, 4.2)) + (
        3.0 if length < 50 else 4.5 if length < 66 else 3.5 if cut == "wide" else 0.0
    )
    half = profile([(rise, hip * 0.5), (58, knee), (96, ankle), (106, ankle)])
    wide = profile([(4, waist + 0.4), (19, hip), (rise, hip + 0.5)])

    def middle(y: float) -> float:
        return hip * 0.5 + 0.5 + spread * (y - rise) / 30 * (0.4 if cut == "skinny" else 0.55)

    ys = np.linspace(rise, length, 6)
    outer = [(wide(float(y)), float(y)) for y in (4.0, 11.0, 19.0)] + [
        (middle(float(y)) + half(float(y)), float(y)) for y in ys
    ]
    inner = [(max(middle(float(y)) - half(float(y)), 0.35), float(y)) for y in ys[1:]]
    inner = [(0.0, rise), (max(inner[0][0], 0.5) * 0.6, rise + 3.0), *inner]
    cuff = between(outer[-1], inner[-1], -0.04)
    draw_inside(pen, cloth, waist)
    supports.hold_bottom(pen, plan, waist, rng)
    jeans, jogger = (
        cloth.kind == "denim",
        cut == "tapered" and cloth.kind in ("plain", "heather") and rng.random() < 0.6,
    )
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
            _fade(pen, path, way, hip)
        if not jeans and not jogger and cut in ("straight", "wide", "tapered") and length > 80 and rng.random() < 0.7:
            mid = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(side_out[4:], side_in[2:], strict=False)]
            pen.line([(mid[0][0] * 0.95, 14.0), *mid], mix(cloth.colour, (255, 255, 255), 0.35), 0.25, 0.5)
            pen.line([(x + 0.4, y) for x, y in [(mid[0][0] * 0.95, 14.0), *mid]], cloth.shade, 0.3, 0.4)
        hem = cuff if way == 1 else flipped(cuff)
        _leg_end(pen, cloth, side_out, side_in, hem, way, jogger, jeans, length, thread)
    _fly(pen, cloth, rise, thread, jogger)
    _pockets(pen, cloth, wide, thread, jeans)
    metal: Colour = (176, 140, 92) if jeans else mix(cloth.colour, (25, 20, 22), 0.6)
    draw_band(pen, cloth, waist, 4.0, rng, loops=not jogger, elastic=jogger, button=None if jogger else metal)
    if jogger:
        for way, drop in ((1, 13.0), (-1, 11.0)):
            pen.line([(0.8 * way, 4.4), (1.8 * way, 8.5), (1.3 * way, drop)], (232, 228, 220), 0.6, 1.0)
    supports.clip_bottom(pen, plan, waist, rng)


def _leg_folds(
    pen: Pen,
    path: skia.Path,
    cloth: Cloth,
    outer: Run,
    inner: Run,
    way: int,
    rise: float,
    length: float,
    rng: np.random.Generator,
) -> None:
    folds: list[tuple[Run, float, float]] = []
    for k in range(3):
        reach = rng.uniform(9, 17)
        folds.append(
            (
                between(
                    (0.4 * way, rise - 2.5 + 2.2 * k), (reach * way, rise - 7 + 5.5 * k + rng.normal(0, 1)), -0.1 * way
                ),
                rng.uniform(1.2, 2.2),
                rng.uniform(0.5, 0.95),
            )
        )
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


def _fade(pen: Pen, path: skia.Path, way: int, hip: float) -> None:
    """Jeans are paler on the thighs."""
    shader = skia.GradientShader.MakeRadial(
        skia.Point(hip * 0.5 * way, 38),
        26,
        [skia.Color(255, 255, 255, 62), skia.Color(255, 255, 255, 0)],
        localMatrix=skia.Matrix.MakeAll(0.36, 0, hip * 0.32 * way, 0, 1, 0, 0, 0, 1),
    )
    pen.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=skia.BlendMode.kSrcATop))


def _leg_end(
    pen: Pen,
    cloth: Cloth,
    outer: Run,
    inner: Run,
    hem: Run,
    way: int,
    jogger: bool,
    jeans: bool,
    length: float,
    thread: Colour,
) -> None:
    if jogger:
        (ox, oy), (ix, iy) = outer[-1], inner[-1]
        pull = (ox - ix) * 0.10
        upper = [(ox, oy - 5.0), ((ox + ix) / 2, oy - 4.4), (ix, iy - 5.0)]
        lower = [(ox - pull, oy + 0.2), ((ox + ix) / 2, oy + 0.8), (ix + pull, iy + 0.2)]
        pen.band(upper, lower, cloth, ribs=0.8, shadow=0.3)
    elif cloth.seed % 3 == 0 and length < 92:
        deep = 3.6
        upper = [(x, y - deep) for x, y in hem]
        pen.band(
            [(x + 0.35 * s * way, y) for (x, y), s in zip(upper, (1, 0, -1), strict=True)],
            [(x + 0.35 * s * way, y + 0.2) for (x, y), s in zip(hem, (1, 0, -1), strict=True)],
            cloth.plain(0.0) if not jeans else Cloth(mix(cloth.colour, (255, 255, 255), 0.35), cloth.accent, "denim"),
            shadow=0.45,
            edge=0.4,
        )
    else:
        pen.stitches([(x, y - 1.6) for x, y in hem], cloth, thread if jeans else None, 0.7)


def _fly(pen: Pen, cloth: Cloth, rise: float, thread: Colour, jogger: bool) -> None:
    pen.crease([(0.0, 5.0), (0.0, rise)], cloth, 0.9, 0.45)
    if not jogger:
        run = [(3.2, 5.4), (3.1, rise * 0.45), (2.2, rise * 0.60), (0.2, rise * 0.68)]
        pen.stitches(run, cloth, thread, 0.75)


def _pockets(pen: Pen, cloth: Cloth, wide: Width, thread: Colour, jeans: bool) -> None:
    for way in (1, -1):
        if jeans:
            run: list[Point] = [
                (wide(4.0) * 0.52, 5.2),
                (wide(8.0) * 0.60, 9.0),
                (wide(12.0) * 0.84, 11.6),
                (wide(13.0) * 0.995, 12.0),
            ]
        else:
            run = [(wide(4.0) * 0.72, 5.2), (wide(12.0) * 0.85, 12.0), (wide(20.0) * 0.985, 20.0)]
        run = run if way == 1 else flipped(run)
        pen.crease(run, cloth, 0.8, 0.45)
        pen.stitches(offset(run, 0.7 * way), cloth, thread, 0.75)
