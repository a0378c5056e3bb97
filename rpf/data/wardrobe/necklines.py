"""Necks that are cut into the cloth (neckline_design)."""

from collections.abc import Callable
from itertools import pairwise

from rpf.data.wardrobe.geometry import Point, between, flipped, offset
from rpf.data.wardrobe.kit import Kit, Neck, hole, round_edge, symmetric


def _corners(*points: Point, bulge: float = 0.0) -> list[list[Point]]:
    return [between(a, b, bulge) for a, b in pairwise(points)]


def round_neck(kit: Kit) -> Neck:
    width = kit.body.neck
    depth = kit.rng.uniform(7.5, 9.5) if width < 9.6 else kit.rng.uniform(12, 16)
    edge = round_edge(width, depth)
    neck = Neck(hole(edge))
    neck.over.append(lambda: _finish(kit, [edge]))
    return neck


def v_neck(kit: Kit, deep: bool) -> Neck:
    depth = kit.rng.uniform(27, 31.5) if deep else kit.rng.uniform(14, 19)
    bulge = 0.03 if deep else kit.rng.uniform(0.0, 0.07)
    left = between((-kit.body.neck, 0.0), (0.0, depth), -bulge)
    right = between((0.0, depth), (kit.body.neck, 0.0), -bulge)
    neck = Neck([left, right, [(kit.body.neck, -25.0), (-kit.body.neck, -25.0)]])
    neck.over.append(lambda: _finish(kit, [left, right]))
    return neck


def henley(kit: Kit) -> Neck:
    """A round neck whose short placket is open as a V."""
    width, depth = kit.body.neck, kit.rng.uniform(17, 20)
    right = [(width, 0.0), (width * 0.86, 4.5), (width * 0.52, 7.5)]
    slit = between((width * 0.52, 7.5), (0.0, depth), 0.05)
    left, left_slit = flipped(right), flipped(slit)
    neck = Neck([left, left_slit, slit[::-1], right[::-1], [(width, -25.0), (-width, -25.0)]])

    def over() -> None:
        kit.pen.band(left, offset(left, 1.6), kit.trim, ribs=0.0, shadow=0.3)
        kit.pen.band(right, offset(right, -1.6), kit.trim, ribs=0.0, shadow=0.3)
        for run, way in ((left_slit, 1), (slit, -1)):
            kit.pen.band(run, offset(run, 2.2 * way), kit.cloth.plain(0.02), shadow=0.3)
            kit.pen.stitches(offset(run, 1.8 * way), kit.cloth)
        for t in (0.2, 0.5, 0.8):
            x, y = slit[0][0] * (1 - t) + 1.1, slit[0][1] + (depth - slit[0][1]) * t
            kit.pen.button((x, y), kit.trim.accent, 0.55)

    neck.over.append(over)
    return neck


def boat_neck(kit: Kit) -> Neck:
    width, depth = kit.body.neck, kit.rng.uniform(3.2, 4.4)
    edge = [(-width, 0.0), (-width * 0.6, depth * 0.75), (0.0, depth), (width * 0.6, depth * 0.75), (width, 0.0)]
    neck = Neck(hole(edge), back=1.0)
    neck.over.append(lambda: _finish(kit, [edge], narrow=True))
    return neck


def square_neck(kit: Kit) -> Neck:
    width, depth = kit.body.neck, kit.rng.uniform(12, 15.5)
    low = width - kit.rng.uniform(0, 1.2)
    sides = _corners((-width, 0.0), (-low, depth), (low, depth), (width, 0.0))
    neck = Neck([*sides, [(width, -25.0), (-width, -25.0)]], back=2.6)
    neck.over.append(lambda: _finish(kit, sides, narrow=True))
    return neck


def sweetheart_neck(kit: Kit) -> Neck:
    """With shoulders: wide sides, and a heart's two bows below."""
    width, top = kit.body.neck, kit.rng.uniform(12.5, 14.5)
    right = heart_edge(width - 0.8, top, kit.rng.uniform(4.0, 5.5))
    bows = symmetric(right)
    middle = len(right)
    left_side, right_side = [(-width, 0.0), bows[0]], [bows[-1], (width, 0.0)]
    runs = [left_side, bows[:middle], bows[middle - 1 :], right_side]
    neck = Neck([*runs, [(width, -25.0), (-width, -25.0)]], back=3.0)
    neck.over.append(lambda: _finish(kit, runs, narrow=True))
    return neck


def heart_edge(width: float, top: float, dip: float) -> list[Point]:
    """The right bow of a heart, from its outer end to the middle."""
    return [
        (width, top + 1.0),
        (width * 0.82, top - 1.2),
        (width * 0.52, top - 1.8),
        (width * 0.22, top + 0.4 * dip - 1.0),
        (0.0, top + dip),
    ]


def _finish(kit: Kit, runs: list[list[Point]], narrow: bool = False) -> None:
    """The edge of a neckline: a knitted band, a turned hem with stitches, or a piping."""
    kinds = (
        ("rib", "hem", "rib") if kit.garment in ("T-shirt", "sweater") and not narrow else ("hem", "piping", "facing")
    )
    kind = str(kit.rng.choice(kinds))
    for run in runs:
        if kind == "rib":
            wide = 2.6 if kit.garment == "sweater" else 1.9
            kit.pen.band(run, offset(run, wide), kit.trim, ribs=0.7, shadow=0.3)
        elif kind == "piping":
            kit.pen.band(run, offset(run, 0.8), kit.trim, shadow=0.2)
        else:
            kit.pen.crease(run, kit.cloth, 0.7, 0.25)
            if kind == "hem":
                kit.pen.stitches(offset(run, 1.5), kit.cloth)


NECKLINES: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("neckline_design", 2): lambda kit: v_neck(kit, True),
    ("neckline_design", 3): boat_neck,
    ("neckline_design", 4): lambda kit: (
        henley(kit) if kit.garment == "T-shirt" and kit.rng.random() < 0.3 else v_neck(kit, False)
    ),
    ("neckline_design", 5): square_neck,
    ("neckline_design", 7): round_neck,
    ("neckline_design", 8): sweetheart_neck,
}
