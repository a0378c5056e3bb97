"""Fronts that turn over or stay open (lapel_design)."""

from collections.abc import Callable

import skia

from wardrobe.drawing.geometry import between, blend_runs, flipped, offset
from wardrobe.drawing.trims import raised_piece, soft_line
from wardrobe.fabric.materials import Cloth
from wardrobe.fronts.fastenings import open_edges
from wardrobe.necks.back_neck import inside
from wardrobe.necks.openings import front_opening, round_edge
from wardrobe.silhouette.context import Kit, Neck, button_colour, grain_angle, jitter


def _break(kit: Kit) -> float:
    """Where a lapel's roll ends: above the waist, and within the garment."""
    return float(min(kit.rng.uniform(27, 37), kit.body.length * 0.66))


def _collar_back(kit: Kit, height: float, bottom: float) -> None:
    """The collar behind the neck, turned down over its own stand, and the lining below it."""
    pen, w = kit.pen, kit.body.neck
    inside(kit, 2.4, bottom, band=0.0, label=0.9)
    top = [(-w - 0.4, -height * 0.62), (-w * 0.5, -height * 0.95), (0.0, -height), (w * 0.5, -height * 0.95),
           (w + 0.4, -height * 0.62)]  # fmt: skip
    low = [(-w, 1.0), (-w * 0.5, 1.9), (0.0, 2.2), (w * 0.5, 1.9), (w, 1.0)]
    pen.piece(pen.path(top, low[::-1]), kit.trim.plain(0.3), edge=0.5, shadow=0.5)
    soft_line(pen, blend_runs(top, low, 0.14), kit.trim.highlight[0], 1.0, 0.45)


def notched(kit: Kit) -> Neck:
    """A collar and a lapel with the notch between them."""
    rng, w = kit.rng, kit.body.neck
    stop = _break(kit)
    gap = float(rng.uniform(1.5, 4.5)) if rng.random() < 0.2 else 0.0  # worn open
    runs, edge = front_opening(kit, stop, gap)
    neck = Neck(runs, front="open" if gap else "buttons", bottom=stop, back=1.0)
    wide = float(rng.uniform(6.6, 8.6)) + (1.2 if kit.garment == "coat" else 0.0)
    gorge = float(rng.uniform(9.0, 11.5))
    fall = float(rng.uniform(1.3, 2.8))  # of the lapel's upper edge
    length = float(rng.uniform(3.7, 4.7))  # of the collar's end

    def roll(y: float) -> float:
        return w + (0.8 * gap - w) * y / stop + 0.4

    def half(flip: bool) -> None:
        pen = kit.pen
        dx, dy = jitter(kit, 0.25)
        tip = (roll(gorge) + wide + 1.4 + dx, gorge + fall + dy)
        notch = (roll(gorge) + wide * 0.36, gorge - 0.3)
        inner = (roll(gorge - 2.4), gorge - 2.4)
        bottom = (0.8 * gap + 0.2, stop + 0.6)
        belly = (roll(stop * 0.58) + wide * 0.82, stop * 0.58)
        lapel = [
            between(inner, bottom, -0.035),
            [bottom, (roll(stop * 0.82) + wide * 0.28, stop * 0.83), belly, tip],
            between(tip, notch, 0.0),
            [notch, (0.5 * (notch[0] + inner[0]), 0.5 * (notch[1] + inner[1]) - 0.8), inner],  # under the collar
        ]
        collar_tip = (notch[0] + 0.80 * length, notch[1] - 0.62 * length)
        collar = [
            between((w - 0.2, -2.9), inner, -0.03),
            between(inner, notch, -0.02),
            between(notch, collar_tip, 0.0),
            [collar_tip, (w + 4.2, 1.6), (w + 2.3, -1.3), (w - 0.2, -2.9)],
        ]
        grain = grain_angle(kit)
        below, upper = (pen.path(*(flipped(r) if flip else r for r in piece)) for piece in (lapel, collar))
        whole = skia.Op(below, upper, skia.PathOp.kUnion_PathOp)  # they are sewn together along the gorge
        raised_piece(kit.pen, whole, kit.trim, angle=(-0.6 if flip else 0.6) * grain, height=1.0)
        if kit.trim.is_patterned:
            with pen.clip(whole):
                pen.piece(upper, kit.trim, angle=(-1.5 if flip else 1.5) * grain, edge=0.4)
        pen.crease(flipped(collar[1]) if flip else collar[1], kit.trim, 0.7, 0.5)
        line = flipped(lapel[0]) if flip else lapel[0]
        soft_line(pen, offset(line, 0.7 if flip else -0.7), kit.trim.highlight[0], 1.5, 0.3)
        if kit.garment == "blazer" and flip:
            hole_at = [(tip[0] - 2.8, tip[1] + 1.9), (tip[0] - 1.0, tip[1] + 1.4)]
            pen.line(flipped(hole_at), kit.cloth.seam, 0.35)

    def over() -> None:
        half(True)
        half(False)
        if gap:
            open_edges(kit, edge, stop)

    neck.under.append(lambda: _collar_back(kit, 3.6, stop))
    neck.over.append(over)
    return neck


def open_front(kit: Kit) -> Neck:
    """No collar: the two fronts with a band, a binding or a facing, buttoned or hanging open."""
    rng, w = kit.rng, kit.body.neck
    hangs = rng.random() < 0.55
    v_shaped = rng.random() < 0.6
    stop = float(min(rng.uniform(17, 27), kit.body.length * 0.6)) if v_shaped else float(rng.uniform(8, 9.5))
    gap = float(rng.uniform(1.5, 5.0)) if hangs else 0.0
    if v_shaped or hangs:
        runs, right = front_opening(kit, stop, gap)
    else:
        right = round_edge(w, stop)[:2:-1]
        runs = [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]]
    neck = Neck(runs, front="open" if hangs else "buttons", bottom=stop, back=1.6)
    kind = "band" if kit.garment == "cardigan" else str(rng.choice(["facing", "binding", "facing"]))

    def over() -> None:
        pen = kit.pen
        edge = [p for p in right if p[1] <= kit.body.length]
        if hangs:
            edge.append((right[-1][0] * 0.985, kit.body.length + 0.6))
        wide = {"band": 2.9, "binding": 1.1, "facing": 1.8}[kind]
        for way in (1, -1):
            run = edge if way == 1 else flipped(edge)
            far = offset(run, -wide * way)
            path = pen.path(run, far[::-1])
            if kind == "facing":
                pen.stitches(far, kit.cloth, alpha=0.7)
                soft_line(pen, offset(run, -0.4 * way), kit.cloth.highlight[0], 0.9, kit.cloth.highlight[1])
                pen.line(run, kit.cloth.seam, 0.3, 0.9)
            elif kind == "band":
                pen.band(run, far, kit.trim, ribs=0.9, shadow=0.5, edge=0.4)
                pen.crease(far, kit.cloth, 0.9, 0.5)
            else:
                raised_piece(kit.pen, path, _braid(kit), height=0.4)
        if kind == "band" and not hangs and v_shaped:
            pen.button((0.0, stop + 1.2), button_colour(kit), 0.75)

    neck.under.append(lambda: inside(kit, 1.6, stop, band=2.0 if kind == "band" else 1.2))
    neck.over.append(over)
    return neck


def _braid(kit: Kit) -> Cloth:
    """The binding of a collarless jacket."""
    if kit.trim.colour != kit.cloth.colour:
        return kit.trim.plain()
    return kit.cloth.plain(0.35)


def shawl(kit: Kit, large: bool) -> Neck:
    """A collar that runs into the fronts without a notch; `large` lies over the shoulders."""
    rng, w = kit.rng, kit.body.neck
    stop = _break(kit)
    hangs = kit.garment == "cardigan" or rng.random() < 0.2
    gap = float(rng.uniform(2.0, 5.5)) if hangs else 0.0
    runs, edge = front_opening(kit, stop, gap)
    neck = Neck(runs, front="open" if hangs else "buttons", bottom=stop, back=0.8)
    size = float(rng.uniform(13.0, 15.5) if large else rng.uniform(5.8, 7.6))
    if large:
        size = min(size, kit.body.shoulder + 1.5 - w)
    height = 6.0 if large else 3.8

    def half(flip: bool) -> None:
        pen = kit.pen
        dx, dy = jitter(kit, 0.3)
        end = (gap * 0.8 + 0.2, stop + (4.0 if large else 1.0))
        start = (w - 0.2, -height * 0.72)
        way_down = [(w * 0.72, stop * 0.42)] if gap else [(w * 0.62, stop * 0.36), (w * 0.3, stop * 0.7)]
        inner = [start, *way_down, end]
        outer = [
            end,
            (end[0] + size * 0.40, stop * 0.86 + dy),
            (w * 0.4 + size * (0.98 if large else 0.88) + dx, stop * 0.56 + dy),
            (w + size * (1.0 if large else 0.9) + dx, stop * 0.27),
            (w + size * 0.72, 2.8),
            (w + size * 0.3, -height * 0.45),
            start,
        ]
        inner, outer = (flipped(inner), flipped(outer)) if flip else (inner, outer)
        path = pen.path(inner, outer)
        turn = grain_angle(kit) * 0.8
        raised_piece(kit.pen, path, kit.trim, angle=-turn if flip else turn, height=1.5 if large else 1.0)
        colour, alpha = kit.trim.highlight
        with pen.clip(path):  # the cloth rolls over along the inner edge
            soft_line(pen, blend_runs(inner, outer[::-1], 0.16), colour, size * 0.2, alpha * 0.8)
            if large:
                soft_line(pen, blend_runs(inner, outer[::-1], 0.42), kit.trim.shade, size * 0.10, 0.3)
                soft_line(pen, blend_runs(inner, outer[::-1], 0.60), colour, size * 0.12, alpha * 0.6)
        if not kit.trim.is_patterned and not large:
            pen.stitches(offset(outer, -0.9 if flip else 0.9), kit.trim, alpha=0.4)

    def over() -> None:
        half(True)
        half(False)
        if hangs and kit.garment != "cardigan":
            open_edges(kit, edge, stop)

    neck.under.append(lambda: _collar_back(kit, height, stop))
    neck.over.append(over)
    return neck


LAPELS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("lapel_design", 1): notched,
    ("lapel_design", 2): open_front,
    ("lapel_design", 3): lambda kit: shawl(kit, False),
    ("lapel_design", 4): lambda kit: shawl(kit, True),
}
