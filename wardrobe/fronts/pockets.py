"""Pockets of upper garments: patch, welt, flap, slanted, cargo and kangaroo pockets."""

from wardrobe.drawing.geometry import Point, arc_between, mirrored, offset
from wardrobe.drawing.trims import draw_raised_piece
from wardrobe.silhouette.context import DrawingContext, button_colour, grain_angle, metal_colour


def draw_pockets(ctx: DrawingContext, front: str) -> None:
    """Draw the pockets that suit the garment, if any; `closure` is that of `Neck`."""
    zipped = front == "zip"
    garment, rng, body = ctx.garment, ctx.rng, ctx.body
    chest = body.armpit_y - 4.0
    if garment == "shirt" and rng.random() < 0.6:
        both, flap = rng.random() < 0.3, rng.random() < 0.4
        for side in (1, -1) if both else (1,):
            _draw_patch_pocket(ctx, (8.5 * side, chest), 10.0, 11.0, flap)
    elif garment == "T-shirt" and rng.random() < 0.2 and ctx.cloth.pattern == "plain" and not ctx.printed:
        _draw_patch_pocket(ctx, (8.5, chest), 9.0, 10.0)
    elif garment == "jacket" and ctx.cloth.pattern == "denim":
        _draw_denim_jacket_front(ctx)
    elif garment == "hoodie" and "coat_length" not in ctx.plan.values:
        return  # gets a kangaroo pocket instead
    elif garment == "hoodie" or (garment == "jacket" and (zipped or ctx.cloth.material == "leather")):
        _draw_slanted_pockets(ctx, ctx.cloth.material == "leather" or rng.random() < 0.5)
        if garment == "jacket" and rng.random() < 0.25:
            _draw_welt_pocket(ctx, [(5.0, chest + 3), (13.0, chest + 1.5)], 0.9)
    elif garment == "blazer":
        _draw_hip_pockets(ctx, ("flap", "flap", "flap", "welt", "patch"))
        if rng.random() < 0.6:
            y = body.armpit_y - 1.5
            _draw_welt_pocket(ctx, [(7.0, y + 0.8), (15.0, y - 0.2)], 1.7)
    elif garment in ("coat", "jacket"):
        _draw_hip_pockets(ctx, ("flap", "flap", "slant", "slant", "patch", "cargo", "none"))
    elif garment == "vest" and body.length > 44 and front != "closed":
        _draw_vest_pockets(ctx, zipped)
    elif garment == "cardigan" and body.length > 58 and rng.random() < 0.65:
        for side in (1, -1):
            _draw_patch_pocket(ctx, (13.0 * side, min(body.length - 21, body.waist_y + 7)), 11.5, 13.0)


def _draw_patch_pocket(ctx: DrawingContext, at: Point, width: float, height: float, flap: bool = False) -> None:
    """Draw a patch pocket whose top centre is at `at`."""
    pen, (x, y), w = ctx.pen, at, width / 2
    side_bottom = y + height * (0.82 if width < 12 else 0.96)
    foot = w * 0.97
    sides = [
        [(x - w, y), (x + w, y)],
        [(x + w, y), (x + foot, side_bottom)],
        [(x + foot, side_bottom), (x, y + height), (x - foot, side_bottom)],
        [(x - foot, side_bottom), (x - w, y)],
    ]
    pen.piece(pen.path(*sides), ctx.cloth, shadow=0.4, edge=0.35)
    pen.crease([(x - w, y), (x + w, y)], ctx.cloth, 0.9, 0.5)
    pen.line([(x - w, y + 1.6), (x + w, y + 1.6)], ctx.cloth.seam, 0.2, 0.5)
    for curve in sides[1:]:
        pen.stitches(offset(curve, 0.6), ctx.cloth)
    if flap:
        cover = [
            [(x - w - 0.3, y - 0.8), (x + w + 0.3, y - 0.8)],
            [(x + w + 0.3, y + 2.6), (x, y + 4.4), (x - w - 0.3, y + 2.6)],
        ]
        draw_raised_piece(ctx.pen, pen.path(*cover), ctx.cloth, height=0.5)
        pen.button((x, y + 2.9), button_colour(ctx), 0.55)


def _draw_welt_pocket(ctx: DrawingContext, curve: list[Point], depth: float) -> None:
    """Draw a welt: a narrow strip over a slit."""
    draw_raised_piece(
        ctx.pen,
        ctx.pen.path(curve, [(x, y + depth) for x, y in curve][::-1]),
        ctx.cloth,
        angle=grain_angle(ctx) / 2,
        height=0.35,
    )


def _draw_hip_pockets(ctx: DrawingContext, kinds: tuple[str, ...]) -> None:
    """Draw two hip pockets: with flaps, slanted welts, or patch pockets."""
    body, rng = ctx.body, ctx.rng
    kind = str(rng.choice(kinds))
    y = float(min(body.waist_y + rng.uniform(5, 9), body.length - 13))
    if y < body.armpit_y + 6 or kind == "none":
        return
    inner, outer = 8.0, min(body.width(y) - 3.5, 20.5)
    for side in (1, -1):
        if kind == "slant":
            start, end = (inner + 1.5, y - 1.0), (outer - 2.0, y + 7.5)
            _draw_welt_pocket(ctx, [start, end] if side == 1 else mirrored([start, end]), 2.8)
        elif kind in ("patch", "cargo"):
            width = outer - inner + (1.0 if kind == "cargo" else 0.0)
            _draw_patch_pocket(
                ctx, ((inner + outer) / 2 * side, y), width, min(14.0, body.length - y - 3), kind == "cargo"
            )
        else:
            curve = [(inner, y), (outer, y + float(rng.uniform(0, 1.2)))]
            curve = curve if side == 1 else mirrored(curve)
            path = ctx.pen.path(curve, [(x, b + 5.0) for x, b in curve][::-1])
            draw_raised_piece(ctx.pen, path, ctx.cloth, angle=4.0 * side, height=0.6)


def _draw_slanted_pockets(ctx: DrawingContext, zipped: bool) -> None:
    """Draw slanted side pockets: zipped, or welts with a dark opening."""
    pen, body = ctx.pen, ctx.body
    bottom = min(body.length - body.hem_band - 5.0, body.hip_y - 1.0)
    top = bottom - 15.0
    if top < body.armpit_y + 3:
        return
    for side in (1, -1):
        start, end = (9.0 * side, top), ((body.width(bottom) - 3.5) * side, bottom)
        curve = arc_between(start, end, -0.04 * side)
        if zipped:
            pen.crease(curve, ctx.cloth, 1.4, 0.5)
            pen.line(curve, metal_colour(ctx), 0.5, 0.95, dash=0.35)
            pen.line([start, (start[0] + 0.4 * side, start[1] + 2.4)], metal_colour(ctx), 0.8, 1.0)
        else:
            pen.crease(curve, ctx.cloth, 1.8, 0.6)
            pen.stitches(offset(curve, -1.3 * side), ctx.cloth)
            pen.stitches(offset(curve, -2.2 * side), ctx.cloth, alpha=0.35)


def _draw_vest_pockets(ctx: DrawingContext, zipped: bool) -> None:
    """Draw a waistcoat's small welts, or a gilet's slanted pockets."""
    body = ctx.body
    if zipped:
        _draw_slanted_pockets(ctx, True)
        return
    y = min(body.waist_y + 3.0, body.length - 9.0)
    for side in (1, -1):
        curve = [(5.5, y), (min(15.0, body.width(y) - 4), y + 1.2)]
        _draw_welt_pocket(ctx, curve if side == 1 else mirrored(curve), 1.8)
    if ctx.rng.random() < 0.4:
        _draw_welt_pocket(ctx, [(6.0, body.armpit_y + 1.8), (13.0, body.armpit_y + 1.0)], 1.6)


def _draw_denim_jacket_front(ctx: DrawingContext) -> None:
    """Draw a denim jacket's yoke, flap pockets and the seams from them down to the waistband."""
    pen, body, thread = ctx.pen, ctx.body, (206, 150, 84)
    y = body.armpit_y - 5.5
    low = body.length - 4.5
    for side in (1, -1):
        yoke = [(1.8 * side, y + 1.2), (body.shoulder * 0.6 * side, y), ((body.shoulder + 1.0) * side, y - 2.0)]
        pen.crease(yoke, ctx.cloth, 0.8, 0.4)
        pen.stitches([(a, b + 0.7) for a, b in yoke], ctx.cloth, thread)
        for x0, x1 in ((6.3, 3.8), (14.6, 11.0)):
            seam = [(x0 * side, y + 9.0), (x1 * side, low)]
            pen.crease(seam, ctx.cloth, 0.7, 0.35)
            pen.stitches(offset(seam, 0.6), ctx.cloth, thread)
        _draw_patch_pocket(ctx, (10.5 * side, y + 1.0), 9.6, 10.0, flap=True)
    band = [(-body.width(low), low), (0.0, low + 0.6), (body.width(low), low)]
    pen.crease(band, ctx.cloth, 0.8, 0.4)
    pen.stitches([(a, b + 0.8) for a, b in band], ctx.cloth, thread)


def draw_kangaroo_pocket(ctx: DrawingContext) -> None:
    """Draw a hoodie's kangaroo pocket with its slanted openings."""
    pen, body = ctx.pen, ctx.body
    low = body.length - body.hem_band - 0.3
    half_bottom, half_top, depth = 0.60 * body.hem, 0.34 * body.hem, min(17.0, low - body.armpit_y - 8)
    top = low - depth
    mouth = arc_between((half_bottom, low - 0.38 * depth), (half_top, top), -0.10)
    curves = [
        [(-half_top, top), (half_top, top)],
        mouth[::-1],
        [(half_bottom, low - 0.38 * depth), (half_bottom, low)],
        [(half_bottom, low), (-half_bottom, low)],
        [(-half_bottom, low), (-half_bottom, low - 0.38 * depth)],
        mirrored(mouth),
    ]
    pen.piece(pen.path(*curves), ctx.cloth, shadow=0.4, edge=0.4)
    for curve in (mouth, mirrored(mouth)):
        pen.crease(curve, ctx.cloth, 1.4, 0.45)
    for side in (1, -1):
        pen.stitches([(x - 0.9 * side, y) for x, y in (mouth if side == 1 else mirrored(mouth))], ctx.cloth)
    pen.stitches([(-half_top, top + 0.8), (half_top, top + 0.8)], ctx.cloth)
