"""Details of trousers: flies, pockets, hems, cuffs, stripes, drawstrings, fading."""

import math

import numpy as np
import skia

from wardrobe.drawing.geometry import Point, arc_between, mirrored, offset
from wardrobe.drawing.pen import SRC_ATOP, Pen
from wardrobe.fabric.colours import Colour, argb, luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.lower.trouser_shapes import Leg, Trousers

THREAD_COLOUR: Colour = (214, 160, 84)


def topstitch_colour(cloth: Cloth) -> Colour | None:
    """Return the contrasting colour of a denim's topstitching, or None for the cloth's own seam colour."""
    if cloth.pattern != "denim" or not 0.12 < luminance(cloth.colour) < 0.55:
        return None
    return THREAD_COLOUR if cloth.seed % 4 else (226, 220, 206)


def draw_fly(pen: Pen, trousers: Trousers, cloth: Cloth) -> None:
    """Draw the centre seam and the fly beside it."""
    rise = trousers.rise
    pen.crease([(0.0, trousers.waistband + 0.8), (0.15, 0.55 * rise), (0.0, rise)], cloth, 0.9, 0.4)
    if trousers.elastic or trousers.seen_from_behind:
        return
    curve = [(2.9, trousers.waistband + 1.2), (2.8, rise * 0.48), (2.0, rise * 0.60), (0.2, rise * 0.68)]
    pen.stitches(curve, cloth, topstitch_colour(cloth), 0.8)


def draw_pockets(pen: Pen, trousers: Trousers, cloth: Cloth) -> None:
    """Draw hip pockets, or seat pockets on a back view, and thigh pockets on cargo trousers."""
    thread, band = topstitch_colour(cloth), trousers.waistband + 1.2
    if trousers.style == "leggings" or (trousers.style == "palazzo" and cloth.seed % 2):
        return
    width_at = trousers.width_at
    for side in (1, -1):
        if trousers.seen_from_behind:
            _draw_seat_pocket(pen, trousers, cloth, side)
            continue
        if trousers.style == "jeans":
            curve: list[Point] = [
                (width_at(4) * 0.50, band),
                (width_at(8) * 0.57, 8.4),
                (width_at(12) * 0.80, 11.2),
                (width_at(12) * 0.99, 11.7),
            ]
        elif trousers.elastic:
            curve = [(width_at(7) * 0.93, 7.0), (width_at(13) * 0.88, 13.0), (width_at(20) * 0.97, 20.5)]
        else:
            curve = [(width_at(4) * 0.70, band), (width_at(12) * 0.83, 12.0), (width_at(20) * 0.985, 20.0)]
        curve = curve if side == 1 else mirrored(curve)
        pen.crease(curve, cloth, 0.8, 0.45)
        pen.stitches(offset(curve, 0.7 * side), cloth, thread, 0.75)
    if trousers.style == "jeans" and not trousers.seen_from_behind:  # the coin pocket
        pen.line([(width_at(8) * 0.62, 9.6), (width_at(8) * 0.86, 8.6)], thread or cloth.seam, 0.16, 0.7)
    if trousers.style == "cargo":
        for leg in trousers.legs:
            _draw_cargo_pocket(pen, trousers, leg, cloth)


def _draw_seat_pocket(pen: Pen, trousers: Trousers, cloth: Cloth, side: int) -> None:
    x, y, w = trousers.hip * 0.47 * side, 11.0, 5.4
    if trousers.style == "jeans" or trousers.style == "cargo":
        sides = [
            [(x - w, y), (x + w, y)],
            [(x + w, y), (x + w * 0.9, y + 9.0), (x, y + 11.5), (x - w * 0.9, y + 9.0), (x - w, y)],
        ]
        pen.piece(pen.path(*sides), cloth, shadow=0.3, edge=0.3)
        pen.stitches([(x - w * 0.94, y + 1.2), (x + w * 0.94, y + 1.2)], cloth, topstitch_colour(cloth), 0.8)
        inner = [(-0.9, 0.6), (-0.8, 8.6), (0.0, 10.8), (0.8, 8.6), (0.9, 0.6)]
        pen.stitches([(x + w * t, y + down) for t, down in inner], cloth, topstitch_colour(cloth), 0.8)
        yoke = [(0.0, 9.6), (0.5 * trousers.hip * side, 7.6), (trousers.width_at(6.4) * side, 6.2)]
        pen.stitches(yoke, cloth, topstitch_colour(cloth), 0.7)
    else:
        pen.crease([(x - w, y), (x + w, y)], cloth, 0.7, 0.5)
        pen.line([(x - w, y + 1.0), (x + w, y + 1.0)], cloth.seam, 0.18, 0.5)
        pen.button((x, y + 2.2), mix(cloth.colour, (20, 16, 18), 0.6), 0.5)


def _draw_cargo_pocket(pen: Pen, trousers: Trousers, leg: Leg, cloth: Cloth) -> None:
    y = min(trousers.rise + 13.0, trousers.length - 16)
    (outer, _), (inner, _) = leg.across(y)
    width = 0.5 * abs(outer - inner)
    near, far = outer - 0.4 * leg.side - width * leg.side, outer - 0.3 * leg.side
    low = leg.across(y + 14)[0][0] - 0.4 * leg.side
    box = [
        [(far, y), (near, y + 0.4)],
        [(near, y + 0.4), (near + low - far, y + 14.4)],
        [(near + low - far, y + 14.4), (low, y + 14)],
    ]
    pen.piece(pen.path(*box), cloth, shadow=0.4, edge=0.4)
    flap = [[(far, y - 0.6), (near - 0.3 * leg.side, y - 0.2)], [(near - 0.3 * leg.side, y + 4.4), (far, y + 4.0)]]
    pen.piece(pen.path(*flap), cloth, shadow=0.5, edge=0.4)


def draw_trouser_hem(pen: Pen, trousers: Trousers, leg: Leg, cloth: Cloth) -> None:
    """Draw a leg's hem: rib cuff, turn-up, frayed edge or stitches."""
    hem, choice, jeans = leg.hem, cloth.seed % 6, trousers.style == "jeans"
    if trousers.style == "joggers":
        _draw_rib_cuff(pen, leg, cloth)
    elif (
        choice < (3 if 66 < trousers.length < 92 else 1)
        and trousers.style in ("jeans", "chinos")
        and trousers.length < 95
    ):
        depth = 2.6 if trousers.length < 50 else 3.6
        inside = Cloth(
            mix(cloth.colour, (255, 255, 255), 0.38),
            cloth.accent,
            cloth.pattern,
            seed=cloth.seed,
            material=cloth.material,
        )
        out = [0.4 * leg.side * s for s in np.linspace(1, -1, len(hem))]
        upper = [(x + o, y - depth) for (x, y), o in zip(hem, out, strict=True)]
        pen.band(upper, [(x + o, y + 0.2) for (x, y), o in zip(hem, out, strict=True)],
                 inside if cloth.pattern == "denim" else cloth, shadow=0.45, edge=0.4)  # fmt: skip
    elif jeans and trousers.length < 50 and choice < 4:
        _draw_frayed_edge(pen, hem, cloth)
    else:
        depth = 3.0 if trousers.style in ("suit", "palazzo") else 1.7
        curve = [(x, y - depth) for x, y in hem]
        pen.stitches(curve, cloth, topstitch_colour(cloth), 0.7 if jeans else 0.35)


def _draw_rib_cuff(pen: Pen, leg: Leg, cloth: Cloth) -> None:
    (ox, oy), (ix, iy) = leg.hem[0], leg.hem[-1]
    width, depth = ix - ox, 5.5
    upper = arc_between((ox, oy - depth), (ix, iy - depth), 0.05 * leg.side, 5)
    pull = 0.13 * width
    lower = arc_between((ox + pull, oy), (ix - pull, iy), 0.04 * leg.side, 5)
    pen.crease(upper, cloth, 1.6, 0.4)
    pen.band(upper, lower, cloth.plain(0.06), ribs=0.8, shadow=0.3)


def _draw_frayed_edge(pen: Pen, hem: list[Point], cloth: Cloth) -> None:
    rng = np.random.default_rng((cloth.seed, 8))
    threads = skia.Path()
    points = np.asarray(hem)
    at = np.linspace(0, 1, len(hem))
    for t in np.linspace(0.01, 0.99, 46):
        x, y = float(np.interp(t, at, points[:, 0])), float(np.interp(t, at, points[:, 1]))
        threads.moveTo(*pen.warp((x, y - 0.9)))
        threads.lineTo(*pen.warp((x + rng.normal(0, 0.25), y + rng.uniform(-0.2, 0.9))))
    pale = skia.Paint(
        Color=argb(mix(cloth.colour, (255, 255, 255), 0.6), 0.85), Style=skia.Paint.kStroke_Style, AntiAlias=True
    )
    pale.setStrokeWidth(max(0.16, 0.6 * pen.pixel))
    pen.canvas.drawPath(threads, pale)


def draw_fading(
    pen: Pen, trousers: Trousers, leg: Leg, path: skia.Path, cloth: Cloth, rng: np.random.Generator
) -> None:
    """Draw the faded thighs or seat of jeans, and holes at the knees of some."""
    strength = (cloth.seed // 3 % 5) * 0.075
    y = 14.0 if trousers.seen_from_behind else min(38.0, trousers.length - 12)
    (x, y0), (x1, _) = leg.middle(y), leg.middle(y + 40)
    if strength:
        along = skia.Matrix.MakeAll(7.0, (x1 - x) * 0.55, x, 0, 24.0, y0 + 3, 0, 0, 1)
        fade = [argb((255, 255, 255), strength * part) for part in (1.0, 0.6, 0.0)]
        shader = skia.GradientShader.MakeRadial(skia.Point(0, 0), 1.0, fade, [0.0, 0.4, 1.0], localMatrix=along)
        pen.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=SRC_ATOP))
    if trousers.length > 66 and cloth.seed % 7 == 0 and not trousers.seen_from_behind:
        at = leg.middle(56 + float(rng.normal(0, 4)))
        _draw_knee_hole(pen, at, float(rng.uniform(2.2, 4.2)), cloth, rng)


def _draw_knee_hole(pen: Pen, at: Point, width: float, cloth: Cloth, rng: np.random.Generator) -> None:
    x, y = at
    edge = []
    for a in np.linspace(0, 2 * math.pi, 9)[:-1]:
        rough = width * (1 + 0.2 * float(rng.normal()))
        edge.append((x + rough * math.cos(a), y + 0.42 * rough * math.sin(a)))
    pen.canvas.drawPath(
        pen.path([*edge, edge[0]]), skia.Paint(Color=argb(mix(cloth.shade, (60, 50, 50), 0.4), 0.9), AntiAlias=True)
    )
    for k in range(5):
        dy = (k - 2) * 0.17 * width
        reach = width * (1 - 0.5 * abs(k - 2) / 2)
        curve = [(x - reach, y + dy), (x, y + dy + 0.2), (x + reach, y + dy)]
        pen.line(curve, mix(cloth.colour, (255, 255, 255), 0.75), 0.22, 0.9)


def draw_side_stripes(pen: Pen, leg: Leg, path: skia.Path, cloth: Cloth) -> None:
    """Draw stripes along the outer seams of sports trousers."""
    count, step = ((1, 2.2), (2, 1.5), (3, 1.3))[cloth.seed % 3]
    with pen.clip(path):
        for k in range(count):
            width = 1.8 if count == 1 else 0.7
            curve = [(x - leg.side * (0.7 + width / 2 + k * step), y) for x, y in leg.outer]
            pen.line(curve, cloth.accent, width, 0.95)


def draw_pressed_crease(pen: Pen, trousers: Trousers, leg: Leg, cloth: Cloth) -> None:
    """Draw the pressed crease of suit trousers."""
    curve = [leg.middle(float(y)) for y in np.linspace(trousers.rise * 0.55, trousers.length - 0.5, 6)]
    pen.line(curve, mix(cloth.colour, (255, 255, 255), 0.5), 0.3, 0.40)
    pen.line([(x + 0.45, y) for x, y in curve], cloth.shade, 0.5, 0.40)


def draw_drawstring(pen: Pen, cloth: Cloth) -> None:
    """Draw the two ends of a drawstring."""
    colour = (
        cloth.accent
        if cloth.seed % 2
        else mix(cloth.colour, (250, 248, 244) if luminance(cloth.colour) < 0.6 else (70, 70, 74), 0.85)
    )
    for side, drop in ((1, 12.0), (-1, 10.0)):
        curve = [(0.9 * side, 2.6), (2.0 * side, 6.5), (1.5 * side, drop)]
        pen.line([(x + 0.2, y + 0.25) for x, y in curve], cloth.shade, 0.75, 0.45)
        pen.line(curve, colour, 0.62, 1.0)
        pen.line([curve[-1], (1.45 * side, drop + 1.1)], mix(colour, (90, 80, 70), 0.4), 0.85, 1.0)
