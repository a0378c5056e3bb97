"""Necks that rise around the neck or hang from it (neck_design)."""

from collections.abc import Callable

from wardrobe.drawing.geometry import Point, Run, between, blend_runs, flipped, offset
from wardrobe.drawing.trims import gathers, raised_piece, ribs, soft_line
from wardrobe.fronts.fastenings import teeth
from wardrobe.necks.back_neck import KNITTED, inside
from wardrobe.necks.cowls import cowl_neck
from wardrobe.necks.openings import hole, round_edge
from wardrobe.silhouette.context import Kit, Neck, button_colour, grain_angle, jitter


def _base(w: float, low: float) -> list[Point]:
    """The seam in which a tube is sewn to the front."""
    return [(-w, 0.3), (-w * 0.6, low * 0.8), (0.0, low), (w * 0.6, low * 0.8), (w, 0.3)]


def _rim(x: float, y: float, sag: float) -> list[Point]:
    return [(-x, y), (-x * 0.5, y + sag * 0.8), (0.0, y + sag), (x * 0.5, y + sag * 0.8), (x, y)]


def _tube_back(kit: Kit, x: float, height: float, sag: float) -> None:
    """The back of a tube, seen through its mouth."""
    pen = kit.pen
    back = _rim(x, -height, -0.8)
    pen.piece(pen.path(back, _rim(x, -height, sag + 0.6)[::-1]), kit.trim.plain(0.5), edge=0.2)


def turtle_neck(kit: Kit) -> Neck:
    """A high ribbed tube, folded over once."""
    rng, w = kit.rng, kit.body.neck
    height, low = float(rng.uniform(8.5, 11.5)), 3.8
    lean = float(rng.uniform(-0.2, 0.6))
    top, sag = w - lean, float(rng.uniform(0.3, 0.8))
    base, tilt = _base(w, low), float(rng.normal(0, 0.35))
    fold_y = -float(rng.uniform(0.4, 2.2))  # the lower edge of what is folded over
    pitch = float(rng.choice([0.75, 1.0, 1.4])) if kit.garment == "sweater" or rng.random() < 0.5 else 0.0
    neck = Neck(hole(base), back=1.0)

    def over() -> None:
        pen = kit.pen
        upper = _rim(top, -height, sag)
        sides = between(upper[-1], (w + 0.2, 0.4), -0.03), between((-w - 0.2, 0.4), upper[0], -0.03)
        pen.piece(pen.path(upper, sides[0], base[::-1][1:-1], sides[1]), kit.trim, shadow=0.8, edge=0.7)
        if pitch:
            ribs(kit.pen, _rim(w, fold_y - 1, 1.5), base, kit.trim, pitch)
        pen.crease(base, kit.cloth, 0.8, 0.4)
        x = w + 0.9
        lower = [(-x, fold_y + tilt), (-x * 0.5, fold_y + 1.7 + tilt), (0.0, fold_y + 2.2),
                 (x * 0.5, fold_y + 1.7 - tilt), (x, fold_y - tilt)]  # fmt: skip
        outer = between(upper[-1], lower[-1], -0.06), between(lower[0], upper[0], -0.06)
        path = pen.path(upper, outer[0], lower[::-1], outer[1])
        raised_piece(kit.pen, path, kit.trim, height=1.3)
        if pitch:
            ribs(kit.pen, upper, lower, kit.trim, pitch)
        colour, alpha = kit.trim.highlight
        with pen.clip(path):
            soft_line(pen, blend_runs(upper, lower, 0.08), colour, 1.3, alpha * 0.7)  # the cloth turns over here
            soft_line(pen, blend_runs(upper, lower, 0.97), kit.trim.shade, 1.6, 0.55)
            for side in (0.94, -0.94):
                soft_line(pen, [(top * side, -height), (x * side, fold_y)], kit.trim.shade, 2.4, 0.35)
            _wrinkles(kit, upper, lower)

    neck.under.append(lambda: _tube_back(kit, top, height, sag))
    neck.over.append(over)
    return neck


def _wrinkles(kit: Kit, upper: Run, lower: Run) -> None:
    """One or two soft folds around a tube."""
    rng, pen = kit.rng, kit.pen
    for _ in range(int(rng.integers(0, 3))):
        t = float(rng.uniform(0.3, 0.75))
        points = blend_runs(upper, lower, t)
        a = int(rng.integers(0, 4))
        pen_run = points[a : a + 5]
        soft_line(pen, pen_run, kit.trim.shade, 0.8, 0.35)
        soft_line(pen, [(x, y - 0.6) for x, y in pen_run], kit.trim.highlight[0], 0.6, 0.3)


def low_turtle(kit: Kit) -> Neck:
    """A mock neck; a stand-up collar where the garment opens in front."""
    if kit.garment in ("shirt", "jacket", "coat", "vest"):
        return _stand_collar(kit)
    return _mock_neck(kit)


def _mock_neck(kit: Kit) -> Neck:
    """A low tube, not folded; half of the knitted ones have a short zip or buttons."""
    rng, w = kit.rng, kit.body.neck
    height, low = float(rng.uniform(2.8, 4.2)), 4.4
    top, sag = w - float(rng.uniform(0.2, 0.7)), float(rng.uniform(0.5, 1.0))
    knitted = kit.garment in KNITTED
    zipped = knitted and rng.random() < 0.4
    base = _base(w, low)
    neck = Neck(hole(base), back=1.0)

    def over() -> None:
        pen = kit.pen
        upper = _rim(top, -height, sag)
        sides = between(upper[-1], (w + 0.2, 0.4), -0.03), between((-w - 0.2, 0.4), upper[0], -0.03)
        path = pen.path(upper, sides[0], base[::-1][1:-1], sides[1])
        pen.piece(path, kit.trim, angle=grain_angle(kit) if not knitted else 0.0, edge=0.5)
        if knitted:
            ribs(kit.pen, upper, base, kit.trim, 0.9)
        else:
            pen.stitches(offset(upper, 0.8), kit.trim)
        colour, alpha = kit.trim.highlight
        with pen.clip(path):
            soft_line(pen, blend_runs(upper, base, 0.06), colour, 1.0, alpha * 0.7)
            for side in (0.96, -0.96):
                soft_line(pen, [(top * side, -height), (w * side, 0.4)], kit.trim.shade, 2.2, 0.4)
        pen.line(base, kit.cloth.seam, 0.25, 0.7)
        if zipped:
            teeth(kit, [(0.0, -height + sag), (0.0, 4.0), (0.0, float(rng.uniform(11, 17)))])

    neck.under.append(lambda: _tube_back(kit, top, height, sag + 0.5))
    neck.over.append(over)
    return neck


def _stand_collar(kit: Kit) -> Neck:
    """Two ends that meet in front: mandarin collars, and the collars of padded and biker jackets."""
    rng, w = kit.rng, kit.body.neck
    soft = kit.garment == "shirt"
    height = float(rng.uniform(3.2, 4.2) if soft else rng.uniform(5.5, 7.5))
    low = float(rng.uniform(6.0, 7.5))
    base = round_edge(w, low)
    gap = float(rng.uniform(0.2, 2.0))
    front = "buttons" if soft or (kit.garment == "coat" and rng.random() < 0.6) else "zip"
    neck = Neck(hole(base), front=front, bottom=low, back=0.5)
    quilted = not soft and rng.random() < 0.4

    def under() -> None:
        inside(kit, 1.0, low, band=0.0)
        pen = kit.pen
        top = _rim(w - 0.5, -height * 0.8, -1.0)
        seam = [(-w, 0.5), (0.0, 2.0), (w, 0.5)]
        pen.piece(pen.path(top, seam[::-1]), kit.trim.plain(0.3), edge=0.4, shadow=0.4)
        soft_line(pen, offset(top, 0.5), kit.trim.highlight[0], 0.9, 0.45)

    def over() -> None:
        pen = kit.pen
        for way in (1, -1):
            dx, dy = jitter(kit, 0.2)
            foot = [(w + 0.2, 0.4), *[p for p in base[::-1] if 0.5 < p[0] < w], (gap * 0.25, low)]
            crown = [
                (w - 0.6, -height * 0.8),
                (w * 0.92, -height * 0.22),
                (w * 0.64, low * 0.62 - height * 0.62),
                (gap + dx, low - height * 0.90 + dy),
            ]
            foot, crown = (foot, crown) if way == 1 else (flipped(foot), flipped(crown))
            path = pen.path(foot, crown[::-1])
            raised_piece(kit.pen, path, kit.trim, angle=grain_angle(kit) * way, height=0.8)
            colour, alpha = kit.trim.highlight
            with pen.clip(path):
                soft_line(pen, blend_runs(foot, crown, 0.9), colour, 1.0, alpha * 0.7)
                for t in (0.34, 0.67) if quilted else ():
                    pen.crease(blend_runs(foot, crown, t), kit.trim, 0.9, 0.6)
            if not quilted:
                pen.stitches(blend_runs(foot, crown, 0.86), kit.trim)
            pen.crease(foot, kit.cloth, 0.7, 0.45)
        if front == "buttons":
            pen.button((gap * 0.2, low - height * 0.4), button_colour(kit), 0.55)
        else:
            teeth(kit, [(0.0, low - height * 0.5), (0.0, low + 3.0)])

    neck.under.append(under)
    neck.over.append(over)
    return neck


def ruffle_neck(kit: Kit) -> Neck:
    """A semi-high stand that ends in a gathered frill, sometimes with another frill below or a tie."""
    rng, w = kit.rng, kit.body.neck
    height, low = float(rng.uniform(2.0, 3.2)), 4.6
    frill_high = float(rng.uniform(2.6, 3.6))
    base = _base(w, low)
    second, tied = rng.random() < 0.5, rng.random() < 0.3
    count = int(rng.integers(8, 11))
    neck = Neck(hole(base), back=0.5)
    waist = _rim(w - 0.4, -height, 1.8)
    mouth = _rim(w + 0.9, -height - frill_high, 1.0)

    def under() -> None:
        back = [(x, -2 * (height + frill_high) - y + 0.6) for x, y in mouth]
        gathers(kit.pen, _rim(w - 0.4, -height + 0.4, 0.0), back, kit.lining, count, kit.rng, 0.35)

    def over() -> None:
        pen = kit.pen
        sides = between(waist[-1], (w, 0.4), 0.04), between((-w, 0.4), waist[0], 0.04)
        if second:
            frill = [(x * 1.14, y + 3.6) for x, y in base]
            gathers(kit.pen, base, frill, kit.trim, count + 2, kit.rng, 0.45)
        band = pen.path(waist, sides[0], base[::-1][1:-1], sides[1])
        pen.piece(band, kit.trim, shadow=0.7, edge=0.5)
        for a, b in list(zip(blend_runs(waist, base, 0.05, 19), blend_runs(waist, base, 0.8, 19), strict=True))[1:-1]:
            pen.line([a, b], kit.trim.shade, 0.25, 0.4)
        pen.crease(base, kit.cloth, 0.8, 0.4)
        gathers(kit.pen, waist, mouth, kit.trim, count, kit.rng, 0.45)
        pen.crease(waist, kit.trim, 1.0, 0.7)
        if tied:
            _cord(kit, (0.0, waist[2][1]))

    neck.under.append(under)
    neck.over.append(over)
    return neck


def _cord(kit: Kit, at: Point) -> None:
    """A small bow of a narrow ribbon."""
    pen, (x, y) = kit.pen, at
    for way in (1, -1):
        pen.line([(x, y), (x + 1.0 * way, y + 4.5), (x + 1.7 * way, y + 9 + way)], kit.trim.seam, 0.75, 1.0)
        loop = [(x, y), (x + 1.8 * way, y - 1.4), (x + 3.4 * way, y + 0.2), (x + 1.8 * way, y + 1.0), (x, y)]
        raised_piece(kit.pen, pen.path(loop), kit.trim, height=0.4)


NECKS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("neck_design", 1): turtle_neck,
    ("neck_design", 2): ruffle_neck,
    ("neck_design", 3): low_turtle,
    ("neck_design", 4): cowl_neck,
}
