"""Collars sewn onto the neck (collar_design)."""

from collections.abc import Callable

from rpf.data.wardrobe.geometry import Point, between, flipped, offset
from rpf.data.wardrobe.kit import Kit, Neck, hole, maker_tag, round_edge


def shirt_collar(kit: Kit) -> Neck:
    """Two pointed leaves turned down over a stand; on jackets and coats larger and softer."""
    rng, w = kit.rng, kit.body.neck
    big = 1.35 if kit.garment in ("coat", "jacket") else 1.0
    opened = rng.random() < 0.35
    low = rng.uniform(9.5, 12.5) if opened else rng.uniform(5.5, 6.8)
    gap = rng.uniform(1.0, 2.2) if opened else 0.25
    point = (
        w * rng.uniform(0.72, 1.05) + (1.5 if opened else 0.0),
        low + (2.5 if opened else 6.0) * big + rng.uniform(-0.5, 1.5),
    )
    neck = Neck(
        hole([(-w, 0.0), (-w * 0.6, low * 0.55), (0.0, low), (w * 0.6, low * 0.55), (w, 0.0)]),
        front="zip" if kit.garment == "jacket" and rng.random() < 0.6 else "buttons",
        bottom=low,
        back=0.4,
    )
    high = -3.4 * big

    def over() -> None:
        pen = kit.pen
        back = [(-w + 0.3, high), (-w * 0.5, high - 1.3), (0.0, high - 1.8), (w * 0.5, high - 1.3), (w - 0.3, high)]
        stand = pen.path(
            back,
            between((w - 0.2, high), (w, 1.0), 0.05),
            [(w, 1.0), (0.0, 2.4), (-w, 1.0)],
            between((-w, 1.0), (-w + 0.2, high), 0.05),
        )
        pen.piece(stand, kit.lining, edge=0.4)
        pen.crease([(-w + 0.5, -0.6), (0.0, 0.9), (w - 0.5, -0.6)], kit.lining, 0.6, 0.35)
        maker_tag(kit, 1.2)
        fold = [(gap, low), (w * 0.48, low * 0.42), (w * 0.84, -0.8), (w - 0.3, high)]
        outer = [(w - 0.3, high), (w + 1.6 * big, -1.4), (w + 2.6 * big, 2.2)]
        edge = between((w + 2.6 * big, 2.2), point, -0.06)
        front = between(point, (gap, low), 0.04)
        for flip in (False, True):
            runs = [flipped(r) if flip else r for r in (fold, outer, edge, front)]
            path = pen.path(*runs)
            pen.piece(path, kit.trim, angle=-28 if flip else 28, shadow=0.7, edge=0.5)
            pen.stitches([*offset(runs[2], -0.7 if flip else 0.7), *offset(runs[3], -0.7 if flip else 0.7)], kit.trim)

    neck.over.append(over)
    return neck


def flat_collar(kit: Kit, large: bool) -> Neck:
    """Peter pan: rounded leaves that lie flat. Puritan (`large`): the same over the shoulders."""
    rng, w = kit.rng, kit.body.neck
    low = rng.uniform(7.0, 8.5)
    size = rng.uniform(13.5, 16) if large else rng.uniform(5.4, 7.0)
    edge = round_edge(w, low)
    reach = min(w + 0.78 * size, kit.body.shoulder + 0.5)
    open_front = kit.garment in ("blouse", "coat") or rng.random() < 0.4
    neck = Neck(hole(edge), front="buttons" if open_front else "closed", bottom=low, back=0.8)
    pointed = large and rng.random() < 0.5
    slope = kit.body.slope * (reach - w) / (kit.body.shoulder - w)

    def over() -> None:
        pen = kit.pen
        back = [(-w - 0.4, -0.6), (-w * 0.5, -1.9), (0.0, -2.3), (w * 0.5, -1.9), (w + 0.4, -0.6)]
        pen.piece(pen.path(back, [(w, 1.2), (0.0, 2.6), (-w, 1.2)]), kit.trim.plain(0.12), edge=0.3)
        maker_tag(kit, 2.9)
        inner = [(0.2, low), *[(p[0], p[1]) for p in edge[len(edge) // 2 + 1 :]][:-1], (w, -0.7)]
        if pointed:
            runs = [
                inner,
                [(w, -0.7), (reach * 0.75 + w * 0.25, slope * 0.5 - 1.0), (reach, slope + 0.5)],
                between((reach, slope + 0.5), (reach * 0.66, low + size * 0.78), -0.1),
                between((reach * 0.66, low + size * 0.78), (0.2, low), 0.06),
            ]
        else:
            x = reach - 0.3
            runs = [
                inner,
                [
                    (w, -0.7),
                    (w * 0.4 + x * 0.6, slope * 0.3 - 0.2),
                    (x, slope + 0.22 * size + 1.0),
                    (x - 0.06 * size, low + 0.34 * size),
                    (w * 0.45 + 0.32 * size, low + 0.78 * size),
                    (w * 0.2 + 0.16 * size, low + 0.84 * size),
                    (0.7 + 0.04 * size, low + 0.50 * size),
                    (0.2, low),
                ],
            ]
        for flip in (False, True):
            mine = [flipped(r) if flip else r for r in runs]
            path = pen.path(*mine)
            pen.piece(path, kit.trim, angle=-20 if flip else 20, shadow=0.8, edge=0.6)
            for run in mine[1:]:
                pen.stitches(offset(run, -0.8 if flip else 0.8), kit.trim, alpha=0.45)

    neck.over.append(over)
    return neck


def rib_collar(kit: Kit) -> Neck:
    """A ribbed band that stands along the neck of an open front: bombers, varsity jackets, some cardigans."""
    rng, w = kit.rng, kit.body.neck
    low, height = rng.uniform(8.0, 10.0), rng.uniform(4.0, 5.2)
    gap = rng.uniform(3.0, 7.0)
    edge = round_edge(w + 0.6, low)
    length = kit.body.length
    middle = [(-gap * 0.35, low), (gap * 0.35, low)]
    below = [(gap * 0.35, low), (gap * 0.75, low + 0.4 * (length - low)), (gap, length + 8)]
    neck = Neck([*hole(edge)], front="open", bottom=low, back=0.6)
    neck.opening = [
        [p for p in edge if p[0] < -gap * 0.4] + [middle[0]],
        flipped(below),
        [(gap, length + 8), *below[:-1][::-1]],
        [middle[1]] + [p for p in edge if p[0] > gap * 0.4],
        [(w + 0.6, -25.0), (-w - 0.6, -25.0)],
    ]

    def over() -> None:
        pen = kit.pen
        back_top = [
            (-w, -height * 0.62),
            (-w * 0.5, -height * 0.9),
            (0.0, -height),
            (w * 0.5, -height * 0.9),
            (w, -height * 0.62),
        ]
        back_low = [(-w, 0.6), (-w * 0.5, 1.8), (0.0, 2.2), (w * 0.5, 1.8), (w, 0.6)]
        pen.band(back_top, back_low, kit.trim.plain(0.25), ribs=0.8)
        maker_tag(kit, 2.8)
        outer = [(w + 0.7, 0.8), *[p for p in edge[::-1] if gap * 0.9 < p[0] < w], (gap * 0.42, low)]
        inner = [(w - 0.3, -height * 0.66), (w * 0.86, 0.2), (w * 0.62, low * 0.45), (gap * 0.5, low - height * 0.95)]
        for one, other in ((outer, inner), (flipped(outer), flipped(inner))):
            pen.band(one, other, kit.trim, ribs=0.8, shadow=0.5, edge=0.5)
            pen.crease(one, kit.cloth, 0.6, 0.35)
        for way in (1, -1):
            side = below if way == 1 else flipped(below)
            if kit.garment == "cardigan":
                pen.band(
                    [*side[:2], (gap * way * 0.98, length)],
                    offset([*side[:2], (gap * way * 0.98, length)], -2.8 * way),
                    kit.trim,
                    ribs=0.9,
                    shadow=0.3,
                )
            else:
                _zip_half(kit, [*side[:2], (gap * way * 0.98, length)], way)

    neck.over.append(over)
    return neck


def _zip_half(kit: Kit, run: list[Point], way: int) -> None:
    """One side of an open zip."""
    metal = (196, 180, 140) if kit.rng.random() < 0.5 else (150, 152, 158)
    kit.pen.line(offset(run, 0.1 * way), metal, 0.5, 0.95, dash=0.35)
    kit.pen.stitches(offset(run, -1.4 * way), kit.cloth)


COLLARS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("collar_design", 1): shirt_collar,
    ("collar_design", 2): lambda kit: flat_collar(kit, False),
    ("collar_design", 3): lambda kit: flat_collar(kit, True),
    ("collar_design", 4): rib_collar,
}
