"""Bodies with bare shoulders: strapless, with straps, off-shoulder and one-shoulder."""

import skia

from wardrobe.drawing.geometry import Point, arc_between, mirrored_reversed, offset
from wardrobe.drawing.trims import draw_frill, draw_lace
from wardrobe.fabric.materials import Cloth
from wardrobe.measurements import WAIST
from wardrobe.necks.necklines import sweetheart_edge
from wardrobe.necks.openings import complete_by_mirroring
from wardrobe.silhouette.arm_poses import arm_edge
from wardrobe.silhouette.context import DrawingContext, lace_trimmed
from wardrobe.spec import SWEETHEART
from wardrobe.supports.display import draw_top_support


def draw_bare_shoulder_body(ctx: DrawingContext, style: str) -> skia.Path:
    """Draw back, support and front; returns the front's outline."""
    if style == "one":
        return _draw_one_shoulder_body(ctx)
    pen, body = ctx.pen, ctx.body
    edge = top_edge(ctx, style)
    x, y = edge[-1]
    upper = _bust_side(ctx, x, y) if style != "off" else _side_below_arm(ctx, x, y)
    right, left = ([*upper, *body.side_curve(side)[1:]] for side in (1, -1))  # no corner at the armpit
    lower = [right, body.hem_curve(), mirrored_reversed(left)]
    behind = [(-x, y), (-x * 0.6, y - 1.6), (0.0, y - 1.8), (x * 0.6, y - 1.6), (x, y)]
    if style == "off":
        behind = [(-x, y), (-x * 0.6, y - 0.8), (0.0, y - 1.0), (x * 0.6, y - 0.8), (x, y)]
    if style == "straps":
        _draw_straps(ctx, x - 1.2, y, back=True)
    pen.piece(pen.path(behind, *lower), ctx.lining, edge=0.5)
    draw_top_support(ctx, style)
    front = pen.path(edge, *lower)
    pen.piece(front, ctx.cloth, shadow=0.4)
    if style == "straps":
        _draw_straps(ctx, x - 1.2, y, back=False)
    if style != "off":
        _shape_bust(ctx, style, front)
    return front


def _bust_side(ctx: DrawingContext, x: float, y: float) -> list[Point]:
    """Return the side from the upper corner over the bust to the armpit's height, where the side curve continues."""
    body = ctx.body
    drop = body.armpit_y - y
    return [
        (x, y),
        (x + 0.45 * (body.chest - x), y + 0.36 * drop),
        (x + 0.85 * (body.chest - x), y + 0.72 * drop),
        (body.chest, body.armpit_y),
    ]


def _side_below_arm(ctx: DrawingContext, x: float, y: float) -> list[Point]:
    """Return the side from the rim's end, under the sleeve, to the armpit."""
    body = ctx.body
    if not body.sleeve_share:
        return _bust_side(ctx, x, y)
    return [(x, y), (body.chest - 0.5, 0.6 * y + 0.4 * body.armpit_y), (body.chest + 0.3, body.armpit_y)]


def top_edge(ctx: DrawingContext, style: str) -> list[Point]:
    """Return the upper edge of the front, from left to right."""
    body = ctx.body
    if style == "off":
        x, y = body.neck, body.top_y
        return [(-x, y + 0.2), (-x * 0.55, y + 1.6), (0.0, y + 2.2), (x * 0.55, y + 1.6), (x, y + 0.2)]
    x, y = 0.88 * body.chest, body.top_y
    if ctx.plan.neck == SWEETHEART:
        return complete_by_mirroring(sweetheart_edge(x, y, 5.2))
    if style == "strapless" and ctx.cloth.seed % 3:  # slightly higher over each breast
        return [(-x, y + 1.4), (-x * 0.8, y + 0.1), (-x * 0.48, y - 0.8), (0.0, y + 0.5), (x * 0.48, y - 0.8),
                (x * 0.8, y + 0.1), (x, y + 1.4)]  # fmt: skip
    sag = 1.5
    return [(-x, y), (-x * 0.55, y + sag * 0.75), (0.0, y + sag), (x * 0.55, y + sag * 0.75), (x, y)]


def _draw_straps(ctx: DrawingContext, x: float, y: float, back: bool) -> None:
    """Draw two thin straps; their back halves lie behind the front ones."""
    width = 0.35 + (ctx.cloth.seed % 5) * 0.16
    for side in (1, -1):
        top = (x * 0.78 * side, 0.6)
        foot = (x * 0.94 * side, y + 0.8) if not back else ((x - 3.6) * side, y + 2.0)
        curve = arc_between(top, foot, (-0.03 if not back else 0.05) * side)
        cloth: Cloth = ctx.lining if back else ctx.trim
        ctx.pen.band(
            [(px - width * side, py) for px, py in curve],
            [(px + width * side, py) for px, py in curve],
            cloth,
            edge=0.15,
            shadow=0.0 if back else 0.3,
        )


def _shape_bust(ctx: DrawingContext, style: str, front: skia.Path) -> None:
    """Draw the shaping of a bodice: cups and princess seams, smocking, or ruching."""
    if ctx.plan.neck == SWEETHEART:
        _draw_princess_seams(ctx)
        return
    if style == "straps":
        if ctx.cloth.seed % 4 == 0:
            _draw_princess_seams(ctx)
        return
    kind = ("princess", "smocked", "gathered", "princess")[ctx.cloth.seed // 3 % 4]
    if kind == "princess":
        _draw_princess_seams(ctx)
    elif kind == "smocked":
        _draw_smocking(ctx, front)
    else:
        _draw_ruching(ctx, front)


def _draw_princess_seams(ctx: DrawingContext) -> None:
    """Draw cups below the bust and princess seams down to the waist."""
    body, pen = ctx.body, ctx.pen
    y = body.top_y + 12.0
    low = min(body.length - 1.5, WAIST + 4.0)
    for side in (1, -1):
        under = [(0.9 * side, y - 2.2), (body.chest * 0.4 * side, y + 1.0), (body.width(y) * 0.98 * side, y - 1.8)]
        pen.crease(under, ctx.cloth, 1.1, 0.32)
        seam = [(body.chest * 0.48 * side, body.top_y + 1.0), (body.chest * 0.46 * side, y + 0.8),
                (body.waist * 0.40 * side, low)]  # fmt: skip
        pen.line(seam, ctx.cloth.shade, 0.9, 0.16)
        pen.line(seam, ctx.cloth.seam, 0.18, 0.55)


def _draw_smocking(ctx: DrawingContext, front: skia.Path) -> None:
    """Draw rows of elastic thread that gather the cloth over the bust."""
    body, pen = ctx.body, ctx.pen
    rows = 6 + ctx.cloth.seed % 4
    for i in range(rows):
        y = body.top_y + 2.6 + 2.0 * i
        x = body.width(max(y, body.armpit_y)) * 0.985 if y > body.armpit_y else body.chest - 3.0
        line = [(-x, y), (-0.5 * x, y + 0.9), (0.0, y + 1.2), (0.5 * x, y + 0.9), (x, y)]
        pen.line(line, ctx.cloth.shade, 0.7, 0.16)
        pen.line(line, ctx.cloth.shade, 0.3, 0.42, dash=0.9)
    y = body.top_y + 2.6 + 2.0 * rows
    gathers: list[tuple[list[Point], float, float]] = []
    for i in range(9):
        x = body.width(y) * (-0.88 + 0.22 * i)
        gathers.append(([(x, y), (x * 1.02, y + 4), (x * 1.04, y + 8 + 3 * (i % 2))], 0.9, 0.55))
    pen.folds(front, ctx.cloth, gathers)


def _draw_ruching(ctx: DrawingContext, front: skia.Path) -> None:
    """Draw folds gathered between the breasts."""
    body, rng = ctx.body, ctx.rng
    y = body.top_y + 6.5
    folds: list[tuple[list[Point], float, float]] = []
    for side in (1, -1):
        for lift in (-4.0, -1.6, 0.8, 3.4, 6.0):
            end = (body.chest * rng.uniform(0.55, 0.9) * side, y + 1.5 * lift + 1.0)
            folds.append((arc_between((0.8 * side, y + 0.45 * lift), end, -0.05 * side, 4), 1.2, 0.75))
    ctx.pen.folds(front, ctx.cloth, folds)
    ctx.pen.crease([(0.0, body.top_y + 0.8), (0.15, y), (0.0, y + 5.5)], ctx.cloth, 1.2, 0.35)


def _one_shoulder_edge(ctx: DrawingContext) -> list[Point]:
    """Return the upper edge of a one-shoulder garment, from the left armpit to the right shoulder."""
    body = ctx.body
    return arc_between((-body.chest + 2.6, body.armpit_y - 6.0), (body.neck - 1.0, 0.0), 0.09, 4)


def _draw_one_shoulder_body(ctx: DrawingContext) -> skia.Path:
    """Draw a body whose upper edge runs from the right shoulder to the left armpit."""
    pen, body = ctx.pen, ctx.body
    edge = _one_shoulder_edge(ctx)
    left = edge[0]
    under = arc_between((-body.chest, body.armpit_y + 1.0), left, 0.05)
    right = [[(body.neck - 1.0, 0.0), (body.shoulder, body.shoulder_y)], *body.side_curves()[0][1:]]
    lower = [body.hem_curve(), mirrored_reversed(body.side_curve(-1))]
    back = arc_between((left[0], left[1] + 0.5), (body.neck - 1.0, 0.0), 0.035, 4)
    pen.piece(pen.path(back, *right, *lower, under), ctx.lining, edge=0.5)
    draw_top_support(ctx, "one")
    front = pen.path(edge, *right, *lower, under)
    pen.piece(front, ctx.cloth, shadow=0.4)
    if not body.sleeve_share:
        pen.crease(body.bare_armhole(), ctx.cloth, 0.8, 0.3)
    folds = [
        (arc_between((body.neck + 3, 2.0), (x, y), b), 1.6, 0.8)
        for x, y, b in ((-12.0, 23.0, 0.1), (-4.0, 27.0, 0.08), (6.0, 26.0, 0.04))
    ]
    pen.folds(front, ctx.cloth, folds)
    return front


def draw_upper_edge(ctx: DrawingContext, style: str) -> None:
    """Draw the finish of the upper edge: a frill, elastic, lace or piping."""
    pen, rng = ctx.pen, ctx.rng
    if style == "one":
        edge = _one_shoulder_edge(ctx)
        if rng.random() < 0.35:
            draw_frill(ctx.pen, edge, 7.0, ctx.cloth, ctx.rng)
        else:
            pen.band(edge, offset(edge, 1.0), ctx.trim, shadow=0.25, edge=0.2)
        return
    edge = top_edge(ctx, style)
    if style == "off":
        _draw_off_shoulder_rim(ctx, edge)
    elif ctx.plan.neck == SWEETHEART:
        middle = len(edge) // 2
        for curve in (edge[: middle + 1], edge[middle:]):
            pen.band(curve, offset(curve, 0.8), ctx.trim, shadow=0.2, edge=0.2)
    elif rng.random() < 0.2 and style == "strapless":
        draw_frill(ctx.pen, edge, float(rng.uniform(5, 8)), ctx.cloth, ctx.rng)
    else:
        if lace_trimmed(ctx):
            draw_lace(pen, edge[::-1], 2.4, ctx.cloth)
        pen.band(edge, offset(edge, 1.1), ctx.trim, shadow=0.25, edge=0.2)


def _draw_off_shoulder_rim(ctx: DrawingContext, edge: list[Point]) -> None:
    """Draw the wide rim of an off-shoulder garment across body and sleeves: frilled, elastic or folded."""
    pen, body, rng = ctx.pen, ctx.body, ctx.rng
    rim = edge
    if body.sleeve_share:
        ends = [[arm_edge(body, arm)(t)[0] for t in (0.0, 2.6)] for arm in body.arms]
        rim = [*ends[1][::-1], *edge, *ends[0]]
    kind = str(rng.choice(["frill", "elastic", "folded", "frill"]))
    if kind == "frill":
        draw_frill(ctx.pen, rim, float(rng.uniform(9, 13)), ctx.cloth, ctx.rng)
        pen.band(rim, offset(rim, 1.2), ctx.cloth, shadow=0.2, edge=0.25)
    elif kind == "elastic":
        pen.band(rim, offset(rim, 2.0), ctx.cloth, ribs=0.9, shadow=0.3, edge=0.3)
        for i in range(2 * len(rim), 9 * len(rim), 2):
            t = i / (11 * len(rim)) * 2 - 1
            x = rim[-1][0] * t
            y = body.top_y + 2.2 + 2.2 * (1 - t * t)
            pen.line([(x, y), (x * 1.01, y + 3.0 + 1.6 * (i % 4 == 0))], ctx.cloth.shade, 0.4, 0.3)
    else:
        pen.band(rim, offset(rim, 6.5), ctx.cloth, shadow=0.9, edge=0.5)
