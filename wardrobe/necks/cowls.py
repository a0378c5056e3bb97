"""Cowl necks: cloth draped in loops or rolled around the neck."""

from wardrobe.drawing.geometry import Point
from wardrobe.drawing.trims import draw_roll
from wardrobe.necks.back_neck import draw_inside_back
from wardrobe.necks.openings import opening_below
from wardrobe.silhouette.context import DrawingContext, Neck


def cowl_neck(ctx: DrawingContext) -> Neck:
    """Build a cowl draped from the shoulders or, on some sweaters, a wide soft collar in rolls."""
    return _rolled_cowl(ctx) if ctx.garment == "sweater" and ctx.rng.random() < 0.6 else _draped_cowl(ctx)


def _draped_cowl(ctx: DrawingContext) -> Neck:
    rng, w = ctx.rng, ctx.body.neck
    depth = float(rng.uniform(8.5, 12.0))
    lean = float(rng.normal(0, 1.0))
    edge = _loop(ctx, 0.0, depth, lean)
    neck = Neck(opening_below(edge), back_dip=1.2)
    loops = int(rng.integers(3, 5))
    step = float(rng.uniform(4.6, 5.8)) * 3.4 / loops

    def draw_over() -> None:
        reach = min(7.5, ctx.body.shoulder - w - 0.5)
        bows = [edge]
        for k in range(1, loops + 1):
            t = k / loops
            bows.append(_loop(ctx, reach * t, depth + step * k * (0.9 + 0.12 * k), lean * (1 + 0.5 * k)))
        for upper, lower in zip(bows[-2::-1], bows[:0:-1], strict=True):  # lowest first: upper ones overlap it
            grain = float(rng.uniform(-6, 6))
            draw_roll(ctx.pen, upper, lower, ctx.cloth, angle=grain, height=1.5)

    neck.draw_under.append(lambda: draw_inside_back(ctx, 1.2, depth, band=0.0, label=0.5))
    neck.draw_over.append(draw_over)
    return neck


def _loop(ctx: DrawingContext, out: float, fall: float, lean: float) -> list[Point]:
    """Return a loop that hangs from both shoulders, `out` cm beyond the sides of the neck."""
    body = ctx.body
    x, y = body.neck + out, body.shoulder_y * out / (body.shoulder - body.neck)
    return [
        (-x, y),
        (-x * 0.76 + lean * 0.2, y + 0.50 * (fall - y)),
        (-x * 0.38 + lean * 0.5, y + 0.90 * (fall - y)),
        (lean * 0.6, fall),
        (x * 0.40 + lean * 0.5, y + 0.89 * (fall - y)),
        (x * 0.78 + lean * 0.2, y + 0.48 * (fall - y)),
        (x, y),
    ]


def _rolled_cowl(ctx: DrawingContext) -> Neck:
    """Build a wide knitted tube that has sunk into rolls around the neck."""
    rng, w = ctx.rng, ctx.body.neck
    depth = float(rng.uniform(6.5, 9.0))
    lean = float(rng.normal(0, 0.8))
    rise = float(rng.uniform(2.5, 4.0))
    edge = [(-w, -rise), (-w * 0.55, depth * 0.62), (lean, depth), (w * 0.55, depth * 0.62), (w, -rise)]
    neck = Neck(opening_below(_loop(ctx, 0.0, depth, lean)), back_dip=0.8)

    def draw_over() -> None:
        bows = [edge]
        for k in (1, 2):
            out, fall = 2.4 * k, depth + 5.2 * k
            x, y = w + out, -rise + 2.4 * k
            bows.append([(-x, y), (-x * 0.86, y + 0.5 * (fall - y)), (-x * 0.42, fall - 0.9), (lean * (1 - k), fall),
                         (x * 0.42, fall - 0.8), (x * 0.86, y + 0.48 * (fall - y)), (x, y)])  # fmt: skip
        for upper, lower in zip(bows[-2::-1], bows[:0:-1], strict=True):
            draw_roll(ctx.pen, upper, lower, ctx.trim, angle=8.0, height=1.6)

    def draw_under() -> None:
        draw_inside_back(ctx, 0.8, depth, band=0.0)
        back = [(-w, -rise), (-w * 0.5, -rise - 1.3), (0.0, -rise - 1.6), (w * 0.5, -rise - 1.3), (w, -rise)]
        draw_roll(ctx.pen, back, [(-w, 1.0), (0.0, 2.2), (w, 1.0)], ctx.trim.plain(0.3), height=0.6)

    neck.draw_under.append(draw_under)
    neck.draw_over.append(draw_over)
    return neck
