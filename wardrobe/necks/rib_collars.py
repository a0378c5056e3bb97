"""Ribbed bands along the neck of an open front, and the two sides of an open zip."""

from wardrobe.drawing.geometry import Point, Run, blend_runs, flipped, offset
from wardrobe.drawing.trims import ribs, soft_line
from wardrobe.fronts.fastenings import zip_half
from wardrobe.necks.back_neck import inside
from wardrobe.necks.openings import round_edge
from wardrobe.silhouette.context import Kit, Neck


def rib_collar(kit: Kit) -> Neck:
    """A ribbed band along the neck of a front that opens: bombers, varsity jackets, some cardigans."""
    rng, w = kit.rng, kit.body.neck
    low, height = float(rng.uniform(7.5, 9.5)), float(rng.uniform(4.0, 5.2))
    if kit.garment == "cardigan":
        height *= 0.8  # a band, not a stand-up collar
    hangs = rng.random() < 0.8  # closed, it is easily taken for a stand-up collar
    gap = float(rng.uniform(2.5, 6.0)) if hangs else 0.5
    if not hangs and rng.random() < 0.5:
        gap = 2.2  # the zip is pulled down a little
    if not hangs and kit.garment == "cardigan":
        gap = float(rng.uniform(3.0, 4.5))  # buttoned up to the band, it would have a stand-up collar
    length = kit.body.length
    edge = [p for p in round_edge(w + 0.6, low) if p[0] > gap * 0.5]
    throat = (gap * 0.45, low)
    if hangs:
        below = [throat, (gap * 0.8, low + 0.4 * (length - low)), (gap, length + 8)]
    else:
        below = [throat, (0.0, low + (3 + 4 * gap if gap > 1 else 0.4))]
    collar, cut = [throat, *edge], below[::-1]
    runs = [flipped(collar)[::-1], flipped(below), cut, collar]
    neck = Neck(
        [*runs, [(w + 0.6, -25.0), (-w - 0.6, -25.0)]],
        front="open" if hangs else ("buttons" if kit.garment == "cardigan" else "zip"),
        bottom=below[-1][1] if not hangs else low,
        back=0.6,
    )
    stripes = _stripes(kit)

    def under() -> None:
        inside(kit, 1.2, low + 4, band=0.0)
        top = [(-w, -height * 0.62), (-w * 0.5, -height * 0.88), (0.0, -height), (w * 0.5, -height * 0.88),
               (w, -height * 0.62)]  # fmt: skip
        seam = [(-w, 0.6), (-w * 0.5, 1.6), (0.0, 1.9), (w * 0.5, 1.6), (w, 0.6)]
        kit.pen.band(top, seam, kit.trim.plain(0.28), shadow=0.3)
        ribs(kit.pen, top, seam, kit.trim.plain(0.28), 0.9)

    def over() -> None:
        outer = [(w + 0.7, 0.8), *edge[:-1][::-1], throat]
        end = throat[0] + 0.3, low - height * 0.9
        inner = [(w - 0.3, -height * 0.66), (w * 0.88, 0.0), (w * 0.62, low * 0.42), end]
        for way in (1, -1):
            one, other = (outer, inner) if way == 1 else (flipped(outer), flipped(inner))
            _ribbed(kit, one, other, stripes)
            side = [p if way == 1 else (-p[0], p[1]) for p in below]
            if hangs:
                _front_edge(kit, [*side[:2], (gap * way * 0.98, length)], way)
            elif gap > 1 and kit.garment == "cardigan":
                _front_edge(kit, side, way)
            elif gap > 1:
                zip_half(kit, [other[-1], side[0], side[-1]], way)

    neck.under.append(under)
    neck.over.append(over)
    return neck


def _stripes(kit: Kit) -> tuple[float, ...]:
    """Where along its depth a knitted band has stripes of the second colour."""
    if kit.garment != "jacket" or kit.rng.random() < 0.55:
        return ()
    return (0.32, 0.62) if kit.rng.random() < 0.6 else (0.5,)


def _ribbed(kit: Kit, one: Run, other: Run, stripes: tuple[float, ...]) -> None:
    pen = kit.pen
    path = pen.band(one, other, kit.trim, shadow=0.8, edge=0.4)
    ribs(kit.pen, one, other, kit.trim, 0.9)
    with pen.clip(path):
        for t in stripes:
            pen.line(blend_runs(one, other, t), kit.trim.accent, 0.55, 0.95)
        colour, alpha = kit.trim.highlight
        soft_line(pen, blend_runs(one, other, 0.88), colour, 0.9, alpha)
    pen.crease(one, kit.cloth, 0.8, 0.5)


def _front_edge(kit: Kit, run: list[Point], way: int) -> None:
    if kit.garment == "cardigan":
        kit.pen.band(run, offset(run, -2.8 * way), kit.trim, ribs=1.0, shadow=0.4)
    else:
        zip_half(kit, run, way)
