"""Back neck: the inside seen through the opening, with its label."""

from wardrobe.drawing.geometry import Point
from wardrobe.fabric.colours import luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.silhouette.context import DrawingContext

JERSEY_GARMENTS = ("T-shirt", "sweater", "hoodie", "cardigan")


def back_neckline(width: float, dip: float) -> list[Point]:
    """Return the upper edge of the back, from left to right."""
    return [(-width, 0.0), (-width * 0.55, dip * 0.85), (0.0, dip), (width * 0.55, dip * 0.85), (width, 0.0)]


def draw_inside_back(ctx: DrawingContext, dip: float, bottom: float, band: float = 1.5, label: float = 0.75) -> None:
    """Draw the inside of the back, seen through the opening, with its neck tape and label.

    It darkens towards `bottom`; the tape is `band` cm deep; `label` is the chance of a woven label.
    """
    pen, rng, w = ctx.pen, ctx.rng, ctx.body.neck
    lining = ctx.lining
    area = pen.path([(-w - 6, -1.0), (w + 6, -1.0)], [(w + 6, bottom + 4), (-w - 6, bottom + 4)])
    pen.tint(area, (0, dip), (0, max(bottom, dip + 4)), [((255, 255, 255), 0.10), ((8, 6, 14), 0.36)])
    edge = back_neckline(w, dip)
    if band > 0:
        tape = ctx.trim.plain(0.2) if ctx.garment in JERSEY_GARMENTS else _lighter_lining(lining, 0.14)
        pen.band(edge, [(x * 0.97, y + band) for x, y in edge], tape, ribs=0.8 if ctx.garment == "sweater" else 0.0,
                 shadow=0.25, edge=0.3)  # fmt: skip
    kind = rng.random()
    x, y = float(rng.normal(0, 0.3)), dip + band * 0.85
    if rng.random() < 0.35 and ctx.garment not in ("top", "dress"):
        loop = [(x - 1.7, dip + 0.3), (x - 1.2, dip + 1.7), (x + 1.2, dip + 1.7), (x + 1.7, dip + 0.3)]
        pen.line(loop, _lighter_lining(lining, 0.3).colour, 0.45, 0.95)
    if kind < label:
        _draw_label(ctx, (x, y))
    elif kind < label + 0.15:
        _draw_size_print(ctx, (x, y + 1.0))


def _lighter_lining(lining: Cloth, lighter: float) -> Cloth:
    return Cloth(mix(lining.colour, (255, 255, 255), lighter), lining.accent)


def _draw_label(ctx: DrawingContext, at: Point) -> None:
    """Draw a woven label whose text is a line."""
    pen, rng, (x, y) = ctx.pen, ctx.rng, at
    grounds = ((240, 238, 232), (30, 30, 34), (236, 226, 206), (120, 40, 44))
    ground = grounds[int(rng.choice(4, p=(0.5, 0.28, 0.15, 0.07)))]
    half, height = rng.uniform(1.5, 2.6), rng.uniform(1.5, 2.5)
    tag = Cloth(ground, ground)
    pen.piece(pen.path([(x - half, y), (x + half, y)], [(x + half, y + height), (x - half, y + height)]), tag,
              edge=0.05, shadow=0.25)  # fmt: skip
    ink = (40, 38, 44) if luminance(ground) > 0.5 else (225, 220, 205)
    pen.line([(x - half * 0.6, y + height * 0.45), (x + half * 0.6, y + height * 0.45)], ink, 0.32, 0.8, dash=0.5)
    if rng.random() < 0.4:  # a separate size tab
        y += height
        tab = pen.path([(x - 0.5, y), (x + 0.5, y)], [(x + 0.5, y + 0.9), (x - 0.5, y + 0.9)])
        pen.piece(tab, tag, edge=0.05, shadow=0.2)


def _draw_size_print(ctx: DrawingContext, at: Point) -> None:
    """Draw maker, size and care symbols printed on the cloth."""
    ink = (240, 240, 240) if luminance(ctx.lining.colour) < 0.45 else (40, 40, 46)
    x, y = at
    for k, half in enumerate((1.5, 0.7, 1.2)):
        ctx.pen.line([(x - half, y + 0.75 * k), (x + half, y + 0.75 * k)], ink, 0.28, 0.55, dash=0.35)
