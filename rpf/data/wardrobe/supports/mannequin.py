"""A plain shop mannequin with the figure that garments are cut for. y is 0 at its neck point, as for tops."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import skia

from rpf.data.wardrobe.cloth.cloth import Cloth
from rpf.data.wardrobe.cloth.colours import luminance, mix, rgb
from rpf.data.wardrobe.measures import CROTCH, ELBOW, FLOOR, HIP, KNEE, WAIST
from rpf.data.wardrobe.pen.geometry import Point, Run, flipped, mirrored, profile
from rpf.data.wardrobe.pen.pen import Pen

Along = Callable[[float], Point]  # a point of a limb's middle by the distance along it
SKINS = (
    "eceae6", "e2dfda", "e7ddd0", "cfcbc6", "d9cbb8", "d8c3ab", "c4a78a", "b9b6b3", "8e8c8b", "55534f",
    "35343a",
)  # fmt: skip
NECK_TOP = -10.5
SHOULDER = (17.6, 5.6)
ARM = 58.0
# Half the width of a limb by the distance along it.
ARM_WIDTH = profile([(0, 5.0), (10, 4.9), (20, 4.4), (30, 3.9), (33, 3.8), (40, 3.7), (52, 2.7), (58, 2.4)])
LEG_WIDTH = profile(
    [(CROTCH, 8.5), (86, 7.5), (98, 5.9), (KNEE, 5.6), (107, 5.1), (115, 5.6), (128, 4.1), (138, 3.1), (141, 3.2)]
)
LEG_MIDDLE = profile([(CROTCH, 9.0), (KNEE, 8.4), (138, 7.8), (160, 7.8)])


@dataclass(frozen=True)
class Figure:
    """One mannequin: its colour, whether it ends in a neck cap or has a head, and how much wider its trunk is."""

    cloth: Cloth
    egg: bool
    waist: float = 13.4
    hip: float = 17.4

    def trunk(self) -> list[Point]:
        """The right side from the top of the neck to the hip."""
        return [
            (5.1, NECK_TOP),
            (5.3, -4.5),
            (6.6, -0.6),
            (11.0, 2.4),
            SHOULDER,
            (17.9, 9.0),
            (16.2, 15.0),
            (15.2, 21.0),
            (15.8, 27.0),
            (0.5 * (15.8 + self.waist), 33.5),
            (self.waist, WAIST),
            (0.45 * self.waist + 0.55 * self.hip, 49.0),
            (self.hip, HIP),
        ]


def choose_figure(seed: int, cloth: Cloth | None, egg: float) -> Figure:
    """A mannequin that the cloth can be told from; it has a head with the chance `egg`."""
    rng = np.random.default_rng((seed, 5))
    skins = [rgb(skin) for skin in SKINS]
    if cloth is not None:
        skins = [skin for skin in skins if math.dist(skin, cloth.colour) > 70] or skins
    colour = skins[rng.integers(len(skins))]
    return Figure(Cloth(colour, colour), bool(rng.random() < egg))


def draw_figure(
    pen: Pen,
    figure: Figure,
    arms: Sequence[tuple[Along, int]],
    down: float = 0.0,
    leg: Callable[[float], float] | None = None,
    top: float = NECK_TOP,
) -> None:
    """Draws the mannequin behind a garment.

    `arms`: each arm's middle by the distance from the shoulder, and its side (1 right, -1 left). `down`: y of the neck
    point. `leg`: x of the right leg's middle, by the height below `down`. `top`: where the trunk ends, below `down`.
    """
    for along, side in arms:
        _arm(pen, figure, along, side)
    middle = leg or LEG_MIDDLE
    whole = top == NECK_TOP
    if figure.egg and whole:
        _head(pen, figure, down)
    right = [(x, y + down) for x, y in figure.trunk() if y >= top]
    outer, inner = _leg(figure, middle, down)
    runs: list[Run] = [[*right, *outer], inner]
    path = pen.path(*runs, mirrored(inner), mirrored([*right, *outer]))
    pen.piece(path, figure.cloth, edge=0.8)
    _round(pen, path, figure, middle, down)
    _marks(pen, figure, middle, down)
    if not (figure.egg and whole):
        _lid(pen, figure, *right[0])


def _leg(figure: Figure, middle: Callable[[float], float], down: float) -> tuple[list[Point], list[Point]]:
    """The outer side from below the hip to the toes, and the inner one up to the crotch."""
    ys = (86.0, 98.0, KNEE, 107.0, 115.0, 128.0, 138.0, 141.0)
    outer = [(figure.hip + 0.1, 69.0), *((middle(y) + LEG_WIDTH(y), y) for y in ys)]
    inner = [(middle(y) - LEG_WIDTH(y), y) for y in reversed(ys)]
    foot = middle(FLOOR)
    toes = [(foot + 4.1, FLOOR - 0.5), (foot + 4.3, FLOOR + 2.0), (foot + 1.6, FLOOR + 3.6), (foot - 2.6, FLOOR + 2.2)]
    inner = [(foot - 2.6, FLOOR + 2.2), (foot - 3.3, FLOOR - 1.0), *inner, (0.5, CROTCH + 1.5), (0.0, CROTCH)]
    return [(x, y + down) for x, y in (*outer, *toes)], [(x, y + down) for x, y in inner]


def _arm(pen: Pen, figure: Figure, along: Along, side: int) -> None:
    """An arm with a simple hand."""
    at = _beside(along, side)
    ts = (2.0, 8.0, 14.0, 20.0, 26.0, 32.0, 38.0, 45.0, 52.0, ARM)
    ball = [(-4.6, 0.0), (-4.2, -1.6), (-3.2, -3.0), (-1.4, -4.3)]
    hand = [(4.0, -3.4), (8.5, -3.9), (13.0, -3.1), (17.2, -1.3), (18.4, 0.4), (16.5, 1.6), (11.0, 2.6), (5.0, 3.2)]
    thumb = [(1.0, 2.4), (5.0, 4.6), (9.5, 5.2), (10.4, 4.2), (7.0, 2.2)]
    cloth = figure.cloth
    pen.piece(pen.path([at(ARM + t, w) for t, w in thumb]), cloth, edge=0.6)
    outline = [(t, -ARM_WIDTH(t)) for t in ts] + [(ARM + t, w) for t, w in hand]
    outline += [(t, ARM_WIDTH(t)) for t in reversed(ts)]
    path = pen.path([at(t, w) for t, w in ball + outline])
    pen.piece(path, cloth, edge=0.7)
    light, dark = ((255, 255, 255), 0.12), cloth.shade
    pen.tint(
        path,
        at(30.0, -5.0 * side),
        at(30.0, 5.0 * side),
        [(dark, 0.10), light, (dark, 0.0), (dark, 0.12), (dark, 0.34 * cloth.dark)],
    )
    for t, w in ((10.5, -1.8), (11.0, 0.2)):
        pen.line([at(ARM + t, w), at(ARM + 17.0, 0.55 * w - 0.1)], dark, 0.2, 0.2)
    elbow = ELBOW * ARM
    pen.line([at(elbow - 0.6, 3.4), at(elbow + 0.4, 1.6), at(elbow, -0.4)], dark, 0.35, 0.22)
    pen.line([at(ARM, -2.4), at(ARM + 0.4, 0.0), at(ARM, 2.4)], dark, 0.25, 0.28)


def _beside(along: Along, side: int) -> Callable[[float, float], Point]:
    """The point at a distance along an arm and at one across its middle, towards the trunk."""
    ts = np.arange(-6.0, ARM + 24.0, 2.0)
    middle = np.array([along(float(t)) for t in ts])
    way = np.gradient(middle, axis=0)
    way /= np.hypot(way[:, 0], way[:, 1])[:, None] + 1e-9

    def at(t: float, across: float) -> Point:
        k = min(max((t + 6.0) / 2.0, 0.0), len(ts) - 1.001)
        i, part = int(k), k - int(k)
        x, y = (middle[i] * (1 - part) + middle[i + 1] * part).tolist()
        dx, dy = (way[i] * (1 - part) + way[i + 1] * part).tolist()
        return x - side * dy * across, y + side * dx * across

    return at


def _head(pen: Pen, figure: Figure, down: float) -> None:
    half = [(0.0, -36.0), (4.6, -34.8), (7.3, -30.5), (7.7, -25.0), (6.6, -18.5), (4.2, -13.6), (0.0, -11.6)]
    run = [(x, y + down) for x, y in half]
    neck = [(4.9, -16.0 + down), (5.1, NECK_TOP + down), (5.2, -8.0 + down)]
    pen.piece(pen.path(neck, mirrored(neck)), figure.cloth.plain(0.12), edge=0.8)
    path = pen.path(run, list(reversed(flipped(run))))
    pen.piece(path, figure.cloth, edge=0.9, shadow=0.6)
    dark = figure.cloth.shade
    tones = [((255, 255, 255), 0.10), ((255, 255, 255), 0.06), (dark, 0.06), (dark, 0.36 * figure.cloth.dark)]
    pen.tint(path, (-6.5, down - 34), (7.5, down - 18), tones)


def _round(pen: Pen, path: skia.Path, figure: Figure, middle: Callable[[float], float], down: float) -> None:
    """Light from the upper left over trunk and legs."""
    dark, light, deep = figure.cloth.shade, (255, 255, 255), 0.20 * figure.cloth.dark
    wide, foot = figure.hip + 2.0, FLOOR + 6.0 + down
    groin, hip = (0.0, CROTCH + 1.0 + down), CROTCH - 15.0 + down
    trunk = _polygon(pen, [(-30, down - 60), (30, down - 60), (30, hip), groin, (-30, hip)])
    with pen.clip(trunk):
        tones = [(dark, 0.06), (light, 0.07), (light, 0.03), (dark, 0.03), (dark, deep)]
        pen.tint(path, (-wide, down + 10), (wide, down + 16), tones)
    for side in (1, -1):
        x = middle(KNEE) * side
        with pen.clip(_polygon(pen, [groin, (30.0 * side, hip), (40.0 * side, foot), (0.0, foot)])):
            tones = [(dark, 0.05), (light, 0.07), (light, 0.02), (dark, 0.05), (dark, deep)]
            pen.tint(path, (x - 7.0, 0), (x + 7.0, 0), tones)


def _polygon(pen: Pen, corners: list[Point]) -> skia.Path:
    return pen.path(*([a, b] for a, b in pairwise([*corners, corners[0]])))


def _marks(pen: Pen, figure: Figure, middle: Callable[[float], float], down: float) -> None:
    """Where collarbones, waist, knees and ankles are."""
    dark, alpha = figure.cloth.shade, 0.26 if luminance(figure.cloth.colour) > 0.4 else 0.4
    for side in (1, -1):
        marks: list[list[Point]] = [[(1.6, 3.4), (6.5, 2.6), (12.0, 3.2)]]
        x = middle(KNEE)
        marks += [[(x - 3.6, KNEE + 0.5), (x - 1.5, KNEE + 2.8), (x + 1.5, KNEE + 2.8), (x + 3.4, KNEE + 0.5)]]
        marks += [[(x - 2.8, KNEE - 4.0), (x, KNEE - 4.8), (x + 2.6, KNEE - 4.0)]]
        x = middle(138.0)
        marks += [[(x - 2.6, 138.5), (x, 139.6), (x + 2.6, 138.0)]]
        for k in (-1.6, 0.2, 1.9):
            marks += [[(x + k, FLOOR - 0.2), (x + k + 0.3, FLOOR + 2.6)]]
        for run in marks:
            pen.line([(px * side, py + down) for px, py in run], dark, 0.4, alpha)
    pen.line(
        [(-figure.waist, WAIST + down), (0, WAIST + 1.3 + down), (figure.waist, WAIST + down)], dark, 0.3, 0.5 * alpha
    )


def _lid(pen: Pen, figure: Figure, x: float, y: float) -> None:
    """The lid upon a neck or a waist of the half width x that nothing stands upon."""
    rim = [(x * math.cos(a), y + 0.17 * x * math.sin(a)) for a in np.linspace(0, 2 * math.pi, 17)]
    lit = mix(figure.cloth.colour, (255, 255, 255), 0.22)
    pen.piece(pen.path(rim), Cloth(lit, lit), edge=0.25)
    pen.line([(px, py) for px, py in rim[:9]], figure.cloth.shade, 0.3, 0.25)


def own_arm(side: int, down: float, angle: float) -> Along:
    """The middle of an arm that hangs beside the trunk."""
    turn = math.radians(angle)

    def along(t: float) -> Point:
        bent = math.radians(2.5 + angle) if t > ELBOW * ARM else turn
        first = min(t, ELBOW * ARM)
        x = 15.0 + first * math.cos(turn) + (t - first) * math.cos(bent)
        y = 8.0 + first * math.sin(turn) + (t - first) * math.sin(bent)
        return x * side, y + down

    return along
