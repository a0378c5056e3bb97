"""What lies on a front: its seams, pockets and fastening."""

import skia

from wardrobe.drawing.geometry import Point, flipped
from wardrobe.drawing.trims import soft_line
from wardrobe.silhouette.context import Kit


def draw_colour_block(kit: Kit, front: skia.Path) -> None:
    """A broad stripe of the second colour across the chest."""
    body, pen = kit.body, kit.pen
    top, deep = body.armhole - kit.rng.uniform(-2, 4), kit.rng.uniform(7, 14)
    upper = [(-40.0, top), (0.0, top + 0.8), (40.0, top)]
    path = pen.path(upper, [(x, y + deep) for x, y in upper][::-1])
    with pen.clip(front):
        pen.canvas.drawPath(path, skia.Paint(Color=skia.Color(*kit.cloth.accent, 235), AntiAlias=True))


def draw_seams(kit: Kit) -> None:
    """Princess seams, darts or a yoke, as such a garment may have them."""
    garment, rng, body = kit.garment, kit.rng, kit.body
    kinds = {
        "blazer": ("princess", "darts", "darts"),
        "coat": ("princess", "none", "none"),
        "dress": ("princess", "bust", "none", "none"),
        "blouse": ("bust", "yoke", "none"),
        "shirt": ("yoke", "none"),
        "vest": ("darts", "none"),
        "top": ("bust", "none", "none"),
        "jacket": ("princess", "yoke", "none"),
    }.get(garment, ("none",))
    kind = str(rng.choice(kinds))
    if kit.cloth.kind == "denim" and garment == "jacket":
        return
    chest = body.armhole
    for way in (1, -1):
        if kind == "princess":
            start = (body.shoulder * 0.96, body.slope + 0.55 * (chest - body.slope))
            low = body.length + 0.5 if garment != "dress" else body.waist_y
            waist_at = min(body.waist_y, low - 2)
            run: list[Point] = [start, (body.chest * 0.56, chest + 4), (body.width(waist_at) * 0.52, waist_at)]
            if low > waist_at + 6:
                run.append((body.width(low) * 0.58, low))
            _seam(kit, run if way == 1 else flipped(run))
        elif kind == "darts" and body.length > body.waist_y + 6:
            x = body.width(body.waist_y) * 0.52
            _seam(kit, [(x * way, chest + 5), (x * way * 0.97, body.waist_y), (x * way, body.waist_y + 9)])
        elif kind == "bust":
            _seam(kit, [(body.chest * 0.98 * way, chest + 4.5), (body.chest * 0.55 * way, chest + 1.5)])
        elif kind == "yoke" and body.sleeve:
            y = body.slope + 5.5
            run = [(body.neck * 0.6, y + 1.5), (body.shoulder * 0.6, y + 0.8), (body.shoulder, y)]
            _seam(kit, run if way == 1 else flipped(run))


def _seam(kit: Kit, run: list[Point]) -> None:
    """A seam that draws the cloth in a little."""
    soft_line(kit.pen, run, kit.cloth.shade, 1.2, 0.16)
    kit.pen.line(run, kit.cloth.seam, 0.2, 0.55)
    kit.pen.line([(x + 0.3, y) for x, y in run], kit.cloth.highlight[0], 0.2, 0.25)
