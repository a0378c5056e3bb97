"""High necks (neck_design): turtle necks, mock necks, stand-up collars, ruffles."""

from collections.abc import Callable

from wardrobe.drawing.geometry import Curve, Point, arc_between, blend_curves, mirrored, offset
from wardrobe.drawing.trims import draw_gathers, draw_raised_piece, draw_ribs, draw_soft_line
from wardrobe.fronts.fastenings import draw_zip
from wardrobe.necks.back_neck import JERSEY_GARMENTS, draw_inside_back
from wardrobe.necks.cowls import cowl_neck
from wardrobe.necks.openings import opening_below, round_neck_edge
from wardrobe.silhouette.context import DrawingContext, Neck, button_colour, grain_angle, jitter


def _base_seam(w: float, low: float) -> list[Point]:
    """Return the seam between a neck tube and the front."""
    return [(-w, 0.3), (-w * 0.6, low * 0.8), (0.0, low), (w * 0.6, low * 0.8), (w, 0.3)]


def _rim(x: float, y: float, sag: float) -> list[Point]:
    return [(-x, y), (-x * 0.5, y + sag * 0.8), (0.0, y + sag), (x * 0.5, y + sag * 0.8), (x, y)]


def _draw_tube_back(ctx: DrawingContext, x: float, height: float, sag: float) -> None:
    """Draw the back of a tube, seen through its opening."""
    pen = ctx.pen
    back = _rim(x, -height, -0.8)
    pen.piece(pen.path(back, _rim(x, -height, sag + 0.6)[::-1]), ctx.trim.plain(0.5), edge=0.2)


def turtle_neck(ctx: DrawingContext) -> Neck:
    """Build a high ribbed tube, folded over once."""
    rng, w = ctx.rng, ctx.body.neck
    height, low = float(rng.uniform(8.5, 11.5)), 3.8
    lean = float(rng.uniform(-0.2, 0.6))
    top, sag = w - lean, float(rng.uniform(0.3, 0.8))
    base, tilt = _base_seam(w, low), float(rng.normal(0, 0.35))
    fold_y = -float(rng.uniform(0.4, 2.2))  # y of the folded part's lower edge
    pitch = float(rng.choice([0.75, 1.0, 1.4])) if ctx.garment == "sweater" or rng.random() < 0.5 else 0.0
    neck = Neck(opening_below(base), back_dip=1.0)

    def draw_over() -> None:
        pen = ctx.pen
        upper = _rim(top, -height, sag)
        sides = arc_between(upper[-1], (w + 0.2, 0.4), -0.03), arc_between((-w - 0.2, 0.4), upper[0], -0.03)
        pen.piece(pen.path(upper, sides[0], base[::-1][1:-1], sides[1]), ctx.trim, shadow=0.8, edge=0.7)
        if pitch:
            draw_ribs(ctx.pen, _rim(w, fold_y - 1, 1.5), base, ctx.trim, pitch)
        pen.crease(base, ctx.cloth, 0.8, 0.4)
        x = w + 0.9
        lower = [(-x, fold_y + tilt), (-x * 0.5, fold_y + 1.7 + tilt), (0.0, fold_y + 2.2),
                 (x * 0.5, fold_y + 1.7 - tilt), (x, fold_y - tilt)]  # fmt: skip
        outer = arc_between(upper[-1], lower[-1], -0.06), arc_between(lower[0], upper[0], -0.06)
        path = pen.path(upper, outer[0], lower[::-1], outer[1])
        draw_raised_piece(ctx.pen, path, ctx.trim, height=1.3)
        if pitch:
            draw_ribs(ctx.pen, upper, lower, ctx.trim, pitch)
        colour, alpha = ctx.trim.highlight
        with pen.clip(path):
            draw_soft_line(pen, blend_curves(upper, lower, 0.08), colour, 1.3, alpha * 0.7)  # light along the fold
            draw_soft_line(pen, blend_curves(upper, lower, 0.97), ctx.trim.shade, 1.6, 0.55)
            for side in (0.94, -0.94):
                draw_soft_line(pen, [(top * side, -height), (x * side, fold_y)], ctx.trim.shade, 2.4, 0.35)
            _draw_wrinkles(ctx, upper, lower)

    neck.draw_under.append(lambda: _draw_tube_back(ctx, top, height, sag))
    neck.draw_over.append(draw_over)
    return neck


def _draw_wrinkles(ctx: DrawingContext, upper: Curve, lower: Curve) -> None:
    """Draw up to two soft folds around a tube."""
    rng, pen = ctx.rng, ctx.pen
    for _ in range(int(rng.integers(0, 3))):
        t = float(rng.uniform(0.3, 0.75))
        points = blend_curves(upper, lower, t)
        a = int(rng.integers(0, 4))
        pen_run = points[a : a + 5]
        draw_soft_line(pen, pen_run, ctx.trim.shade, 0.8, 0.35)
        draw_soft_line(pen, [(x, y - 0.6) for x, y in pen_run], ctx.trim.highlight[0], 0.6, 0.3)


def low_turtle_neck(ctx: DrawingContext) -> Neck:
    """Build a mock neck, or a stand-up collar where the garment opens in front."""
    if ctx.garment in ("shirt", "jacket", "coat", "vest"):
        return _stand_collar(ctx)
    return _mock_neck(ctx)


def _mock_neck(ctx: DrawingContext) -> Neck:
    """Build a low tube, not folded; some knitted ones have a short zip."""
    rng, w = ctx.rng, ctx.body.neck
    height, low = float(rng.uniform(2.8, 4.2)), 4.4
    top, sag = w - float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.5, 1.0))
    knitted = ctx.garment in JERSEY_GARMENTS
    zipped = knitted and rng.random() < 0.4
    base = _base_seam(w, low)
    neck = Neck(opening_below(base), back_dip=1.0)

    def draw_over() -> None:
        pen = ctx.pen
        upper = _rim(top, -height, sag)
        sides = arc_between(upper[-1], (w + 0.2, 0.4), -0.03), arc_between((-w - 0.2, 0.4), upper[0], -0.03)
        path = pen.path(upper, sides[0], base[::-1][1:-1], sides[1])
        pen.piece(path, ctx.trim, angle=grain_angle(ctx) if not knitted else 0.0, edge=0.5)
        if knitted:
            draw_ribs(ctx.pen, upper, base, ctx.trim, 0.9)
        else:
            pen.stitches(offset(upper, 0.8), ctx.trim)
        colour, alpha = ctx.trim.highlight
        with pen.clip(path):
            draw_soft_line(pen, blend_curves(upper, base, 0.06), colour, 1.0, alpha * 0.7)
            for side in (0.96, -0.96):
                draw_soft_line(pen, [(top * side, -height), (w * side, 0.4)], ctx.trim.shade, 2.2, 0.4)
        pen.line(base, ctx.cloth.seam, 0.25, 0.7)
        if zipped:
            draw_zip(ctx, [(0.0, -height + sag), (0.0, 4.0), (0.0, float(rng.uniform(11, 17)))])

    neck.draw_under.append(lambda: _draw_tube_back(ctx, top, height, sag + 0.5))
    neck.draw_over.append(draw_over)
    return neck


def _stand_collar(ctx: DrawingContext) -> Neck:
    """Build a stand-up collar whose ends meet in front: mandarin, padded and biker collars."""
    rng, w = ctx.rng, ctx.body.neck
    soft = ctx.garment == "shirt"
    height = float(rng.uniform(3.2, 4.2) if soft else rng.uniform(5.5, 7.5))
    low = float(rng.uniform(6.0, 7.5))
    base = round_neck_edge(w, low)
    gap = float(rng.uniform(0.2, 2.0))
    front = "buttons" if soft or (ctx.garment == "coat" and rng.random() < 0.6) else "zip"
    neck = Neck(opening_below(base), closure=front, bottom=low, back_dip=0.5)
    is_quilted = not soft and rng.random() < 0.4

    def draw_under() -> None:
        draw_inside_back(ctx, 1.0, low, band=0.0)
        pen = ctx.pen
        top = _rim(w - 0.5, -height * 0.8, -1.0)
        seam = [(-w, 0.5), (0.0, 2.0), (w, 0.5)]
        pen.piece(pen.path(top, seam[::-1]), ctx.trim.plain(0.3), edge=0.4, shadow=0.4)
        draw_soft_line(pen, offset(top, 0.5), ctx.trim.highlight[0], 0.9, 0.45)

    def draw_over() -> None:
        pen = ctx.pen
        for side in (1, -1):
            dx, dy = jitter(ctx, 0.2)
            foot = [(w + 0.2, 0.4), *[p for p in base[::-1] if 0.5 < p[0] < w], (gap * 0.25, low)]
            crown = [
                (w - 0.6, -height * 0.8),
                (w * 0.92, -height * 0.22),
                (w * 0.64, low * 0.62 - height * 0.62),
                (gap + dx, low - height * 0.90 + dy),
            ]
            foot, crown = (foot, crown) if side == 1 else (mirrored(foot), mirrored(crown))
            path = pen.path(foot, crown[::-1])
            draw_raised_piece(ctx.pen, path, ctx.trim, angle=grain_angle(ctx) * side, height=0.8)
            colour, alpha = ctx.trim.highlight
            with pen.clip(path):
                draw_soft_line(pen, blend_curves(foot, crown, 0.9), colour, 1.0, alpha * 0.7)
                for t in (0.34, 0.67) if is_quilted else ():
                    pen.crease(blend_curves(foot, crown, t), ctx.trim, 0.9, 0.6)
            if not is_quilted:
                pen.stitches(blend_curves(foot, crown, 0.86), ctx.trim)
            pen.crease(foot, ctx.cloth, 0.7, 0.45)
        if front == "buttons":
            pen.button((gap * 0.2, low - height * 0.4), button_colour(ctx), 0.55)
        else:
            draw_zip(ctx, [(0.0, low - height * 0.5), (0.0, low + 3.0)])

    neck.draw_under.append(draw_under)
    neck.draw_over.append(draw_over)
    return neck


def ruffle_neck(ctx: DrawingContext) -> Neck:
    """Build a low stand with a gathered frill, sometimes with a second frill below or a tie."""
    rng, w = ctx.rng, ctx.body.neck
    height, low = float(rng.uniform(2.0, 3.2)), 4.6
    frill_high = float(rng.uniform(2.6, 3.6))
    base = _base_seam(w, low)
    second, tied = rng.random() < 0.5, rng.random() < 0.3
    count = int(rng.integers(8, 11))
    neck = Neck(opening_below(base), back_dip=0.5)
    waist = _rim(w - 0.4, -height, 1.8)
    mouth = _rim(w + 0.9, -height - frill_high, 1.0)

    def draw_under() -> None:
        back = [(x, -2 * (height + frill_high) - y + 0.6) for x, y in mouth]
        draw_gathers(ctx.pen, _rim(w - 0.4, -height + 0.4, 0.0), back, ctx.lining, count, ctx.rng, 0.35)

    def draw_over() -> None:
        pen = ctx.pen
        sides = arc_between(waist[-1], (w, 0.4), 0.04), arc_between((-w, 0.4), waist[0], 0.04)
        if second:
            frill = [(x * 1.14, y + 3.6) for x, y in base]
            draw_gathers(ctx.pen, base, frill, ctx.trim, count + 2, ctx.rng, 0.45)
        band = pen.path(waist, sides[0], base[::-1][1:-1], sides[1])
        pen.piece(band, ctx.trim, shadow=0.7, edge=0.5)
        for a, b in list(zip(blend_curves(waist, base, 0.05, 19), blend_curves(waist, base, 0.8, 19), strict=True))[
            1:-1
        ]:
            pen.line([a, b], ctx.trim.shade, 0.25, 0.4)
        pen.crease(base, ctx.cloth, 0.8, 0.4)
        draw_gathers(ctx.pen, waist, mouth, ctx.trim, count, ctx.rng, 0.45)
        pen.crease(waist, ctx.trim, 1.0, 0.7)
        if tied:
            _draw_ribbon(ctx, (0.0, waist[2][1]))

    neck.draw_under.append(draw_under)
    neck.draw_over.append(draw_over)
    return neck


def _draw_ribbon(ctx: DrawingContext, at: Point) -> None:
    """Draw a small bow of narrow ribbon."""
    pen, (x, y) = ctx.pen, at
    for side in (1, -1):
        pen.line([(x, y), (x + 1.0 * side, y + 4.5), (x + 1.7 * side, y + 9 + side)], ctx.trim.seam, 0.75, 1.0)
        loop = [(x, y), (x + 1.8 * side, y - 1.4), (x + 3.4 * side, y + 0.2), (x + 1.8 * side, y + 1.0), (x, y)]
        draw_raised_piece(ctx.pen, pen.path(loop), ctx.trim, height=0.4)


HIGH_NECKS: dict[tuple[str, int], Callable[[DrawingContext], Neck]] = {
    ("neck_design", 1): turtle_neck,
    ("neck_design", 2): ruffle_neck,
    ("neck_design", 3): low_turtle_neck,
    ("neck_design", 4): cowl_neck,
}
