"""Hangers of wood, plastic, velvet or wire, and clip hangers for lower garments."""

import math
from dataclasses import dataclass

import numpy as np
import skia

from wardrobe.drawing.geometry import Curve, Point, lerp, mirrored_reversed
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import Colour, argb, mix, parse_hex
from wardrobe.fabric.materials import Cloth

HANGER_KINDS = ("wood", "wood", "plastic", "plastic", "velvet", "wire")
HANGER_COLOURS = {
    "wood": ("b98a58", "8f6138", "caa274", "5b3a26", "d9c3a0", "ece6db"),
    "plastic": ("f2f1ef", "26262a", "3d6fae", "c94b52", "9aa0a6", "e8b6c2", "2f2f33"),
    "velvet": ("2b2b30", "8a8488", "c99ba0", "3b4a66", "d8cfc4"),
    "wire": ("b4b8bc", "e9e9ea", "55585c", "c9a15c"),
}
THICKNESS_CM = {"wood": 2.6, "plastic": 1.5, "velvet": 1.1, "wire": 0.5}  # cm
STEEL_COLOUR: Colour = (168, 172, 178)


@dataclass(frozen=True)
class Hanger:
    """A hanger: its material, colour, and what its hook hangs from."""

    kind: str
    colour: Colour
    hangs_from: str  # rail, nail or none (out of frame)
    hook_side: int  # side that the hook opens to, 1 or -1


def choose_hanger(seed: int, clips: bool = False) -> Hanger:
    """Choose a hanger; one with `clips` is of wood or plastic."""
    rng = np.random.default_rng((seed, 6))
    kind = str(rng.choice(HANGER_KINDS[:4] if clips else HANGER_KINDS))
    colour = parse_hex(str(rng.choice(HANGER_COLOURS[kind])))
    return Hanger(kind, colour, str(rng.choice(["rail", "nail", "nail", "none"])), 1 if rng.random() < 0.5 else -1)


def draw_hanger(pen: Pen, hanger: Hanger, neck: Point, end: Point, stem: float) -> None:
    """Draw a hanger under a shoulder line from `neck` to `end`; its hook begins at y = `stem`."""
    thick = THICKNESS_CM[hanger.kind]
    rise = min((end[1] - neck[1]) / max(end[0] - neck[0], 1.0), 0.42)
    peak = neck[1] - 0.62 * rise * neck[0] + 0.2
    tip = lerp(neck, end, 0.9)
    upper = [(0.0, peak), (0.3 * neck[0], peak + 0.1), lerp((0.0, peak), tip, 0.5), (tip[0], tip[1] + 0.7)]
    _draw_hook(pen, hanger, peak + 0.3, min(stem, peak - 2.5))
    if hanger.kind == "wire":
        bar = tip[1] + 7.5
        _draw_rod(pen, [*mirrored_reversed(upper), *upper[1:]], hanger.colour, thick)
        _draw_rod(
            pen,
            [(tip[0], tip[1] + 0.7), (tip[0] - 1.0, bar), (0.0, bar), (1.0 - tip[0], bar), (-tip[0], tip[1] + 0.7)],
            hanger.colour,
            thick,
        )
        return
    lower = [(x, y + thick * (1.25 - 0.5 * x / max(tip[0], 1.0))) for x, y in upper]
    if hanger.kind in ("plastic", "velvet"):
        bar = tip[1] + 6.0
        _draw_rod(
            pen,
            [(0.95 * tip[0], tip[1] + 1.2), (0.8 * tip[0], bar), (-0.8 * tip[0], bar), (-0.95 * tip[0], tip[1] + 1.2)],
            hanger.colour,
            0.7 * thick,
        )
    cloth = Cloth(hanger.colour, hanger.colour)
    pen.piece(
        pen.path([*mirrored_reversed(upper), *upper[1:]], list(reversed([*mirrored_reversed(lower), *lower[1:]]))),
        cloth,
        edge=0.45,
        shadow=0.6,
    )
    if hanger.kind == "wood":
        ring = [(-0.7, peak - 0.5), (0.7, peak - 0.5)]
        pen.piece(pen.path(ring, [(0.8, peak + 0.7), (-0.8, peak + 0.7)]), Cloth(STEEL_COLOUR, STEEL_COLOUR), edge=0.2)


def draw_clip_hanger(pen: Pen, hanger: Hanger, waist: float, height: float = 4.6) -> None:
    """Draw the bar and hook of a clip hanger, `height` cm above a waistband of half width `waist`."""
    _draw_hook(pen, hanger, -height, -height - 4.0)
    thick = 0.62 * THICKNESS_CM[hanger.kind]
    reach = waist + 1.2
    upper = [(-reach, -height), (0.0, -height - 0.2), (reach, -height)]
    lower = [(x, y + max(thick, 0.8)) for x, y in upper]
    pen.piece(pen.path(upper, lower[::-1]), Cloth(hanger.colour, hanger.colour), edge=0.35)


def draw_hanger_clips(pen: Pen, hanger: Hanger, waist: float, height: float = 4.6) -> None:
    """Draw the clips of a clip hanger over the waistband."""
    colour = STEEL_COLOUR if hanger.kind == "wood" else mix(hanger.colour, (255, 255, 255), 0.06)
    cloth = Cloth(colour, colour)
    for side in (-1, 1):
        x = 0.74 * waist * side
        _draw_rod(pen, [(x, -height + 0.4), (x, -1.2)], STEEL_COLOUR, 0.45)
        jaw = pen.path([(x - 1.3, -2.2), (x + 1.3, -2.2), (x + 1.75, 2.9), (x - 1.75, 2.9), (x - 1.3, -2.2)])
        pen.piece(jaw, cloth, edge=0.35, shadow=0.5)
        pen.line([(x - 1.5, 1.5), (x + 1.5, 1.5)], cloth.seam, 0.25, 0.5)


def _draw_hook(pen: Pen, hanger: Hanger, foot: float, stem: float) -> None:
    """Draw the hook from the hanger's centre at y = `foot` up to `stem` and around."""
    r = 2.7
    turns = np.linspace(0.5 * math.pi, -1.05 * math.pi, 14)
    y = stem - r
    ring = [(hanger.hook_side * r * math.cos(a), y + r * math.sin(a)) for a in turns]
    _draw_rail_or_nail(pen, hanger, y - r)
    colour = hanger.colour if hanger.kind == "plastic" else (196, 160, 96) if hanger.colour[0] > 200 else STEEL_COLOUR
    colour = hanger.colour if hanger.kind == "wire" else colour
    _draw_rod(pen, [(0.0, foot), (0.0, 0.5 * (foot + stem)), *ring], colour, 0.85 if hanger.kind == "plastic" else 0.62)


def _draw_rail_or_nail(pen: Pen, hanger: Hanger, y: float) -> None:
    """Draw what the hook hangs from; its upper inner edge is at y."""
    x0, y0 = pen.warp((0.0, y))
    canvas = pen.canvas
    if hanger.hangs_from == "rail":
        metal = skia.GradientShader.MakeLinear(
            [skia.Point(0, y0 + 0.2), skia.Point(0, y0 + 2.9)],
            [argb((236, 238, 240)), argb((158, 162, 168)), argb((92, 95, 102))],
        )
        canvas.drawRect(skia.Rect.MakeLTRB(-300, y0 + 0.3, 300, y0 + 2.8), skia.Paint(Shader=metal, AntiAlias=True))
    elif hanger.hangs_from == "nail":
        canvas.drawCircle(x0, y0 + 0.7, 0.75, skia.Paint(Color=argb((112, 112, 116)), AntiAlias=True))
        canvas.drawCircle(x0 - 0.2, y0 + 0.5, 0.3, skia.Paint(Color=argb((235, 235, 238)), AntiAlias=True))


def _draw_rod(pen: Pen, curve: Curve, colour: Colour, width: float) -> None:
    """Draw a round rod: dark edges, colour, highlight."""
    width = max(width, 2.2 * pen.pixel)
    path = pen.path(curve, close=False)
    paint = skia.Paint(Style=skia.Paint.kStroke_Style, AntiAlias=True, StrokeCap=skia.Paint.kRound_Cap)
    for part, tone in (
        (1.0, mix(colour, (20, 20, 26), 0.65)),
        (0.62, colour),
        (0.25, mix(colour, (255, 255, 255), 0.55)),
    ):
        paint.setStrokeWidth(width * part)
        paint.setColor(argb(tone))
        pen.canvas.drawPath(path, paint)
    pen.supports.append(path)
