"""Lapels (lapel_design): notched lapels, collarless fronts, shawl collars."""

from collections.abc import Callable

import skia

from wardrobe.drawing.geometry import arc_between, blend_curves, mirrored, offset
from wardrobe.drawing.trims import draw_raised_piece, draw_soft_line
from wardrobe.fabric.materials import Cloth
from wardrobe.fronts.fastenings import draw_open_front_edges
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import round_neck_edge, v_front_opening
from wardrobe.silhouette.context import DrawingContext, Neck, button_colour, grain_angle, jitter


def _choose_break_point(ctx: DrawingContext) -> float:
    """Choose the y where a lapel starts to roll: above the waist, within the garment."""
    return float(min(ctx.rng.uniform(27, 37), ctx.body.length * 0.66))


def _draw_collar_back(ctx: DrawingContext, height: float, bottom: float) -> None:
    """Draw the collar behind the neck, folded over its stand, and the lining below."""
    pen, w = ctx.pen, ctx.body.neck
    draw_inside_back(ctx, 2.4, bottom, band=0.0, label=0.9)
    top = [(-w - 0.4, -height * 0.62), (-w * 0.5, -height * 0.95), (0.0, -height), (w * 0.5, -height * 0.95),
           (w + 0.4, -height * 0.62)]  # fmt: skip
    low = [(-w, 1.0), (-w * 0.5, 1.9), (0.0, 2.2), (w * 0.5, 1.9), (w, 1.0)]
    pen.piece(pen.path(top, low[::-1]), ctx.trim.plain(0.3), edge=0.5, shadow=0.5)
    draw_soft_line(pen, blend_curves(top, low, 0.14), ctx.trim.highlight[0], 1.0, 0.45)


def notched_lapel(ctx: DrawingContext) -> Neck:
    """Build a collar and lapel with a notch between them."""
    rng, w = ctx.rng, ctx.body.neck
    opening_bottom = _choose_break_point(ctx)
    gap = float(rng.uniform(1.5, 4.5)) if rng.random() < 0.2 else 0.0  # worn open
    curves, edge = v_front_opening(ctx, opening_bottom, gap)
    neck = Neck(curves, closure="open" if gap else "buttons", bottom=opening_bottom, back_dip=1.0)
    width = float(rng.uniform(6.6, 8.6)) + (1.2 if ctx.garment == "coat" else 0.0)
    gorge = float(rng.uniform(9.0, 11.5))
    fall = float(rng.uniform(1.3, 2.8))  # drop of the lapel's upper edge
    length = float(rng.uniform(3.7, 4.7))  # of the collar's end

    def roll_line_x(y: float) -> float:
        return w + (0.8 * gap - w) * y / opening_bottom + 0.4

    def draw_half(flip: bool) -> None:
        pen = ctx.pen
        dx, dy = jitter(ctx, 0.25)
        tip = (roll_line_x(gorge) + width + 1.4 + dx, gorge + fall + dy)
        notch = (roll_line_x(gorge) + width * 0.36, gorge - 0.3)
        inner = (roll_line_x(gorge - 2.4), gorge - 2.4)
        bottom = (0.8 * gap + 0.2, opening_bottom + 0.6)
        belly = (roll_line_x(opening_bottom * 0.58) + width * 0.82, opening_bottom * 0.58)
        lapel = [
            arc_between(inner, bottom, -0.035),
            [bottom, (roll_line_x(opening_bottom * 0.82) + width * 0.28, opening_bottom * 0.83), belly, tip],
            arc_between(tip, notch, 0.0),
            [notch, (0.5 * (notch[0] + inner[0]), 0.5 * (notch[1] + inner[1]) - 0.8), inner],  # under the collar
        ]
        collar_tip = (notch[0] + 0.80 * length, notch[1] - 0.62 * length)
        collar = [
            arc_between((w - 0.2, -2.9), inner, -0.03),
            arc_between(inner, notch, -0.02),
            arc_between(notch, collar_tip, 0.0),
            [collar_tip, (w + 4.2, 1.6), (w + 2.3, -1.3), (w - 0.2, -2.9)],
        ]
        grain = grain_angle(ctx)
        below, upper = (pen.path(*(mirrored(r) if flip else r for r in piece)) for piece in (lapel, collar))
        whole = skia.Op(below, upper, skia.PathOp.kUnion_PathOp)  # sewn together along the gorge
        draw_raised_piece(ctx.pen, whole, ctx.trim, angle=(-0.6 if flip else 0.6) * grain, height=1.0)
        if ctx.trim.is_patterned:
            with pen.clip(whole):
                pen.piece(upper, ctx.trim, angle=(-1.5 if flip else 1.5) * grain, edge=0.4)
        pen.crease(mirrored(collar[1]) if flip else collar[1], ctx.trim, 0.7, 0.5)
        line = mirrored(lapel[0]) if flip else lapel[0]
        draw_soft_line(pen, offset(line, 0.7 if flip else -0.7), ctx.trim.highlight[0], 1.5, 0.3)
        if ctx.garment == "blazer" and flip:
            hole_at = [(tip[0] - 2.8, tip[1] + 1.9), (tip[0] - 1.0, tip[1] + 1.4)]
            pen.line(mirrored(hole_at), ctx.cloth.seam, 0.35)

    def draw_over() -> None:
        draw_half(True)
        draw_half(False)
        if gap:
            draw_open_front_edges(ctx, edge, opening_bottom)

    neck.draw_under.append(lambda: _draw_collar_back(ctx, 3.6, opening_bottom))
    neck.draw_over.append(draw_over)
    return neck


def collarless_front(ctx: DrawingContext) -> Neck:
    """Build a front without a collar: a band, binding or facing, buttoned or hanging open."""
    rng, w = ctx.rng, ctx.body.neck
    hangs_open = rng.random() < 0.55
    v_shaped = rng.random() < 0.6
    opening_bottom = float(min(rng.uniform(17, 27), ctx.body.length * 0.6)) if v_shaped else float(rng.uniform(8, 9.5))
    gap = float(rng.uniform(1.5, 5.0)) if hangs_open else 0.0
    if v_shaped or hangs_open:
        curves, right = v_front_opening(ctx, opening_bottom, gap)
    else:
        right = round_neck_edge(w, opening_bottom)[:2:-1]
        curves = [mirrored(right), right[::-1], [(w, -25.0), (-w, -25.0)]]
    neck = Neck(curves, closure="open" if hangs_open else "buttons", bottom=opening_bottom, back_dip=1.6)
    kind = "band" if ctx.garment == "cardigan" else str(rng.choice(["facing", "binding", "facing"]))

    def draw_over() -> None:
        pen = ctx.pen
        edge = [p for p in right if p[1] <= ctx.body.length]
        if hangs_open:
            edge.append((right[-1][0] * 0.985, ctx.body.length + 0.6))
        width = {"band": 2.9, "binding": 1.1, "facing": 1.8}[kind]
        for side in (1, -1):
            curve = edge if side == 1 else mirrored(edge)
            outer_edge = offset(curve, -width * side)
            path = pen.path(curve, outer_edge[::-1])
            if kind == "facing":
                pen.stitches(outer_edge, ctx.cloth, alpha=0.7)
                draw_soft_line(pen, offset(curve, -0.4 * side), ctx.cloth.highlight[0], 0.9, ctx.cloth.highlight[1])
                pen.line(curve, ctx.cloth.seam, 0.3, 0.9)
            elif kind == "band":
                pen.band(curve, outer_edge, ctx.trim, ribs=0.9, shadow=0.5, edge=0.4)
                pen.crease(outer_edge, ctx.cloth, 0.9, 0.5)
            else:
                draw_raised_piece(ctx.pen, path, _binding_cloth(ctx), height=0.4)
        if kind == "band" and not hangs_open and v_shaped:
            pen.button((0.0, opening_bottom + 1.2), button_colour(ctx), 0.75)

    neck.draw_under.append(lambda: draw_inside_back(ctx, 1.6, opening_bottom, band=2.0 if kind == "band" else 1.2))
    neck.draw_over.append(draw_over)
    return neck


def _binding_cloth(ctx: DrawingContext) -> Cloth:
    """Choose the binding of a collarless jacket."""
    if ctx.trim.colour != ctx.cloth.colour:
        return ctx.trim.plain()
    return ctx.cloth.plain(0.35)


def shawl_collar(ctx: DrawingContext, large: bool) -> Neck:
    """Build a collar that runs into the fronts without a notch; a `large` one covers the shoulders."""
    rng, w = ctx.rng, ctx.body.neck
    opening_bottom = _choose_break_point(ctx)
    hangs_open = ctx.garment == "cardigan" or rng.random() < 0.2
    gap = float(rng.uniform(2.0, 5.5)) if hangs_open else 0.0
    curves, edge = v_front_opening(ctx, opening_bottom, gap)
    neck = Neck(curves, closure="open" if hangs_open else "buttons", bottom=opening_bottom, back_dip=0.8)
    size = float(rng.uniform(13.0, 15.5) if large else rng.uniform(5.8, 7.6))
    if large:
        size = min(size, ctx.body.shoulder + 1.5 - w)
    height = 6.0 if large else 3.8

    def draw_half(flip: bool) -> None:
        pen = ctx.pen
        dx, dy = jitter(ctx, 0.3)
        end = (gap * 0.8 + 0.2, opening_bottom + (4.0 if large else 1.0))
        start = (w - 0.2, -height * 0.72)
        way_down = (
            [(w * 0.72, opening_bottom * 0.42)]
            if gap
            else [(w * 0.62, opening_bottom * 0.36), (w * 0.3, opening_bottom * 0.7)]
        )
        inner = [start, *way_down, end]
        outer = [
            end,
            (end[0] + size * 0.40, opening_bottom * 0.86 + dy),
            (w * 0.4 + size * (0.98 if large else 0.88) + dx, opening_bottom * 0.56 + dy),
            (w + size * (1.0 if large else 0.9) + dx, opening_bottom * 0.27),
            (w + size * 0.72, 2.8),
            (w + size * 0.3, -height * 0.45),
            start,
        ]
        inner, outer = (mirrored(inner), mirrored(outer)) if flip else (inner, outer)
        path = pen.path(inner, outer)
        turn = grain_angle(ctx) * 0.8
        draw_raised_piece(ctx.pen, path, ctx.trim, angle=-turn if flip else turn, height=1.5 if large else 1.0)
        colour, alpha = ctx.trim.highlight
        with pen.clip(path):  # light along the roll line
            draw_soft_line(pen, blend_curves(inner, outer[::-1], 0.16), colour, size * 0.2, alpha * 0.8)
            if large:
                draw_soft_line(pen, blend_curves(inner, outer[::-1], 0.42), ctx.trim.shade, size * 0.10, 0.3)
                draw_soft_line(pen, blend_curves(inner, outer[::-1], 0.60), colour, size * 0.12, alpha * 0.6)
        if not ctx.trim.is_patterned and not large:
            pen.stitches(offset(outer, -0.9 if flip else 0.9), ctx.trim, alpha=0.4)

    def draw_over() -> None:
        draw_half(True)
        draw_half(False)
        if hangs_open and ctx.garment != "cardigan":
            draw_open_front_edges(ctx, edge, opening_bottom)

    neck.draw_under.append(lambda: _draw_collar_back(ctx, height, opening_bottom))
    neck.draw_over.append(draw_over)
    return neck


LAPELS: dict[tuple[str, int], Callable[[DrawingContext], Neck]] = {
    ("lapel_design", 1): notched_lapel,
    ("lapel_design", 2): collarless_front,
    ("lapel_design", 3): lambda ctx: shawl_collar(ctx, False),
    ("lapel_design", 4): lambda ctx: shawl_collar(ctx, True),
}
