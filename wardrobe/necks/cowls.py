"""Cowls: cloth that hangs or lies in loops around the neck."""

from wardrobe.drawing.geometry import Point
from wardrobe.drawing.trims import roll
from wardrobe.necks.back_neck import inside
from wardrobe.necks.openings import hole
from wardrobe.silhouette.context import Kit, Neck


def cowl_neck(kit: Kit) -> Neck:
    """Cloth that hangs in loops from the shoulders; on sweaters, a wide soft collar that lies in folds."""
    return _soft_collar(kit) if kit.garment == "sweater" and kit.rng.random() < 0.6 else _draped(kit)


def _draped(kit: Kit) -> Neck:
    rng, w = kit.rng, kit.body.neck
    depth = float(rng.uniform(8.5, 12.0))
    lean = float(rng.normal(0, 1.0))
    edge = _loop(kit, 0.0, depth, lean)
    neck = Neck(hole(edge), back=1.2)
    loops = int(rng.integers(3, 5))
    step = float(rng.uniform(4.6, 5.8)) * 3.4 / loops

    def over() -> None:
        reach = min(7.5, kit.body.shoulder - w - 0.5)
        bows = [edge]
        for k in range(1, loops + 1):
            t = k / loops
            bows.append(_loop(kit, reach * t, depth + step * k * (0.9 + 0.12 * k), lean * (1 + 0.5 * k)))
        for upper, lower in zip(bows[-2::-1], bows[:0:-1], strict=True):  # the lowest loop first
            grain = float(rng.uniform(-6, 6))
            roll(kit.pen, upper, lower, kit.cloth, angle=grain, height=1.5)

    neck.under.append(lambda: inside(kit, 1.2, depth, band=0.0, label=0.5))
    neck.over.append(over)
    return neck


def _loop(kit: Kit, out: float, fall: float, lean: float) -> list[Point]:
    """A bow that hangs from both shoulders, `out` cm beyond the neck's sides."""
    body = kit.body
    x, y = body.neck + out, body.slope * out / (body.shoulder - body.neck)
    return [
        (-x, y),
        (-x * 0.76 + lean * 0.2, y + 0.50 * (fall - y)),
        (-x * 0.38 + lean * 0.5, y + 0.90 * (fall - y)),
        (lean * 0.6, fall),
        (x * 0.40 + lean * 0.5, y + 0.89 * (fall - y)),
        (x * 0.78 + lean * 0.2, y + 0.48 * (fall - y)),
        (x, y),
    ]


def _soft_collar(kit: Kit) -> Neck:
    """A wide tube of knit that has sunk into two or three rolls around the neck."""
    rng, w = kit.rng, kit.body.neck
    depth = float(rng.uniform(6.5, 9.0))
    lean = float(rng.normal(0, 0.8))
    rise = float(rng.uniform(2.5, 4.0))
    edge = [(-w, -rise), (-w * 0.55, depth * 0.62), (lean, depth), (w * 0.55, depth * 0.62), (w, -rise)]
    neck = Neck(hole(_loop(kit, 0.0, depth, lean)), back=0.8)

    def over() -> None:
        bows = [edge]
        for k in (1, 2):
            out, fall = 2.4 * k, depth + 5.2 * k
            x, y = w + out, -rise + 2.4 * k
            bows.append([(-x, y), (-x * 0.86, y + 0.5 * (fall - y)), (-x * 0.42, fall - 0.9), (lean * (1 - k), fall),
                         (x * 0.42, fall - 0.8), (x * 0.86, y + 0.48 * (fall - y)), (x, y)])  # fmt: skip
        for upper, lower in zip(bows[-2::-1], bows[:0:-1], strict=True):
            roll(kit.pen, upper, lower, kit.trim, angle=8.0, height=1.6)

    def under() -> None:
        inside(kit, 0.8, depth, band=0.0)
        back = [(-w, -rise), (-w * 0.5, -rise - 1.3), (0.0, -rise - 1.6), (w * 0.5, -rise - 1.3), (w, -rise)]
        roll(kit.pen, back, [(-w, 1.0), (0.0, 2.2), (w, 1.0)], kit.trim.plain(0.3), height=0.6)

    neck.under.append(under)
    neck.over.append(over)
    return neck
