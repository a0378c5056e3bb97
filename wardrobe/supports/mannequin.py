"""Shop mannequin with the measurements that garments are cut for. y = 0 is its neck point, as for tops."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import skia

from wardrobe.drawing.geometry import Point, mirrored, mirrored_reversed, monotone_cubic
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import Colour, argb, luminance, mix, parse_hex
from wardrobe.fabric.materials import Cloth
from wardrobe.measurements import CROTCH, ELBOW_SHARE, FLOOR, HIP, KNEE, WAIST

LimbPoint = Callable[[float, float], Point]  # point by the distances along a limb and across its centreline
Centreline = Callable[[float], Point]  # point of a limb's centreline by the distance along it
MANNEQUIN_COLOURS = (
    "eceae6", "e2dfda", "e7ddd0", "cfcbc6", "d9cbb8", "d8c3ab", "c4a78a", "b9b6b3", "8e8c8b", "55534f",
    "35343a",
)  # fmt: skip
NECK_TOP = -10.5
ARM_LENGTH_CM = 58.0
# Half widths of a limb by the distance along it.
ARM_WIDTH = monotone_cubic([(0, 4.6), (10, 4.6), (20, 4.2), (30, 3.9), (33, 3.8), (40, 3.7), (52, 2.7), (58, 2.4)])
ARM_STEPS = (13.0, 18.0, 24.0, 30.0, 36.0, 44.0, 52.0, ARM_LENGTH_CM)
LEG_WIDTH = monotone_cubic(
    [(CROTCH, 8.5), (86, 7.5), (98, 5.9), (KNEE, 5.6), (107, 5.1), (115, 5.6), (128, 4.1), (138, 3.1), (141, 3.2)]
)
LEG_MIDDLE = monotone_cubic([(CROTCH, 9.0), (KNEE, 8.4), (138, 7.8), (160, 7.8)])


@dataclass(frozen=True)
class Mannequin:
    """A mannequin: its colour, whether it has a head or ends in a neck cap, and the widths of waist and hip."""

    cloth: Cloth
    has_head: bool
    waist: float = 13.4
    hip: float = 17.4

    def torso(self) -> list[Point]:
        """Return the right side from the top of the neck to the hip."""
        return [
            (5.1, NECK_TOP),
            (5.3, -4.5),
            (6.6, -0.6),
            (11.0, 2.4),
            (15.0, 4.7),
            (16.6, 9.0),
            (16.0, 15.0),
            (15.2, 21.0),
            (15.8, 27.0),
            (0.5 * (15.8 + self.waist), 33.5),
            (self.waist, WAIST),
            (0.45 * self.waist + 0.55 * self.hip, 49.0),
            (self.hip, HIP),
        ]


def choose_mannequin(seed: int, cloth: Cloth | None, head_chance: float) -> Mannequin:
    """Choose a mannequin that stands out from the cloth; `head_chance` is the chance of a head."""
    rng = np.random.default_rng((seed, 5))
    skins = [parse_hex(skin) for skin in MANNEQUIN_COLOURS]
    if cloth is not None:
        skins = [skin for skin in skins if math.dist(skin, cloth.colour) > 70] or skins
    colour = skins[rng.integers(len(skins))]
    return Mannequin(Cloth(colour, colour), bool(rng.random() < head_chance))


def draw_mannequin(
    pen: Pen,
    mannequin: Mannequin,
    arms: Sequence[tuple[Centreline, int]],
    neck_y: float = 0.0,
    leg: Callable[[float], float] | None = None,
    top: float = NECK_TOP,
) -> None:
    """Draw the mannequin behind a garment.

    `arms`: each arm's centreline by the distance from the shoulder, and its side (1 right, -1 left). `neck_y`: y of
    the neck point. `leg`: x of the right leg's centre by the height below `neck_y`. `top`: end of the torso, below
    `neck_y`.
    """
    leg_centre = leg or LEG_MIDDLE
    whole = top == NECK_TOP
    _draw_contact_shadow(pen, leg_centre(FLOOR), neck_y)
    if mannequin.has_head and whole:
        _draw_head(pen, mannequin, neck_y)
    right = [(x, y + neck_y) for x, y in mannequin.torso() if y >= top]
    outer, inner = _leg_outline(mannequin, leg_centre, neck_y)
    torso = pen.path([*right, *outer], inner, mirrored_reversed(inner), mirrored_reversed([*right, *outer]))
    limbs = [_limb_coordinates(along, side) for along, side in arms]
    shapes = [_arm_outline(pen, at, side, neck_y) for at, (_, side) in zip(limbs, arms, strict=True)]
    path = torso
    for shape in shapes:  # one outline, or an edge would separate shoulder and arm
        path = skia.Op(path, shape, skia.PathOp.kUnion_PathOp) or path
    pen.piece(path, mannequin.cloth, edge=0.8)
    _shade_torso_and_legs(pen, torso, mannequin, leg_centre, neck_y)
    for at, shape, (_, side) in zip(limbs, shapes, arms, strict=True):
        _shade_arm(pen, mannequin, at, side, shape)
    _draw_body_landmarks(pen, mannequin, leg_centre, neck_y)
    if not (mannequin.has_head and whole):
        _draw_cap(pen, mannequin, *right[0])


def _draw_contact_shadow(pen: Pen, foot: float, neck_y: float) -> None:
    """Draw the dark contact shadow under the soles."""
    for x in (-foot, foot):
        at = pen.warp((x + 0.5, FLOOR + 2.3 + neck_y))
        pen.canvas.save()
        pen.canvas.translate(*at)
        pen.canvas.scale(1.0, 0.36)
        soft = skia.GradientShader.MakeRadial(
            skia.Point(0, 0), 7.6, [argb((18, 14, 20), a) for a in (0.75, 0.6, 0.0)], [0.0, 0.55, 1.0]
        )
        pen.canvas.drawCircle(0, 0, 7.6, skia.Paint(Shader=soft, AntiAlias=True))
        pen.canvas.restore()


def _leg_outline(
    mannequin: Mannequin, leg_centre: Callable[[float], float], neck_y: float
) -> tuple[list[Point], list[Point]]:
    """Return the outer side from below the hip to the toes, and the inner one up to the crotch."""
    ys = (86.0, 98.0, KNEE, 107.0, 115.0, 128.0, 138.0, 141.0)
    outer = [(mannequin.hip + 0.1, 69.0), *((leg_centre(y) + LEG_WIDTH(y), y) for y in ys)]
    inner = [(leg_centre(y) - LEG_WIDTH(y), y) for y in reversed(ys)]
    foot = leg_centre(FLOOR)
    toes = [(foot + 4.1, FLOOR - 0.5), (foot + 4.3, FLOOR + 2.0), (foot + 1.6, FLOOR + 3.6), (foot - 2.6, FLOOR + 2.2)]
    inner = [(foot - 2.6, FLOOR + 2.2), (foot - 3.3, FLOOR - 1.0), *inner, (0.5, CROTCH + 1.5), (0.0, CROTCH)]
    return [(x, y + neck_y) for x, y in (*outer, *toes)], [(x, y + neck_y) for x, y in inner]


def _arm_outline(pen: Pen, at: LimbPoint, side: int, neck_y: float) -> skia.Path:
    """Trace a shoulder, an arm and a hand with its thumb, starting within the torso."""
    shoulder = [(9.5, 2.9), (12.4, 3.1), (15.2, 4.4), (17.7, 6.8), (19.4, 10.3)]
    outer = [(t, -ARM_WIDTH(t)) for t in ARM_STEPS]
    hand = [(3.0, -2.5), (7.0, -3.0), (11.0, -2.6), (14.5, -1.5), (16.8, 0.3), (17.0, 1.4), (15.0, 2.1), (11.5, 2.3)]
    thumb = [(11.0, 3.6), (9.8, 4.2), (6.5, 3.7), (3.0, 2.7)]
    around = [*outer, *((ARM_LENGTH_CM + t, w) for t, w in (*hand, *thumb)), *((t, -w) for t, w in reversed(outer))]
    return pen.path(
        [*((x * side, y + neck_y) for x, y in shoulder), *(at(t, w) for t, w in around), (9.5 * side, 12.0 + neck_y)]
    )


def _shade_arm(pen: Pen, mannequin: Mannequin, at: LimbPoint, side: int, shape: skia.Path) -> None:
    """Draw light along an arm, shade on the far side, and the lines beside torso and thumb."""
    dark = mannequin.cloth.shade
    with pen.clip(shape):
        away = 1.0 if side < 0 else -1.0  # the light comes from the left
        shade = [at(t, 0.8 * away * ARM_WIDTH(t)) for t in (12.0, 22.0, 34.0, 46.0, ARM_LENGTH_CM)]
        for width, alpha in ((4.6, 0.05), (3.2, 0.06), (1.8, 0.07)):
            pen.line(shade, dark, width, alpha)
        lit = [at(t, -0.25 * away * ARM_WIDTH(t)) for t in (8.0, 20.0, 34.0, 46.0, ARM_LENGTH_CM)]
        for width in (3.0, 1.6):
            pen.line(lit, (255, 255, 255), width, 0.05)
    pen.line([at(t, ARM_WIDTH(t)) for t in (13.0, 16.0, 19.0, 22.0, 25.0)], dark, 0.35, 0.4)
    pen.line(
        [at(ARM_LENGTH_CM + 11.5, 2.3), at(ARM_LENGTH_CM + 8.5, 1.9), at(ARM_LENGTH_CM + 6.0, 1.6)], dark, 0.3, 0.4
    )


def _limb_coordinates(centreline: Centreline, side: int) -> LimbPoint:
    """Return a map from (distance along an arm, distance across it towards the torso) to points."""
    ts = np.arange(-6.0, ARM_LENGTH_CM + 24.0, 2.0)
    middle = np.array([centreline(float(t)) for t in ts])
    tangents = np.gradient(middle, axis=0)
    tangents /= np.hypot(tangents[:, 0], tangents[:, 1])[:, None] + 1e-9

    def at(t: float, across: float) -> Point:
        k = min(max((t + 6.0) / 2.0, 0.0), len(ts) - 1.001)
        i, part = int(k), k - int(k)
        x, y = (middle[i] * (1 - part) + middle[i + 1] * part).tolist()
        dx, dy = (tangents[i] * (1 - part) + tangents[i + 1] * part).tolist()
        return x - side * dy * across, y + side * dx * across

    return at


def _draw_head(pen: Pen, mannequin: Mannequin, neck_y: float) -> None:
    half = [(0.0, -36.0), (4.6, -34.8), (7.3, -30.5), (7.7, -25.0), (6.6, -18.5), (4.2, -13.6), (0.0, -11.6)]
    curve = [(x, y + neck_y) for x, y in half]
    neck = [(4.9, -16.0 + neck_y), (5.1, NECK_TOP + neck_y), (5.2, -8.0 + neck_y)]
    pen.piece(pen.path(neck, mirrored_reversed(neck)), mannequin.cloth.plain(0.12), edge=0.8)
    path = pen.path(curve, list(reversed(mirrored(curve))))
    pen.piece(path, mannequin.cloth, edge=0.9, shadow=0.6)
    dark = mannequin.cloth.shade
    tones = [
        ((255, 255, 255), 0.10),
        ((255, 255, 255), 0.06),
        (dark, 0.06),
        (dark, 0.36 * mannequin.cloth.shadow_strength),
    ]
    pen.tint(path, (-6.5, neck_y - 34), (7.5, neck_y - 18), tones)


def _shade_torso_and_legs(
    pen: Pen, path: skia.Path, mannequin: Mannequin, leg_centre: Callable[[float], float], neck_y: float
) -> None:
    """Draw light from the upper left over torso and legs, faded at the shoulders and where they meet."""
    dark, light, depth = mannequin.cloth.shade, (255, 255, 255), 0.20 * mannequin.cloth.shadow_strength
    width = mannequin.hip + 2.0
    _shade_across(pen, path, (-width, width), [(dark, 0.06), (light, 0.07), (light, 0.03), (dark, 0.03), (dark, depth)],
           [(neck_y + 6, 0.0), (neck_y + 22, 1.0), (neck_y + HIP, 1.0), (neck_y + CROTCH + 12, 0.0)])  # fmt: skip
    for side in (1, -1):
        x = leg_centre(KNEE) * side
        half = skia.Path()
        half.addRect(skia.Rect.MakeLTRB(min(0.0, 40.0 * side), neck_y, max(0.0, 40.0 * side), neck_y + 190))
        with pen.clip(half):
            _shade_across(pen, path, (x - 7.0, x + 7.0), [(dark, 0.05), (light, 0.07), (light, 0.02), (dark, 0.05),
                   (dark, depth)], [(neck_y + CROTCH + 1, 0.0), (neck_y + CROTCH + 18, 1.0)])  # fmt: skip


def _shade_across(
    pen: Pen, path: skia.Path, ends: Point, tones: Sequence[tuple[Colour, float]], fade: Sequence[tuple[float, float]]
) -> None:
    """Draw a gradient from one x to another over a shape; `fade` gives its opacity by y."""
    across = skia.GradientShader.MakeLinear([skia.Point(x, 0) for x in ends], [argb(c, a) for c, a in tones])
    top, bottom = fade[0][0], fade[-1][0]
    along = skia.GradientShader.MakeLinear(
        [skia.Point(0, top), skia.Point(0, bottom)],
        [argb((0, 0, 0), a) for _, a in fade],
        [(y - top) / (bottom - top) for y, _ in fade],
    )
    shader = skia.Shaders.Blend(skia.BlendMode.kDstIn, across, along)
    pen.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=skia.BlendMode.kSrcATop))


def _draw_body_landmarks(pen: Pen, mannequin: Mannequin, leg_centre: Callable[[float], float], neck_y: float) -> None:
    """Draw collarbones, knees, ankles and toes."""
    dark, alpha = mannequin.cloth.shade, 0.26 if luminance(mannequin.cloth.colour) > 0.4 else 0.4
    for side in (1, -1):
        marks: list[list[Point]] = [[(1.6, 3.4), (6.5, 2.6), (12.0, 3.2)]]
        x = leg_centre(KNEE)
        marks += [[(x - 3.6, KNEE + 0.5), (x - 1.5, KNEE + 2.8), (x + 1.5, KNEE + 2.8), (x + 3.4, KNEE + 0.5)]]
        marks += [[(x - 2.8, KNEE - 4.0), (x, KNEE - 4.8), (x + 2.6, KNEE - 4.0)]]
        x = leg_centre(138.0)
        marks += [[(x - 2.6, 138.5), (x, 139.6), (x + 2.6, 138.0)]]
        for k in (-1.6, 0.2, 1.9):
            marks += [[(x + k, FLOOR - 0.2), (x + k + 0.3, FLOOR + 2.6)]]
        for curve in marks:
            pen.line([(px * side, py + neck_y) for px, py in curve], dark, 0.4, alpha)


def _draw_cap(pen: Pen, mannequin: Mannequin, x: float, y: float) -> None:
    """Draw the cap on a neck or waist of half width x."""
    rim = [(x * math.cos(a), y + 0.17 * x * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 17)]
    lit = mix(mannequin.cloth.colour, (255, 255, 255), 0.22)
    pen.piece(pen.path(rim), Cloth(lit, lit), edge=0.25)
    pen.line([(px, py) for px, py in rim[:9]], mannequin.cloth.shade, 0.3, 0.25)


def hanging_arm(side: int, neck_y: float, angle: float) -> Centreline:
    """Return the centreline of an arm that hangs beside the torso."""
    turn = math.radians(angle)

    def along(t: float) -> Point:
        bent = math.radians(2.5 + angle) if t > ELBOW_SHARE * ARM_LENGTH_CM else turn
        first = min(t, ELBOW_SHARE * ARM_LENGTH_CM)
        x = 14.4 + first * math.cos(turn) + (t - first) * math.cos(bent)
        y = 8.0 + first * math.sin(turn) + (t - first) * math.sin(bent)
        return x * side, y + neck_y

    return along
