"""Collars sewn onto the neck (collar_design) and fronts that turn over or stay open (lapel_design)."""

from collections.abc import Callable

from rpf.data.wardrobe.geometry import Point, between, flipped, offset
from rpf.data.wardrobe.kit import Kit, Neck, hole, round_edge

# collar_design


def shirt_collar(kit: Kit) -> Neck:
    """Two pointed leaves turned down over a stand; on jackets and coats larger and softer."""
    rng, w = kit.rng, kit.body.neck
    big = 1.35 if kit.garment in ("coat", "jacket") else 1.0
    opened = rng.random() < 0.35
    low = rng.uniform(9.5, 12.5) if opened else rng.uniform(5.5, 6.8)
    gap = rng.uniform(1.0, 2.2) if opened else 0.25
    point = (w * rng.uniform(0.72, 1.05) + (1.5 if opened else 0.0), low + (2.5 if opened else 6.0) * big + rng.uniform(-0.5, 1.5))
    neck = Neck(hole([(-w, 0.0), (-w * 0.6, low * 0.55), (0.0, low), (w * 0.6, low * 0.55), (w, 0.0)]),
                front="zip" if kit.garment == "jacket" and rng.random() < 0.6 else "buttons", bottom=low, back=0.4)  # fmt: skip
    high = -3.4 * big

    def over() -> None:
        pen = kit.pen
        back = [(-w + 0.3, high), (-w * 0.5, high - 1.3), (0.0, high - 1.8), (w * 0.5, high - 1.3), (w - 0.3, high)]
        stand = pen.path(back, between((w - 0.2, high), (w, 1.0), 0.05), [(w, 1.0), (0.0, 2.4), (-w, 1.0)],
                         between((-w, 1.0), (-w + 0.2, high), 0.05))  # fmt: skip
        pen.piece(stand, kit.lining, edge=0.4)
        pen.crease([(-w + 0.5, -0.6), (0.0, 0.9), (w - 0.5, -0.6)], kit.lining, 0.6, 0.35)
        _tag(kit, 1.2)
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


def _tag(kit: Kit, y: float) -> None:
    """The maker's small label inside the back of the neck."""
    if kit.rng.random() < 0.6:
        path = kit.pen.path([(-1.6, y), (1.6, y)], [(1.6, y + 1.7), (-1.6, y + 1.7)])
        kit.pen.piece(path, kit.trim.plain(), edge=0.1, shadow=0.2)


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
        _tag(kit, 2.9)
        inner = [(0.2, low), *[(p[0], p[1]) for p in edge[len(edge) // 2 + 1 :]][:-1], (w, -0.7)]
        if pointed:
            runs = [inner, [(w, -0.7), (reach * 0.75 + w * 0.25, slope * 0.5 - 1.0), (reach, slope + 0.5)],
                    between((reach, slope + 0.5), (reach * 0.66, low + size * 0.78), -0.1),
                    between((reach * 0.66, low + size * 0.78), (0.2, low), 0.06)]  # fmt: skip
        else:
            x = reach - 0.3
            runs = [inner, [(w, -0.7), (w * 0.4 + x * 0.6, slope * 0.3 - 0.2), (x, slope + 0.22 * size + 1.0),
                            (x - 0.06 * size, low + 0.34 * size), (w * 0.45 + 0.32 * size, low + 0.78 * size),
                            (w * 0.2 + 0.16 * size, low + 0.84 * size), (0.7 + 0.04 * size, low + 0.50 * size),
                            (0.2, low)]]  # fmt: skip
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
    neck.opening = [[p for p in edge if p[0] < -gap * 0.4] + [middle[0]], flipped(below), [(gap, length + 8), *below[:-1][::-1]],
                    [middle[1]] + [p for p in edge if p[0] > gap * 0.4], [(w + 0.6, -25.0), (-w - 0.6, -25.0)]]  # fmt: skip

    def over() -> None:
        pen = kit.pen
        back_top = [(-w, -height * 0.62), (-w * 0.5, -height * 0.9), (0.0, -height), (w * 0.5, -height * 0.9), (w, -height * 0.62)]
        back_low = [(-w, 0.6), (-w * 0.5, 1.8), (0.0, 2.2), (w * 0.5, 1.8), (w, 0.6)]
        pen.band(back_top, back_low, kit.trim.plain(0.25), ribs=0.8)
        _tag(kit, 2.8)
        outer = [(w + 0.7, 0.8), *[p for p in edge[::-1] if gap * 0.9 < p[0] < w], (gap * 0.42, low)]
        inner = [(w - 0.3, -height * 0.66), (w * 0.86, 0.2), (w * 0.62, low * 0.45), (gap * 0.5, low - height * 0.95)]
        for one, other in ((outer, inner), (flipped(outer), flipped(inner))):
            pen.band(one, other, kit.trim, ribs=0.8, shadow=0.5, edge=0.5)
            pen.crease(one, kit.cloth, 0.6, 0.35)
        for way in (1, -1):
            side = below if way == 1 else flipped(below)
            if kit.garment == "cardigan":
                pen.band(side[:2] + [(gap * way * 0.98, length)], offset([*side[:2], (gap * way * 0.98, length)], -2.8 * way),
                         kit.trim, ribs=0.9, shadow=0.3)  # fmt: skip
            else:
                _zip_half(kit, [*side[:2], (gap * way * 0.98, length)], way)

    neck.over.append(over)
    return neck


def _zip_half(kit: Kit, run: list[Point], way: int) -> None:
    """One side of an open zip."""
    metal = (196, 180, 140) if kit.rng.random() < 0.5 else (150, 152, 158)
    kit.pen.line(offset(run, 0.1 * way), metal, 0.5, 0.95, dash=0.35)
    kit.pen.stitches(offset(run, -1.4 * way), kit.cloth)


# lapel_design


def _front_opening(kit: Kit, stop: float, open_gap: float) -> tuple[list[list[Point]], list[Point]]:
    """The contour of a V front down to `stop` (or open to the hem), and its right edge (the roll line, then the front)."""
    w, length = kit.body.neck, kit.body.length
    if open_gap > 0:
        right = [(w, 0.0), (w * 0.72, stop * 0.42), (open_gap * 0.8, stop), (open_gap, (stop + length) / 2),
                 (open_gap * 1.25, length + 8)]  # fmt: skip
        return [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right
    right = between((w, 0.0), (0.0, stop), 0.05)
    return [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right


def _break(kit: Kit) -> float:
    """Where a lapel's roll ends: above the waist, and within the garment."""
    return float(min(kit.rng.uniform(27, 37), kit.body.length * 0.66))


def _collar_back(kit: Kit, height: float) -> None:
    w = kit.body.neck
    top = [(-w - 0.6, -height * 0.55), (-w * 0.5, -height * 0.95), (0.0, -height), (w * 0.5, -height * 0.95), (w + 0.6, -height * 0.55)]
    low = [(-w, 1.0), (-w * 0.5, 1.9), (0.0, 2.2), (w * 0.5, 1.9), (w, 1.0)]
    path = kit.pen.path(top, low[::-1])
    kit.pen.piece(path, kit.trim.plain(0.22), edge=0.4)
    kit.pen.crease(low, kit.lining, 0.7, 0.4)
    _tag(kit, 3.0)


def notched(kit: Kit) -> Neck:
    """A collar and a lapel with the notch between them."""
    rng, w = kit.rng, kit.body.neck
    stop = _break(kit)
    runs, _ = _front_opening(kit, stop, 0.0)
    neck = Neck(runs, front="buttons", bottom=stop, back=1.0)
    wide = rng.uniform(5.5, 7.5) + (1.5 if kit.garment == "coat" else 0.0)
    gorge = rng.uniform(9.5, 12.5)
    slant = rng.uniform(-1.0, 2.2)

    def roll(y: float) -> float:
        return w * (1 - y / stop) + 0.4

    def over() -> None:
        pen = kit.pen
        _collar_back(kit, 3.6)
        tip = (roll(gorge) + wide + 1.8, gorge - slant)
        notch = (roll(gorge) + wide * 0.52, gorge - 0.2 - slant * 0.3)
        inner = (roll(gorge - 3.5), gorge - 3.5)
        for way in (True, False):
            lapel = [between(inner, (0.2, stop + 0.6), -0.035), [(0.2, stop + 0.6), (roll(stop * 0.8) + wide * 0.30, stop * 0.8),
                     (roll(stop * 0.6) + wide * 0.78, stop * 0.58), tip], between(tip, notch, 0.0), between(notch, inner, 0.02)]  # fmt: skip
            collar_tip = (notch[0] + wide * 0.46, notch[1] - 3.4 + 0.4 * slant)
            collar = [between((w - 0.2, -2.9), inner, -0.03), between(inner, notch, -0.02), between(notch, collar_tip, 0.0),
                      [collar_tip, (w + 4.4, 1.8), (w + 2.4, -1.2), (w - 0.2, -2.9)]]  # fmt: skip
            for runs, turn in ((lapel, 14), (collar, 35)):
                path = pen.path(*(flipped(r) if way else r for r in runs))
                pen.piece(path, kit.trim, angle=-turn if way else turn, shadow=0.8, edge=0.6)
        if kit.garment == "blazer" and rng.random() < 0.5:
            pen.line([(tip[0] - 2.6, tip[1] + 1.6), (tip[0] - 0.9, tip[1] + 1.2)], kit.cloth.seam, 0.3)

    neck.over.append(over)
    return neck


def open_front(kit: Kit) -> Neck:
    """No collar: the two fronts with a narrow facing, buttoned or hanging open."""
    rng, w = kit.rng, kit.body.neck
    hangs = rng.random() < 0.55
    v_shaped = rng.random() < 0.6
    stop = float(min(rng.uniform(17, 27), kit.body.length * 0.6)) if v_shaped else rng.uniform(8, 9.5)
    gap = rng.uniform(1.5, 5.0) if hangs else 0.0
    if v_shaped or hangs:
        runs, right = _front_opening(kit, stop, gap)
    else:
        right = round_edge(w, stop)[:2:-1]
        runs = [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]]
    neck = Neck(runs, front="open" if hangs else "buttons", bottom=stop, back=1.6)
    facing = rng.uniform(1.2, 2.2)

    def over() -> None:
        pen = kit.pen
        _tag(kit, 2.4)
        edge = [p for p in right if p[1] <= kit.body.length]
        if hangs:
            edge.append((right[-1][0] * 0.985, kit.body.length + 0.6))
        for way in (1, -1):
            run = edge if way == 1 else flipped(edge)
            pen.band(run, offset(run, -facing * way), kit.trim, shadow=0.35, edge=0.4)
            pen.stitches(offset(run, -(facing + 0.5) * way), kit.cloth, alpha=0.4)

    neck.over.append(over)
    return neck


def shawl(kit: Kit, large: bool) -> Neck:
    """A collar that runs from the nape to the front in one curve; `large`: over the shoulders."""
    rng, w = kit.rng, kit.body.neck
    stop = _break(kit)
    hangs = kit.garment == "cardigan"
    gap = rng.uniform(2.5, 5.5) if hangs else 0.0
    runs, right = _front_opening(kit, stop, gap)
    neck = Neck(runs, front="open" if hangs else "buttons", bottom=stop, back=0.8)
    size = rng.uniform(13.0, 15.5) if large else rng.uniform(5.5, 7.5)
    if large:
        size = min(size, kit.body.shoulder + 1.5 - w)

    def over() -> None:
        pen = kit.pen
        height = 6.5 if large else 3.8
        _collar_back(kit, height)
        end = (gap * 0.8 + 0.2, stop + (4.0 if large else 1.0))
        inner = [(w - 0.2, -height * 0.72), *([(w * 0.72, stop * 0.42)] if gap else [(w * 0.62, stop * 0.36), (w * 0.3, stop * 0.7)]), end]
        outer = [end, (end[0] + size * 0.38, stop * 0.86), (w * 0.4 + size * 0.86, stop * 0.56), (w + size * 0.93, stop * 0.27),
                 (w + size * 0.72, 2.8), (w + size * 0.3, -height * 0.45), (w - 0.2, -height * 0.72)]  # fmt: skip
        for way in (True, False):
            runs = [flipped(r) if way else r for r in (inner, outer)]
            path = pen.path(*runs)
            pen.piece(path, kit.trim, angle=-16 if way else 16, shadow=1.2 if large else 0.8, edge=1.0 if large else 0.6)
            bow = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(runs[0], runs[1][::-1][: len(runs[0])], strict=False)]
            pen.folds(path, kit.trim, [(bow, 1.2, 0.4 if large else 0.2)])
            pen.stitches(offset(runs[1], -0.8 if way else 0.8), kit.trim, alpha=0.35)

    neck.over.append(over)
    return neck


COLLARS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("collar_design", 1): shirt_collar,
    ("collar_design", 2): lambda kit: flat_collar(kit, False),
    ("collar_design", 3): lambda kit: flat_collar(kit, True),
    ("collar_design", 4): rib_collar,
    ("lapel_design", 1): notched,
    ("lapel_design", 2): open_front,
    ("lapel_design", 3): lambda kit: shawl(kit, False),
    ("lapel_design", 4): lambda kit: shawl(kit, True),
}
