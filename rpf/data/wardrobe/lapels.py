"""Fronts that turn over or stay open (lapel_design)."""

from collections.abc import Callable

from rpf.data.wardrobe.geometry import Point, between, flipped, offset
from rpf.data.wardrobe.kit import Kit, Neck, maker_tag, round_edge


def _front_opening(kit: Kit, stop: float, open_gap: float) -> tuple[list[list[Point]], list[Point]]:
    """The contour of a V front down to `stop` (or open to the hem), and its right edge (roll line, then front)."""
    w, length = kit.body.neck, kit.body.length
    if open_gap > 0:
        right = [
            (w, 0.0),
            (w * 0.72, stop * 0.42),
            (open_gap * 0.8, stop),
            (open_gap, (stop + length) / 2),
            (open_gap * 1.25, length + 8),
        ]
        return [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right
    right = between((w, 0.0), (0.0, stop), 0.05)
    return [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right


def _break(kit: Kit) -> float:
    """Where a lapel's roll ends: above the waist, and within the garment."""
    return float(min(kit.rng.uniform(27, 37), kit.body.length * 0.66))


def _collar_back(kit: Kit, height: float) -> None:
    w = kit.body.neck
    top = [
        (-w - 0.6, -height * 0.55),
        (-w * 0.5, -height * 0.95),
        (0.0, -height),
        (w * 0.5, -height * 0.95),
        (w + 0.6, -height * 0.55),
    ]
    low = [(-w, 1.0), (-w * 0.5, 1.9), (0.0, 2.2), (w * 0.5, 1.9), (w, 1.0)]
    path = kit.pen.path(top, low[::-1])
    kit.pen.piece(path, kit.trim.plain(0.22), edge=0.4)
    kit.pen.crease(low, kit.lining, 0.7, 0.4)
    maker_tag(kit, 3.0)


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
            lapel = [
                between(inner, (0.2, stop + 0.6), -0.035),
                [
                    (0.2, stop + 0.6),
                    (roll(stop * 0.8) + wide * 0.30, stop * 0.8),
                    (roll(stop * 0.6) + wide * 0.78, stop * 0.58),
                    tip,
                ],
                between(tip, notch, 0.0),
                between(notch, inner, 0.02),
            ]
            collar_tip = (notch[0] + wide * 0.46, notch[1] - 3.4 + 0.4 * slant)
            collar = [
                between((w - 0.2, -2.9), inner, -0.03),
                between(inner, notch, -0.02),
                between(notch, collar_tip, 0.0),
                [collar_tip, (w + 4.4, 1.8), (w + 2.4, -1.2), (w - 0.2, -2.9)],
            ]
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
        maker_tag(kit, 2.4)
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
    runs, _ = _front_opening(kit, stop, gap)
    neck = Neck(runs, front="open" if hangs else "buttons", bottom=stop, back=0.8)
    size = rng.uniform(13.0, 15.5) if large else rng.uniform(5.5, 7.5)
    if large:
        size = min(size, kit.body.shoulder + 1.5 - w)

    def over() -> None:
        pen = kit.pen
        height = 6.5 if large else 3.8
        _collar_back(kit, height)
        end = (gap * 0.8 + 0.2, stop + (4.0 if large else 1.0))
        inner = [
            (w - 0.2, -height * 0.72),
            *([(w * 0.72, stop * 0.42)] if gap else [(w * 0.62, stop * 0.36), (w * 0.3, stop * 0.7)]),
            end,
        ]
        outer = [
            end,
            (end[0] + size * 0.38, stop * 0.86),
            (w * 0.4 + size * 0.86, stop * 0.56),
            (w + size * 0.93, stop * 0.27),
            (w + size * 0.72, 2.8),
            (w + size * 0.3, -height * 0.45),
            (w - 0.2, -height * 0.72),
        ]
        for way in (True, False):
            runs = [flipped(r) if way else r for r in (inner, outer)]
            path = pen.path(*runs)
            pen.piece(
                path, kit.trim, angle=-16 if way else 16, shadow=1.2 if large else 0.8, edge=1.0 if large else 0.6
            )
            bow = [
                ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
                for a, b in zip(runs[0], runs[1][::-1][: len(runs[0])], strict=False)
            ]
            pen.folds(path, kit.trim, [(bow, 1.2, 0.4 if large else 0.2)])
            pen.stitches(offset(runs[1], -0.8 if way else 0.8), kit.trim, alpha=0.35)

    neck.over.append(over)
    return neck


LAPELS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("lapel_design", 1): notched,
    ("lapel_design", 2): open_front,
    ("lapel_design", 3): lambda kit: shawl(kit, False),
    ("lapel_design", 4): lambda kit: shawl(kit, True),
}
