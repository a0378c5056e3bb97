"""Waists of dresses and coats: seams, gathers, belts, sashes, bows, smocking, peplums."""

import skia

from wardrobe.drawing.geometry import Curve, Point, arc_between, offset
from wardrobe.drawing.trims import draw_raised_piece, draw_soft_line
from wardrobe.fabric.materials import Cloth
from wardrobe.measurements import WAIST
from wardrobe.silhouette.context import DrawingContext, metal_colour

LEATHER_BELT_COLOURS = ((92, 58, 38), (40, 36, 36), (150, 104, 64), (200, 178, 146), (104, 36, 34))


def draw_waist(ctx: DrawingContext, front: skia.Path) -> None:
    """Draw a dress's waist: gathers, and a seam, belt, tie, darts, smocking or nothing."""
    rng, body = ctx.rng, ctx.body
    is_wide = body.flare >= 0.6
    kinds = (
        ["seam", "seam", "belt", "tie", "smocking", "elastic"] if is_wide else ["seam", "belt", "none", "tie", "darts"]
    )
    kind = str(rng.choice(kinds))
    x = body.width(WAIST)
    line = [(-x, WAIST), (-x * 0.5, WAIST + 0.9), (0.0, WAIST + 1.2), (x * 0.5, WAIST + 0.9), (x, WAIST)]
    if is_wide:
        _draw_gathers(ctx, front)
    if kind == "darts":
        _draw_darts(ctx)
    elif kind != "none":
        ctx.pen.crease(line, ctx.cloth, 1.0, 0.45)
    if kind == "belt":
        draw_belt(ctx, line, float(rng.uniform(2.4, 4.0)), _choose_belt_cloth(ctx))
    elif kind == "tie":
        draw_sash(ctx, line, float(rng.uniform(1.8, 3.4)), ctx.trim)
    elif kind in ("smocking", "elastic"):
        _draw_smocking(ctx, line, 7 if kind == "smocking" else 2)


def _draw_gathers(ctx: DrawingContext, front: skia.Path) -> None:
    """Draw the folds that fall from a gathered seam."""
    body, rng = ctx.body, ctx.rng
    folds = []
    n = int(rng.integers(9, 14))
    for i in range(n):
        t = -0.92 + 1.84 * i / (n - 1) + rng.normal(0, 0.02)
        depth = rng.uniform(8, 24)
        curve = arc_between((body.width(WAIST) * t, WAIST + 1.2), (body.width(WAIST + depth) * t * 1.02, WAIST + depth))
        folds.append((curve, float(rng.uniform(0.8, 1.5)), float(rng.uniform(0.5, 0.9))))
    ctx.pen.folds(front, ctx.cloth, folds)


def _draw_darts(ctx: DrawingContext) -> None:
    """Draw two darts that shape the waist."""
    x = ctx.body.width(WAIST) * 0.5
    for side in (1, -1):
        curve = [(x * side * 0.96, WAIST - 13.0), (x * side, WAIST), (x * side * 0.96, WAIST + 11.0)]
        draw_soft_line(ctx.pen, curve, ctx.cloth.shade, 1.2, 0.14)
        ctx.pen.line(curve, ctx.cloth.seam, 0.18, 0.4)


def _draw_smocking(ctx: DrawingContext, line: Curve, rows: int) -> None:
    """Draw elastic rows that pucker the cloth."""
    pen, cloth = ctx.pen, ctx.cloth
    for k in range(rows):
        dy = 0.95 * k - 0.5 * rows
        pen.line([(x * 0.995, y + dy) for x, y in line], cloth.shade, 0.4, 0.5)
        pen.line([(x * 0.99, y + dy + 0.45) for x, y in line], cloth.highlight[0], 0.35, 0.5, dash=0.7)


def _choose_belt_cloth(ctx: DrawingContext) -> Cloth:
    """Choose the garment's own cloth, its second colour, or leather."""
    kind = ctx.rng.random()
    if kind < 0.35:
        return ctx.cloth
    if kind < 0.5:
        return ctx.trim.plain(0.3)
    colour = LEATHER_BELT_COLOURS[ctx.cloth.seed // 3 % len(LEATHER_BELT_COLOURS)]
    return Cloth(colour, colour, material="leather")


def draw_belt(ctx: DrawingContext, line: Curve, width: float, strap: Cloth) -> None:
    """Draw a belt along a curve, with its buckle and free end."""
    pen = ctx.pen
    upper, lower = [(a, b - width / 2) for a, b in line], [(a, b + width / 2) for a, b in line]
    draw_raised_piece(ctx.pen, pen.path(upper, lower[::-1]), strap, height=0.5)
    middle, half = line[len(line) // 2][1], width * 0.62
    end = [(2.0, middle - width * 0.4), (2.0, middle + width * 0.4)]
    pen.line([end[0], (6.0, middle), end[1]], strap.seam, 0.25, 0.7)
    buckle = pen.path([(-1.9, middle - half), (1.9, middle - half)], [(1.9, middle + half), (-1.9, middle + half)])
    metal = skia.Paint(Color=skia.Color(*metal_colour(ctx)), Style=skia.Paint.kStroke_Style, StrokeWidth=0.7,
                       AntiAlias=True)  # fmt: skip
    pen.canvas.drawPath(buckle, metal)
    pen.line([(-1.6, middle), (1.4, middle)], metal_colour(ctx), 0.5, 1.0)


def draw_sash(ctx: DrawingContext, line: Curve, width: float, strap: Cloth) -> None:
    """Draw a cloth belt along a curve, tied in a bow or a knot."""
    pen, rng = ctx.pen, ctx.rng
    upper, lower = [(a, b - width / 2) for a, b in line], [(a, b + width / 2) for a, b in line]
    draw_raised_piece(ctx.pen, pen.path(upper, lower[::-1]), strap, height=0.5)
    for t in (-0.2, 0.25):
        pen.line([(a, b + t * width) for a, b in line], strap.shade, 0.25, 0.3)
    x = float(rng.uniform(-0.35, 0.35)) * line[-1][0]
    _draw_bow(ctx, (x, line[len(line) // 2][1]), strap, loops=rng.random() < 0.65)


def _draw_bow(ctx: DrawingContext, at: Point, cloth: Cloth, size: float = 1.0, loops: bool = True) -> None:
    """Draw a bow or, without loops, a knot, with hanging ends."""
    pen, rng, (x, y) = ctx.pen, ctx.rng, at
    for side in (1, -1):
        length = size * float(rng.uniform(10, 17))
        out = size * float(rng.uniform(1.2, 3.4)) * side
        end = [(x, y), (x + out, y + 0.5 * length), (x + out * 0.8, y + length)]
        draw_raised_piece(
            ctx.pen, pen.path(end, offset(end, -1.7 * size * side)[::-1]), cloth, angle=20.0 * side, height=0.6
        )
    for side in (1, -1) if loops else ():
        tip = float(rng.uniform(5.0, 6.4)) * size
        loop = [(x, y), (x + 0.55 * tip * side, y - 2.6 * size), (x + tip * side, y - 0.6 * size),
                (x + 0.6 * tip * side, y + 1.8 * size), (x, y)]  # fmt: skip
        path = draw_raised_piece(ctx.pen, pen.path(loop), cloth, angle=-40.0 * side, height=0.6)
        with pen.clip(path):
            draw_soft_line(pen, [(x, y), (x + 0.5 * tip * side, y - 0.3 * size)], cloth.shade, 1.0 * size, 0.5)
    knot = pen.path([(x - 1.0 * size, y - 1.2 * size), (x + 1.0 * size, y - 1.2 * size)],
                    [(x + 1.0 * size, y + 1.2 * size), (x - 1.0 * size, y + 1.2 * size)])  # fmt: skip
    draw_raised_piece(ctx.pen, knot, cloth, height=0.4)


def draw_peplum_seam(ctx: DrawingContext, body_path: skia.Path) -> None:
    """Draw the waist seam of a peplum and the gathers below it."""
    body, rng = ctx.body, ctx.rng
    y = body.waist_y
    x = body.width(y)
    line = arc_between((-x, y), (x, y), -0.02, 5)
    folds = []
    for i in range(10):
        t = -0.9 + 0.2 * i + rng.normal(0, 0.02)
        depth = rng.uniform(5, 13)
        folds.append(([(x * t, y + 0.8), (body.width(y + depth) * t, y + depth)], 0.9, 0.6))
    ctx.pen.folds(body_path, ctx.cloth, folds)
    ctx.pen.crease(line, ctx.cloth, 0.9, 0.35)
