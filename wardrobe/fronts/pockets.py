"""Pockets, and the seams of a front that lie around them."""

from wardrobe.drawing.geometry import Point, arc_between, mirrored, offset
from wardrobe.drawing.trims import draw_raised_piece
from wardrobe.silhouette.context import DrawingContext, button_colour, grain_angle, metal_colour


def draw_pockets(ctx: DrawingContext, front: str) -> None:
    """The pockets that such a garment has, if it has any. `front`: how it closes (see Neck)."""
    zipped = front == "zip"
    garment, rng, body = ctx.garment, ctx.rng, ctx.body
    chest = body.armhole - 4.0
    if garment == "shirt" and rng.random() < 0.6:
        both, flap = rng.random() < 0.3, rng.random() < 0.4
        for way in (1, -1) if both else (1,):
            _draw_patch_pocket(ctx, (8.5 * way, chest), 10.0, 11.0, flap)
    elif garment == "T-shirt" and rng.random() < 0.2 and ctx.cloth.kind == "plain" and not ctx.printed:
        _draw_patch_pocket(ctx, (8.5, chest), 9.0, 10.0)
    elif garment == "jacket" and ctx.cloth.kind == "denim":
        _draw_denim_jacket_front(ctx)
    elif garment == "hoodie" and "coat_length" not in ctx.plan.values:
        return  # its pocket lies over the belly
    elif garment == "hoodie" or (garment == "jacket" and (zipped or ctx.cloth.fabric == "leather")):
        _draw_slanted_pockets(ctx, ctx.cloth.fabric == "leather" or rng.random() < 0.5)
        if garment == "jacket" and rng.random() < 0.25:
            _draw_welt_pocket(ctx, [(5.0, chest + 3), (13.0, chest + 1.5)], 0.9)
    elif garment == "blazer":
        _draw_hip_pockets(ctx, ("flap", "flap", "flap", "welt", "patch"))
        if rng.random() < 0.6:
            y = body.armhole - 1.5
            _draw_welt_pocket(ctx, [(7.0, y + 0.8), (15.0, y - 0.2)], 1.7)
    elif garment in ("coat", "jacket"):
        _draw_hip_pockets(ctx, ("flap", "flap", "slant", "slant", "patch", "cargo", "none"))
    elif garment == "vest" and body.length > 44 and front != "closed":
        _draw_vest_pockets(ctx, zipped)
    elif garment == "cardigan" and body.length > 58 and rng.random() < 0.65:
        for way in (1, -1):
            _draw_patch_pocket(ctx, (13.0 * way, min(body.length - 21, body.waist_y + 7)), 11.5, 13.0)


def _draw_patch_pocket(ctx: DrawingContext, at: Point, width: float, height: float, flap: bool = False) -> None:
    """A sewn-on pocket whose top middle is at `at`."""
    pen, (x, y), w = ctx.pen, at, width / 2
    side = y + height * (0.82 if width < 12 else 0.96)
    foot = w * 0.97
    sides = [[(x - w, y), (x + w, y)], [(x + w, y), (x + foot, side)],
             [(x + foot, side), (x, y + height), (x - foot, side)], [(x - foot, side), (x - w, y)]]  # fmt: skip
    pen.piece(pen.path(*sides), ctx.cloth, shadow=0.4, edge=0.35)
    pen.crease([(x - w, y), (x + w, y)], ctx.cloth, 0.9, 0.5)
    pen.line([(x - w, y + 1.6), (x + w, y + 1.6)], ctx.cloth.seam, 0.2, 0.5)
    for run in sides[1:]:
        pen.stitches(offset(run, 0.6), ctx.cloth)
    if flap:
        cover = [
            [(x - w - 0.3, y - 0.8), (x + w + 0.3, y - 0.8)],
            [(x + w + 0.3, y + 2.6), (x, y + 4.4), (x - w - 0.3, y + 2.6)],
        ]
        draw_raised_piece(ctx.pen, pen.path(*cover), ctx.cloth, height=0.5)
        pen.button((x, y + 2.9), button_colour(ctx), 0.55)


def _draw_welt_pocket(ctx: DrawingContext, run: list[Point], deep: float) -> None:
    """A narrow strip over a slit."""
    draw_raised_piece(
        ctx.pen,
        ctx.pen.path(run, [(x, y + deep) for x, y in run][::-1]),
        ctx.cloth,
        angle=grain_angle(ctx) / 2,
        height=0.35,
    )


def _draw_hip_pockets(ctx: DrawingContext, kinds: tuple[str, ...]) -> None:
    """Two pockets on the hips: under flaps, slanting welts, or sewn on."""
    body, rng = ctx.body, ctx.rng
    kind = str(rng.choice(kinds))
    y = float(min(body.waist_y + rng.uniform(5, 9), body.length - 13))
    if y < body.armhole + 6 or kind == "none":
        return
    inner, outer = 8.0, min(body.width(y) - 3.5, 20.5)
    for way in (1, -1):
        if kind == "slant":
            start, end = (inner + 1.5, y - 1.0), (outer - 2.0, y + 7.5)
            _draw_welt_pocket(ctx, [start, end] if way == 1 else mirrored([start, end]), 2.8)
        elif kind in ("patch", "cargo"):
            width = outer - inner + (1.0 if kind == "cargo" else 0.0)
            _draw_patch_pocket(
                ctx, ((inner + outer) / 2 * way, y), width, min(14.0, body.length - y - 3), kind == "cargo"
            )
        else:
            run = [(inner, y), (outer, y + float(rng.uniform(0, 1.2)))]
            run = run if way == 1 else mirrored(run)
            path = ctx.pen.path(run, [(x, b + 5.0) for x, b in run][::-1])
            draw_raised_piece(ctx.pen, path, ctx.cloth, angle=4.0 * way, height=0.6)


def _draw_slanted_pockets(ctx: DrawingContext, zipped: bool) -> None:
    """Slanting side pockets: a zip, or a welt with a dark mouth."""
    pen, body = ctx.pen, ctx.body
    bottom = min(body.length - body.band - 5.0, body.hip_y - 1.0)
    top = bottom - 15.0
    if top < body.armhole + 3:
        return
    for way in (1, -1):
        start, end = (9.0 * way, top), ((body.width(bottom) - 3.5) * way, bottom)
        run = arc_between(start, end, -0.04 * way)
        if zipped:
            pen.crease(run, ctx.cloth, 1.4, 0.5)
            pen.line(run, metal_colour(ctx), 0.5, 0.95, dash=0.35)
            pen.line([start, (start[0] + 0.4 * way, start[1] + 2.4)], metal_colour(ctx), 0.8, 1.0)
        else:
            pen.crease(run, ctx.cloth, 1.8, 0.6)
            pen.stitches(offset(run, -1.3 * way), ctx.cloth)
            pen.stitches(offset(run, -2.2 * way), ctx.cloth, alpha=0.35)


def _draw_vest_pockets(ctx: DrawingContext, zipped: bool) -> None:
    """A waistcoat's small welts, or a gilet's slanting pockets."""
    body = ctx.body
    if zipped:
        _draw_slanted_pockets(ctx, True)
        return
    y = min(body.waist_y + 3.0, body.length - 9.0)
    for way in (1, -1):
        run = [(5.5, y), (min(15.0, body.width(y) - 4), y + 1.2)]
        _draw_welt_pocket(ctx, run if way == 1 else mirrored(run), 1.8)
    if ctx.rng.random() < 0.4:
        _draw_welt_pocket(ctx, [(6.0, body.armhole + 1.8), (13.0, body.armhole + 1.0)], 1.6)


def _draw_denim_jacket_front(ctx: DrawingContext) -> None:
    """A denim jacket: the yoke, flapped pockets below it, and the seams that run down to the band."""
    pen, body, thread = ctx.pen, ctx.body, (206, 150, 84)
    y = body.armhole - 5.5
    low = body.length - 4.5
    for way in (1, -1):
        yoke = [(1.8 * way, y + 1.2), (body.shoulder * 0.6 * way, y), ((body.shoulder + 1.0) * way, y - 2.0)]
        pen.crease(yoke, ctx.cloth, 0.8, 0.4)
        pen.stitches([(a, b + 0.7) for a, b in yoke], ctx.cloth, thread)
        for x0, x1 in ((6.3, 3.8), (14.6, 11.0)):
            seam = [(x0 * way, y + 9.0), (x1 * way, low)]
            pen.crease(seam, ctx.cloth, 0.7, 0.35)
            pen.stitches(offset(seam, 0.6), ctx.cloth, thread)
        _draw_patch_pocket(ctx, (10.5 * way, y + 1.0), 9.6, 10.0, flap=True)
    band = [(-body.width(low), low), (0.0, low + 0.6), (body.width(low), low)]
    pen.crease(band, ctx.cloth, 0.8, 0.4)
    pen.stitches([(a, b + 0.8) for a, b in band], ctx.cloth, thread)


def draw_kangaroo_pocket(ctx: DrawingContext) -> None:
    """The broad pocket over the belly of a hoodie, with slanting openings."""
    pen, body = ctx.pen, ctx.body
    low = body.length - body.band - 0.3
    wide, high, deep = 0.60 * body.hem, 0.34 * body.hem, min(17.0, low - body.armhole - 8)
    top = low - deep
    mouth = arc_between((wide, low - 0.38 * deep), (high, top), -0.10)
    runs = [[(-high, top), (high, top)], mouth[::-1], [(wide, low - 0.38 * deep), (wide, low)],
            [(wide, low), (-wide, low)], [(-wide, low), (-wide, low - 0.38 * deep)], mirrored(mouth)]  # fmt: skip
    pen.piece(pen.path(*runs), ctx.cloth, shadow=0.4, edge=0.4)
    for run in (mouth, mirrored(mouth)):
        pen.crease(run, ctx.cloth, 1.4, 0.45)
    for side in (1, -1):
        pen.stitches([(x - 0.9 * side, y) for x, y in (mouth if side == 1 else mirrored(mouth))], ctx.cloth)
    pen.stitches([(-high, top + 0.8), (high, top + 0.8)], ctx.cloth)
