"""Folds of bodies and sleeves: where cloth hangs, bends or has too much room."""

import math

import numpy as np

from wardrobe.drawing.fold_mesh import Fold
from wardrobe.drawing.geometry import Point, arc_between, lerp
from wardrobe.silhouette.context import DrawingContext
from wardrobe.silhouette.sleeve_shapes import Sleeve


def body_folds(ctx: DrawingContext) -> list[Fold]:
    """Choose folds from the armpits, at the waist, and down to the hem."""
    body = ctx.body
    folds = _armpit_folds(ctx)
    if body.setting == "hanger":
        folds += _hanging_folds(ctx)
    elif body.length > 48:
        folds += _waist_folds(ctx)
    return folds + _hem_folds(ctx)


def _random_fold(
    rng: np.random.Generator, curve: list[Point], width_factor: float = 1.0, strength_factor: float = 1.0
) -> Fold:
    """Return a fold of varied width; wider ones are softer."""
    width = float(np.exp(rng.normal(0.35, 0.42))) * width_factor
    return curve, width, float(rng.uniform(0.35, 0.85)) * strength_factor * min(1.0, 1.5 / width) ** 0.5


def _armpit_folds(ctx: DrawingContext) -> list[Fold]:
    body, rng = ctx.body, ctx.rng
    folds = []
    for side in (1, -1):
        x, y = body.chest * side, body.armpit_y
        for _ in range(int(rng.integers(1, 4))):
            length, angle = rng.uniform(8, 20), rng.uniform(-0.25, 1.15)
            start = (x * rng.uniform(0.90, 0.99), y + rng.uniform(-1.5, 3.0))
            end = (start[0] - side * length * math.cos(angle), start[1] + length * math.sin(angle))
            folds.append(_random_fold(rng, arc_between(start, end, rng.uniform(0.03, 0.14) * side, 4)))
    return folds


def _hanging_folds(ctx: DrawingContext) -> list[Fold]:
    """Choose folds down from the hanger's ends and from the chest."""
    body, rng = ctx.body, ctx.rng
    folds = []
    for side in (1, -1):
        for _ in range(int(rng.integers(1, 3))):
            x = body.shoulder * rng.uniform(0.45, 0.98) * side
            top = body.armpit_y - rng.uniform(4, 10)
            end = min(top + rng.uniform(18, 40), body.length - 2)
            curve = [(x, top), (x * 0.99 + rng.normal(0, 0.6), 0.5 * (top + end)), (x * 1.02, end)]
            folds.append(_random_fold(rng, curve, 1.2, 0.9))
    return folds


def _waist_folds(ctx: DrawingContext) -> list[Fold]:
    """Choose short creases from the sides inwards, where a body bends."""
    body, rng = ctx.body, ctx.rng
    folds = []
    for side in (1, -1):
        for _ in range(int(rng.integers(1, 4))):
            y = body.waist_y + rng.uniform(-6, 7)
            x = body.width(y) * side
            end = (x * rng.uniform(0.25, 0.75), y + rng.normal(0, 4.0))
            folds.append(
                _random_fold(rng, arc_between((x * 0.98, y), end, rng.uniform(-0.05, 0.16) * side, 4), 0.9, 0.8)
            )
    if body.setting == "flat" and rng.random() < 0.6:  # a long drag line
        y = rng.uniform(body.armpit_y + 4, body.waist_y)
        side = 1 if rng.random() < 0.5 else -1
        curve = arc_between(
            (body.chest * 0.7 * side, y), (-body.chest * 0.3 * side, y + rng.uniform(4, 14)), 0.06 * side, 4
        )
        folds.append(_random_fold(rng, curve, 1.7, 0.7))
    return folds


def _hem_folds(ctx: DrawingContext) -> list[Fold]:
    """Choose folds down to the hem: few and soft, or the flutes of a wide one."""
    body, rng = ctx.body, ctx.rng
    folds = []
    low = body.waist_y + (-6.0 if body.length < 75 else 3.0)
    start = body.waist_y + 1.0 if body.peplum else max(body.armpit_y + 6, low)
    count = int(rng.integers(1, 4)) + int(body.flare * 4)
    for i in range(count):
        t = (i + 0.5) / count * 2 - 1 + rng.normal(0, 0.08)
        top = start + (rng.uniform(0, 0.4) * (body.length - start) if not body.peplum else 0.5)
        end = body.length - (rng.uniform(0, 2) if body.flare else rng.uniform(1, 9))
        if end - top < 6:
            continue
        middle = 0.5 * (top + end)
        t = max(-0.95, min(0.95, t))
        curve = [
            (body.width(top) * t * 0.88, top),
            (body.width(middle) * t * 0.95 + rng.normal(0, 0.4), middle),
            (body.width(end) * t, end),
        ]
        folds.append(_random_fold(rng, curve, 1.25, 0.75 + 0.25 * min(body.flare, 1.0)))
    return folds


def sleeve_folds(ctx: DrawingContext, sleeve: Sleeve) -> list[Fold]:
    """Choose folds from the armpit, across the elbow, and along a hanging sleeve."""
    body, rng, side = ctx.body, ctx.rng, sleeve.arm.side
    outer, inner = sleeve.outer, sleeve.inner
    folds: list[Fold] = []
    if body.sleeve_length < 12:
        return folds
    armpit = inner[0]
    for _ in range(int(rng.integers(1, 4))):  # from the armpit towards the shoulder and down the sleeve
        goal = lerp(outer[len(outer) // 5], outer[-1], rng.uniform(0.0, 0.55))
        length = min(rng.uniform(6, 15) / max(math.dist(armpit, goal), 1.0), 0.8)
        start = lerp(armpit, goal, 0.04)
        folds.append(
            _random_fold(
                rng, arc_between(start, lerp(start, goal, length), rng.uniform(-0.06, 0.12) * side, 4), 0.8, 0.9
            )
        )
    if sleeve.elbow:
        p, q = sleeve.elbow
        bent = min(abs(sleeve.arm.bend) / 25, 1.0)
        for _ in range(2 + int(rng.random() < bent) + int(rng.random() < bent)):
            shift = rng.normal(0, 3.5)
            start = lerp(q, p, 0.03)
            start = (start[0] - 0.12 * shift * side, start[1] + shift)
            end = lerp(start, (p[0], p[1] + 0.5 * shift), rng.uniform(0.4, 0.85))
            folds.append(_random_fold(rng, arc_between(start, end, rng.normal(0, 0.09), 4), 0.75, 0.6 + 0.4 * bent))
    end = lerp(outer[-1], inner[-1], rng.uniform(0.3, 0.7))
    start = lerp(outer[len(outer) // 2], inner[len(inner) // 2], rng.uniform(0.3, 0.7))
    if body.sleeve_share > 0.45:
        folds.append(_random_fold(rng, arc_between(start, lerp(start, end, 0.85), rng.normal(0, 0.03)), 1.3, 0.6))
    return folds
