"""Collars (collar_design): shirt, Peter Pan and puritan collars."""

from collections.abc import Callable
from dataclasses import dataclass

from wardrobe.drawing.geometry import Point, arc_between, blend_curves, mirrored, offset
from wardrobe.drawing.trims import draw_raised_piece, draw_soft_line
from wardrobe.fronts.fastenings import draw_open_front_edges, draw_open_placket, draw_open_zip_side
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import opening_below, round_neck_edge, v_front_opening
from wardrobe.necks.rib_collars import rib_collar
from wardrobe.silhouette.context import DrawingContext, Neck, button_colour, grain_angle, jitter


@dataclass
class _CollarCut:
    """Cut of a shirt collar and how it is worn."""

    opening_y: float  # y of the opening's lower end
    throat: Point  # end of the leaves on the opening's edge
    tip: Point  # of the right leaf
    fold_y: float  # negative: above the shoulder
    scale: float = 1.0
    knitted: bool = False  # without a stand


def _choose_cut(ctx: DrawingContext, hangs_open: bool) -> _CollarCut:
    rng, w = ctx.rng, ctx.body.neck
    if ctx.garment in ("coat", "jacket", "vest") and rng.random() < 0.8:
        scale = float(rng.uniform(1.25, 1.5))
    else:
        scale = float(rng.uniform(0.92, 1.12))
    soft = ctx.garment in ("T-shirt", "sweater")
    spread = float(rng.uniform(0.62, 1.02))  # from point collar to spread collar
    reach = float(rng.uniform(6.2, 8.0)) * scale * (0.86 if soft else 1.0)
    if hangs_open or rng.random() < (0.5 if soft else 0.4):  # worn with the upper buttons open
        low = float(rng.uniform(11.0, 14.5))
        throat = w * 0.40, 5.6
        point = throat[0] + reach * (0.35 + 0.42 * spread), throat[1] + reach * (0.80 - 0.36 * spread)
    else:
        low = float(rng.uniform(5.0, 6.2))
        throat = 0.25, low
        point = w * spread * 0.92 + 0.8 * (scale - 1), low + reach * (1.0 - 0.34 * spread)
    return _CollarCut(low, throat, point, -(2.4 if soft else 3.4) * scale**0.5, scale, soft)


def shirt_collar(ctx: DrawingContext) -> Neck:
    """Build a shirt collar: two pointed leaves folded over a stand."""
    rng, w = ctx.rng, ctx.body.neck
    hangs_open = ctx.garment in ("jacket", "coat", "vest") and rng.random() < 0.28
    cut = _choose_cut(ctx, hangs_open)
    (tx, ty), low = cut.throat, cut.opening_y
    edge = [(w, 0.0), (w * 0.62, ty * 0.55), (tx, ty)]
    curves = [mirrored(edge), [(-tx, ty), (0.0, low)], [(0.0, low), (tx, ty)], edge[::-1]]
    zipped = ctx.garment == "jacket" and ctx.cloth.pattern != "denim" and rng.random() < 0.6
    zipped = zipped or (ctx.garment == "vest" and rng.random() < 0.4)
    below = v_front_opening(ctx, low + 6, float(rng.uniform(1.5, 4.5)))[1][2:]
    if hangs_open:
        curves = [mirrored(edge), mirrored([(tx, ty), *below]), [*below[::-1], (tx, ty)], edge[::-1]]
    polo = cut.knitted and tx > 1
    front = "open" if hangs_open else "closed" if polo else "zip" if zipped else "buttons"
    neck = Neck([*curves, [(w, -25.0), (-w, -25.0)]], closure=front, bottom=low, back_dip=0.4)
    if polo:
        count = int(rng.integers(2, 4))
        neck.draw_over.append(lambda: draw_open_placket(ctx, cut.throat, low, low + 1.4 * count, count))
    neck.draw_under.append(lambda: _draw_stand_from_inside(ctx, cut))
    if hangs_open:
        neck.draw_over.append(lambda: _draw_open_edges(ctx, below, zipped))
    neck.draw_over.append(lambda: _draw_leaves(ctx, cut, zipped))
    return neck


def _draw_open_edges(ctx: DrawingContext, below: list[Point], zipped: bool) -> None:
    """Draw the edges of a jacket that hangs open."""
    if not zipped:
        draw_open_front_edges(ctx, below, below[0][1])
        return
    end = (below[-1][0] * 0.97, ctx.body.length)
    for side in (1, -1):
        curve = [p for p in below if p[1] < end[1]] + [end]
        draw_open_zip_side(ctx, curve if side == 1 else mirrored(curve), side)


def _draw_stand_from_inside(ctx: DrawingContext, cut: _CollarCut) -> None:
    """Draw the collar's back from its fold down to the seam, and the yoke below."""
    pen, w, fold_y = ctx.pen, ctx.body.neck, cut.fold_y
    draw_inside_back(ctx, 1.4, max(cut.opening_y, 8.0), band=0.0)
    fold = [
        (-w + 0.3, fold_y),
        (-w * 0.5, fold_y - 0.9),
        (0.0, fold_y - 1.2),
        (w * 0.5, fold_y - 0.9),
        (w - 0.3, fold_y),
    ]
    seam = [(-w, 1.0), (-w * 0.5, 1.9), (0.0, 2.2), (w * 0.5, 1.9), (w, 1.0)]
    sides = arc_between(fold[-1], seam[-1], 0.05), arc_between(seam[0], fold[0], 0.05)
    stand = pen.path(fold, sides[0], seam[::-1], sides[1])
    pen.piece(stand, ctx.trim.plain(0.3) if ctx.trim.pattern != "plain" else ctx.trim.plain(0.24), edge=0.5, shadow=0.4)
    draw_soft_line(pen, blend_curves(fold, seam, 0.12), ctx.trim.highlight[0], 0.9, 0.4)
    pen.stitches(blend_curves(fold, seam, 0.86), ctx.trim)


def _draw_leaves(ctx: DrawingContext, cut: _CollarCut, zipped: bool) -> None:
    pen, rng, w, scale = ctx.pen, ctx.rng, ctx.body.neck, cut.scale
    (tx, ty), fold_y = cut.throat, cut.fold_y
    if tx < 1 and not cut.knitted:  # buttoned up, the stand's ends show between the leaves
        band = pen.path([(-1.9, ty - 1.6), (0.0, ty - 0.7), (1.9, ty - 1.6)], [(1.5, ty + 1.6), (-1.5, ty + 1.7)])
        pen.piece(band, ctx.cloth, edge=0.3, shadow=0.3)
        if not zipped:
            pen.button((0.1, ty + 0.6), button_colour(ctx), 0.55)
    down = ctx.garment in ("shirt", "blouse") and scale < 1.2 and rng.random() < 0.25  # a button-down collar
    tipped = cut.knitted and rng.random() < 0.35
    for flip in (False, True):
        dx, dy = jitter(ctx, 0.6 if ctx.plan.setting == "flat" else 0.35)
        point = cut.tip[0] + dx, cut.tip[1] + dy
        shoulder = (w + 1.9 * scale, 2.0)
        curves = [
            [(tx, ty), (w * 0.50 + tx * 0.4, ty * 0.45), (w * 0.86, -0.6), (w - 0.3, fold_y)],
            [(w - 0.3, fold_y), (w + 0.9 * scale, fold_y * 0.62), (w + 1.9 * scale, -0.6), shoulder],
            arc_between(shoulder, point, -0.05),
            arc_between(point, (tx, ty), 0.05 if tx < 1 else -0.02),
        ]
        curves = [mirrored(r) if flip else r for r in curves]
        angle = grain_angle(ctx) if not cut.knitted else 60.0
        draw_raised_piece(ctx.pen, pen.path(*curves), ctx.trim, angle=-angle if flip else angle, height=0.8 * scale)
        fold = offset(curves[0], -0.5 if flip else 0.5)
        draw_soft_line(pen, fold, ctx.trim.highlight[0], 1.1, 0.4)
        inset = -0.8 if flip else 0.8
        for curve in curves[2:]:
            if tipped:
                pen.line(offset(curve, inset), ctx.trim.accent, 0.45, 0.95)
            elif not cut.knitted:
                pen.stitches(offset(curve, inset), ctx.trim, (206, 150, 84) if ctx.cloth.pattern == "denim" else None)
        if down:
            x, y = curves[3][0]
            pen.button((x * 0.94, y - 1.3), button_colour(ctx), 0.42)


def flat_collar(ctx: DrawingContext, large: bool) -> Neck:
    """Build a Peter Pan collar: rounded leaves that lie flat; `large` gives a puritan collar, over the shoulders."""
    rng, w = ctx.rng, ctx.body.neck
    low = float(rng.uniform(6.0, 7.8))
    size = float(rng.uniform(13.5, 16.0) if large else rng.uniform(5.2, 7.0))
    edge = round_neck_edge(w, low)
    fastened = ctx.garment in ("blouse", "coat") or rng.random() < 0.4
    neck = Neck(opening_below(edge), closure="buttons" if fastened else "closed", bottom=low, back_dip=0.8)
    cut = _pointed_leaf if large and rng.random() < 0.15 else _round_leaf
    trimming = str(rng.choice(["stitches", "stitches", "piping", "none"]))

    def draw_under() -> None:
        draw_inside_back(ctx, 0.8, low, band=0.0)
        back = [(-w - 0.4, -0.6), (-w * 0.5, -1.7), (0.0, -2.1), (w * 0.5, -1.7), (w + 0.4, -0.6)]
        ctx.pen.piece(ctx.pen.path(back, [(w, 1.2), (0.0, 2.4), (-w, 1.2)]), ctx.trim.plain(0.2), edge=0.3, shadow=0.3)

    def draw_over() -> None:
        for flip in (False, True):
            curves = cut(ctx, edge, low, size)
            curves = [mirrored(r) if flip else r for r in curves]
            angle = -grain_angle(ctx) if flip else grain_angle(ctx)
            draw_raised_piece(ctx.pen, ctx.pen.path(*curves), ctx.trim, angle=angle, height=1.1 if large else 0.9)
            draw_soft_line(ctx.pen, offset(curves[0], -0.9 if flip else 0.9), ctx.trim.highlight[0], 1.4, 0.35)
            for curve in curves[1:]:
                if trimming == "stitches":
                    ctx.pen.stitches(offset(curve, -0.9 if flip else 0.9), ctx.trim, alpha=0.55)
                elif trimming == "piping":
                    accent = ctx.cloth if ctx.trim.colour != ctx.cloth.colour else ctx.trim
                    colour = accent.accent if accent is ctx.trim else accent.colour
                    ctx.pen.line(offset(curve, -0.25 if flip else 0.25), colour, 0.6, 0.95)
        if neck.closure == "closed" and rng.random() < 0.5:
            ctx.pen.button((0.0, low + 0.5), button_colour(ctx), 0.6)

    neck.draw_under.append(draw_under)
    neck.draw_over.append(draw_over)
    return neck


def _inner_leaf_edge(edge: list[Point], w: float, low: float, gap: float) -> list[Point]:
    return [(gap, low), *edge[len(edge) // 2 + 1 :][:-1], (w, -0.7)]


def _round_leaf(ctx: DrawingContext, edge: list[Point], low: float, size: float) -> list[list[Point]]:
    w = ctx.body.neck
    reach = min(w + 0.80 * size, ctx.body.shoulder + 0.5) - 0.3
    fall = ctx.body.shoulder_y * (reach - w) / (ctx.body.shoulder - w)
    dx, dy = jitter(ctx, 0.03 * size)
    gap = 0.25
    outer = [
        (w, -0.7),
        (w * 0.4 + reach * 0.6, fall * 0.35 - 0.2),
        (reach, fall + 0.22 * size + 1.0),
        (reach - 0.05 * size, low + 0.32 * size),
        (w * 0.50 + 0.36 * size + dx, low + 0.80 * size + dy),
        (w * 0.28 + 0.20 * size + dx, low + 0.93 * size + dy),
        (gap + 0.16 * size + dx, low + 0.78 * size + dy),
        (gap + 0.04 * size, low + 0.36 * size),
        (gap, low),
    ]
    return [_inner_leaf_edge(edge, w, low, gap), outer]


def _pointed_leaf(ctx: DrawingContext, edge: list[Point], low: float, size: float) -> list[list[Point]]:
    w = ctx.body.neck
    reach = min(w + 0.78 * size, ctx.body.shoulder + 0.5)
    fall = ctx.body.shoulder_y * (reach - w) / (ctx.body.shoulder - w)
    dx, dy = jitter(ctx, 0.5)
    point = reach * 0.66 + dx, low + size * 0.80 + dy
    return [
        _inner_leaf_edge(edge, w, low, 0.2),
        [(w, -0.7), (reach * 0.75 + w * 0.25, fall * 0.5 - 1.0), (reach, fall + 0.5)],
        arc_between((reach, fall + 0.5), point, -0.1),
        arc_between(point, (0.2, low), 0.06),
    ]


COLLARS: dict[tuple[str, int], Callable[[DrawingContext], Neck]] = {
    ("collar_design", 1): shirt_collar,
    ("collar_design", 2): lambda ctx: flat_collar(ctx, False),
    ("collar_design", 3): lambda ctx: flat_collar(ctx, True),
    ("collar_design", 4): rib_collar,
}
