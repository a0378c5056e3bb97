"""Front fastenings: plackets, buttons, zips, toggles, open edges, tied belts."""

import numpy as np

from wardrobe.drawing.geometry import Point, offset
from wardrobe.drawing.trims import draw_raised_piece, draw_soft_line
from wardrobe.fabric.colours import luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.fronts.waists import draw_belt, draw_sash
from wardrobe.silhouette.context import DrawingContext, Neck, button_colour, metal_colour
from wardrobe.spec import HOOD


def draw_placket(ctx: DrawingContext, top: float) -> None:
    """Draw the placket of a shirt with its buttons; a short one on T-shirts and some dresses."""
    pen, body, rng, cloth = ctx.pen, ctx.body, ctx.rng, ctx.cloth
    polo = ctx.garment in ("T-shirt", "sweater")
    short = polo or (ctx.garment == "dress" and rng.random() < 0.5)
    bottom = body.length + 0.9
    if short:
        bottom = top + float(rng.uniform(10.0, 15.0)) if polo else ctx.body.waist_y - 1
    half, side = float(rng.uniform(1.4, 1.8)), 1 if ctx.cloth.seed % 2 else -1
    left, right = ([(x, top), (x, (top + bottom) / 2), (x, bottom)] for x in (-half, half))
    strip = cloth.plain(0.06) if polo and cloth.pattern == "plain" else cloth
    pen.band(left, right, strip, shadow=0.2, edge=0.2)
    free, sewn = (right, left) if side == 1 else (left, right)
    draw_soft_line(pen, offset(free, -0.35 if side == 1 else 0.35), (10, 8, 14), 0.9, 0.4)
    draw_soft_line(pen, offset(free, 0.3 if side == 1 else -0.3), cloth.highlight[0], 0.5, cloth.highlight[1])
    pen.line(free, cloth.seam, 0.3, 0.9)
    pen.line(sewn, cloth.seam, 0.2, 0.5)
    for x, curve in ((0.45, left), (-0.45, right)):
        pen.stitches([(a + x, b) for a, b in curve], cloth)
    if short:
        pen.line([left[-1], right[-1]], cloth.seam, 0.3)
        pen.line([(-half, bottom - 1.6), (half, bottom - 1.6)], cloth.seam, 0.2, 0.5)
    if not polo and rng.random() < 0.1:
        return  # a fly front hides the buttons
    step = float(rng.uniform(4.0, 5.0) if polo else rng.uniform(7.5, 9.5))
    y = top + (1.2 if polo else 2.4)
    while y < bottom - (2.0 if polo else 3.0):
        pen.button((0.0, y), button_colour(ctx), 0.62)
        y += step


def draw_coat_front(ctx: DrawingContext, top: float) -> None:
    """Draw the overlap of a coat, blazer, cardigan or vest with its buttons; some coats get a belt or toggles."""
    rng, garment = ctx.rng, ctx.garment
    coat = garment == "coat"
    double = garment in ("coat", "blazer") and rng.random() < 0.32
    tied = coat and ctx.plan.neck[0] == "lapel_design" and not double and rng.random() < 0.3
    trench = coat and double and ctx.plan.neck[1] == 1 and rng.random() < 0.5
    toggles = coat and not double and not tied and ctx.plan.neck[0] != "lapel_design" and rng.random() < 0.35
    x = 5.5 if double else 1.4
    if garment == "cardigan":
        _draw_knitted_band(ctx, top)
    else:
        _draw_overlap(ctx, top, x, garment in ("blazer", "vest") and not double)
    if trench:
        _draw_epaulettes(ctx)
    if not tied:
        _draw_buttons(ctx, top, x, double, toggles)
    if tied or (trench and rng.random() < 0.5):
        draw_sash(ctx, _waistline(ctx), 4.0, ctx.cloth)
    elif trench:
        draw_belt(ctx, _waistline(ctx), 4.0, ctx.cloth)


def _draw_buttons(ctx: DrawingContext, top: float, x: float, double: bool, toggles: bool) -> None:
    """Draw one centred row of buttons, or two; `x` is the edge of the upper front."""
    pen, body, rng, garment = ctx.pen, ctx.body, ctx.rng, ctx.garment
    coat = garment == "coat"
    reach = min(body.length - top - 6, {"blazer": 24.0, "coat": 50.0}.get(garment, 60.0))
    count = max(int(reach // (9.5 if not coat else 12.0)) + 1, 1)
    if garment == "blazer":
        count = min(count, 1 + int(rng.integers(0, 3)) + int(double))
    radius = {"coat": 1.25, "blazer": 0.95}.get(garment, 0.75)
    for k in range(count):
        y = top + 2.5 + (k * reach / max(count - 1, 1)) * 0.92
        if toggles:
            _draw_toggle(ctx, y)
            continue
        for bx in (x - 1.9, -(x - 1.9)) if double else (0.0,):
            pen.button((bx, y), button_colour(ctx), radius)
        if not double:  # the end of the buttonhole
            pen.line([(radius * 0.8, y), (radius * 0.8 + 1.0, y)], ctx.cloth.seam, 0.3, 0.7)


def _draw_knitted_band(ctx: DrawingContext, top: float) -> None:
    """Draw the ribbed button band of a cardigan."""
    pen, bottom = ctx.pen, ctx.body.length + 0.9
    left, right = ([(x, top), (x, (top + bottom) / 2), (x, bottom)] for x in (-1.7, 1.7))
    pen.band(left, right, ctx.trim, ribs=0.9, shadow=0.4, edge=0.3)
    for curve in (left, right):
        pen.line(curve, ctx.cloth.seam, 0.3, 0.85)


def _draw_overlap(ctx: DrawingContext, top: float, x: float, cut_away: bool) -> None:
    """Draw the edge of the upper front; a `cut_away` one curves outwards at the hem."""
    pen, cloth, bottom = ctx.pen, ctx.cloth, ctx.body.length + 0.9
    edge: list[Point] = [(0.3, top), (x, top + 2.5), (x, (top + bottom) / 2), (x, bottom)]
    if cut_away:
        edge = [(0.3, top), (x, top + 2.5), (x, bottom - 10), (x - 2.2, bottom - 2.5), (x - 7, bottom)]
    draw_soft_line(pen, offset(edge, -0.6), (10, 8, 14), 1.4, 0.42)
    draw_soft_line(pen, offset(edge, 0.4), cloth.highlight[0], 0.7, cloth.highlight[1])
    pen.line(edge, cloth.seam, 0.32, 0.9)
    pen.stitches(offset(edge, 1.0), cloth, alpha=0.35)


def draw_open_front_edges(ctx: DrawingContext, right: list[Point], start: float) -> None:
    """Draw the edges of a front that hangs open below `start`: buttons on one side, buttonholes on the other."""
    pen, end = ctx.pen, ctx.body.length
    edge = [p for p in right if start <= p[1] < end]
    if not edge:
        return
    edge.append((edge[-1][0] * 1.05, end + 0.5))
    for side in (1, -1):
        curve = _on_side(edge, side)
        pen.line(curve, ctx.cloth.seam, 0.3, 0.9)
        pen.stitches(offset(curve, -1.0 * side), ctx.cloth, alpha=0.4)
    y = start + 2.5
    while y < min(end - 6.0, start + 48.0):
        x = float(np.interp(y, [p[1] for p in edge], [p[0] for p in edge]))
        pen.button((x + 1.8, y), button_colour(ctx), 0.9)
        pen.line([(-x - 2.2, y), (-x - 1.0, y)], ctx.cloth.seam, 0.35, 0.8)
        y += 11.0


def _waistline(ctx: DrawingContext) -> list[Point]:
    y = ctx.body.waist_y + 1.0
    w = ctx.body.width(y)
    return [(-w, y), (-w * 0.5, y + 0.7), (0.0, y + 1.0), (w * 0.5, y + 0.7), (w, y)]


def _draw_epaulettes(ctx: DrawingContext) -> None:
    """Draw the shoulder straps of a trench coat."""
    body, pen = ctx.body, ctx.pen
    for side in (1, -1):
        a, b = body.neck + 4.5, body.shoulder - 0.4
        slope = body.shoulder_y / (body.shoulder - body.neck)
        upper = [(a, (a - body.neck) * slope + 0.5), (b, (b - body.neck) * slope + 0.5)]
        lower = [(b, upper[1][1] + 4.0), (a + 1, upper[0][1] + 4.0), (a - 0.8, upper[0][1] + 2.0), upper[0]]
        curves = [_on_side(upper, side), _on_side(lower[:2], side), _on_side(lower[1:], side)]
        draw_raised_piece(ctx.pen, pen.path(*curves), ctx.cloth, angle=18.0 * side, height=0.5)
        pen.button(((a + 1.4) * side, upper[0][1] + 2.4), button_colour(ctx), 0.6)


def _on_side(curve: list[Point], side: int) -> list[Point]:
    """Mirror a curve to the left for side -1."""
    return [(x * side, y) for x, y in curve]


def _draw_toggle(ctx: DrawingContext, y: float) -> None:
    """Draw a duffle coat's toggle and its loop."""
    pen, dark = ctx.pen, luminance(ctx.cloth.colour) < 0.35
    cord = (150, 112, 72) if dark else (74, 48, 34)
    for side in (1, -1):
        pad = pen.path([(3.4 * side, y - 1.5), (6.4 * side, y - 1.5)], [(6.4 * side, y + 1.5), (3.4 * side, y + 1.5)])
        pen.piece(pad, Cloth(cord, cord), shadow=0.3, edge=0.3)
    draw_soft_line(pen, [(-3.4, y + 0.6), (3.4, y + 0.6)], (10, 8, 14), 1.0, 0.4)
    pen.line([(-3.6, y), (3.6, y)], cord, 0.8, 1.0)
    pen.line([(-1.9, y), (1.9, y)], mix((120, 78, 44), (230, 200, 150), 0.25 if dark else 0.0), 1.7, 1.0)


def draw_zip_front(ctx: DrawingContext, top: float) -> None:
    """Draw a zip from `top` to the hem; some coats get a flap over it."""
    bottom = ctx.body.length + 0.9
    if ctx.garment == "coat" and ctx.rng.random() < 0.4:  # a flap with snaps covers it
        _draw_overlap(ctx, top, 2.6, False)
        for k in range(max(int((bottom - top) // 13), 2)):
            ctx.pen.button((0.8, top + 3.5 + 13.0 * k), metal_colour(ctx), 0.6)
        return
    draw_zip(ctx, [(0.0, top), (0.0, (top + bottom) / 2), (0.0, bottom)])


def draw_slanted_zip(ctx: DrawingContext, top: float) -> None:
    """Draw a biker jacket's slanted zip, beside the centre."""
    bottom = ctx.body.length + 0.9
    draw_zip(ctx, [(6.5, top - 7.0), (4.6, (top + bottom) / 2 - 3.0), (2.4, bottom)])


def draw_zip(ctx: DrawingContext, curve: list[Point]) -> None:
    """Draw a closed zip between two stitched edges, with its puller."""
    pen, cloth, metal = ctx.pen, ctx.cloth, metal_colour(ctx)
    pen.crease(curve, cloth, 1.8, 0.5)
    pen.line(curve, mix(cloth.shade, (30, 30, 34), 0.5), 1.1, 0.95)
    pen.line(curve, metal, 0.55, 0.95, dash=0.35)
    for x in (-1.5, 1.5):
        pen.stitches([(a + x, b) for a, b in curve], cloth)
        draw_soft_line(pen, [(a + x * 0.55, b) for a, b in curve], cloth.highlight[0], 0.5, 0.35)
    (x, y) = curve[0]
    pen.line([(x, y + 0.6), (x + 0.25, y + 3.4)], metal, 0.95, 1.0)


def draw_open_placket(ctx: DrawingContext, parted: Point, slit: float, bottom: float, count: int) -> None:
    """Draw the placket of a henley or polo shirt: open from `parted` (right corner) to `slit`, closed to `bottom`."""
    pen, (x, y) = ctx.pen, parted
    strip = ctx.trim.plain() if ctx.trim.colour != ctx.cloth.colour else ctx.cloth.plain(0.08)
    for side in (-1, 1):  # the right side is drawn last, on top of the left one
        curve = [(x * side, y), (x * 0.5 * side, (y + slit) / 2 + 0.3), (0.0, slit), (0.0, bottom)]
        outer = [((x + 2.1) * side, y + 0.4), ((x * 0.5 + 2.2) * side, (y + slit) / 2 + 0.6), (2.0 * side, slit),
               (1.7 * side, bottom)]  # fmt: skip
        pen.band(curve, outer, strip, shadow=0.5, edge=0.3)
        pen.stitches([(a - 0.45 * side, b) for a, b in outer], strip)
        pen.line(curve, ctx.cloth.seam, 0.32, 0.9)
    pen.line([(-1.6, bottom), (1.7, bottom)], ctx.cloth.seam, 0.3)
    for k in range(count):
        t = (k + 0.35) / count
        level = y + (bottom - y) * t
        edge = x * (1 - (level - y) / (slit - y)) if level < slit else 0.0
        pen.button((edge + 1.0, level), button_colour(ctx), 0.55)
        if level < slit:  # the buttonhole, on the opposite side
            pen.line([(-edge - 1.3, level), (-edge - 0.6, level)], ctx.cloth.seam, 0.3, 0.8)


def draw_fastening(ctx: DrawingContext, neck: Neck) -> None:
    """Draw the zip, buttons or placket that closes the garment."""
    if neck.closure == "zip":
        draw_zip_front(ctx, neck.bottom)
    elif neck.closure == "buttons" and ctx.plan.neck == ("lapel_design", 1) and ctx.cloth.material == "leather":
        draw_slanted_zip(ctx, neck.bottom)
    elif neck.closure == "buttons":
        outerwear = ctx.garment in ("blazer", "coat", "cardigan") or ctx.plan.neck[0] == "lapel_design"
        tailored = outerwear or ctx.plan.neck == HOOD
        if tailored or (ctx.garment == "vest" and ctx.plan.neck[0] != "collar_design"):
            draw_coat_front(ctx, neck.bottom)
        else:
            draw_placket(ctx, neck.bottom)


def draw_open_zip_side(ctx: DrawingContext, curve: list[Point], side: int) -> None:
    """Draw one side of an open zip, tape and teeth; side 1 is the right one."""
    pen = ctx.pen
    pen.band(curve, offset(curve, -0.7 * side), ctx.cloth.plain(0.5), edge=0.1)
    pen.line(offset(curve, 0.1 * side), metal_colour(ctx), 0.5, 0.95, dash=0.35)
    pen.stitches(offset(curve, -1.5 * side), ctx.cloth)
