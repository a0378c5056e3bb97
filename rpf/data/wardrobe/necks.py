"""Necks that rise around the neck or hang from it (neck_design)."""

from collections.abc import Callable

from rpf.data.wardrobe.geometry import Point, Run, between, flipped
from rpf.data.wardrobe.kit import Kit, Neck, frill, hole, round_edge


def _tube(kit: Kit, height: float, low: float, lean: float, folded: bool, ribs: float) -> Neck:
    """A collar that stands around the neck: its back, the hole on top, and its front over the cloth."""
    w = kit.body.neck
    top = w - lean
    hollow = 1.5 if not folded else 1.2
    front_top = [
        (-top, -height),
        (-top * 0.5, -height + hollow),
        (0.0, -height + hollow * 1.3),
        (top * 0.5, -height + hollow),
        (top, -height),
    ]
    back_top = [(x, -2 * height - y + 0.2) for x, y in front_top]
    base = [(-w, 0.3), (-w * 0.6, low * 0.8), (0.0, low), (w * 0.6, low * 0.8), (w, 0.3)]
    neck = Neck(hole(base), back=1.0)

    def over() -> None:
        pen = kit.pen
        side_left, side_right = (
            between((-top, -height), (-w - 0.3, 0.6), 0.05),
            between((w + 0.3, 0.6), (top, -height), 0.05),
        )
        pen.piece(pen.path(front_top, back_top[::-1]), kit.lining, edge=0.3)
        front = pen.path(front_top[::-1], side_left, base[1:-1], side_right)
        pen.piece(front, kit.trim, shadow=0.7, edge=0.6)
        if ribs:
            n = int(2 * w / ribs)
            for i in range(1, n):
                t = -1 + 2 * i / n
                pen.line(
                    [(top * t, -height + hollow * 1.3 * (1 - t * t)), (w * t, low * (1 - t * t) + 0.3)],
                    kit.trim.shade,
                    0.25,
                    0.34,
                )
        if folded:
            y = -0.5
            edge = [(-w - 0.9, y - 0.4), (-w * 0.5, y + 2.6), (0.0, y + 3.2), (w * 0.5, y + 2.6), (w + 0.9, y - 0.4)]
            side_l, side_r = (
                between((-top - 0.2, -height), edge[0], 0.08),
                between(edge[-1], (top + 0.2, -height), 0.08),
            )
            fold = pen.path(front_top[::-1], side_l, edge[1:-1], side_r)
            pen.piece(fold, kit.trim, shadow=0.9, edge=0.6)
            if ribs:
                for i in range(1, n):
                    t = -1 + 2 * i / n
                    pen.line(
                        [(top * t, -height + hollow * 1.3 * (1 - t * t)), (w * t, y + 3.0 * (1 - t * t))],
                        kit.trim.shade,
                        0.25,
                        0.34,
                    )
            pen.folds(
                fold, kit.trim, [([(-w, -height * 0.5), (0.0, -height * 0.28), (w * 0.9, -height * 0.5)], 1.0, 0.5)]
            )
        pen.crease(base, kit.cloth, 0.8, 0.3) if not folded else None

    neck.over.append(over)
    return neck


def turtle_neck(kit: Kit) -> Neck:
    return _tube(kit, kit.rng.uniform(9.5, 12), 3.6, 0.4, True, 0.85)


def low_turtle(kit: Kit) -> Neck:
    """A mock neck; a stand-up collar where the garment opens in front."""
    if kit.garment in ("shirt", "jacket", "coat"):
        return _stand_collar(kit)
    return _tube(
        kit, kit.rng.uniform(3.6, 4.8), 4.2, 0.7, False, 0.85 if kit.garment in ("sweater", "T-shirt") else 0.0
    )


def _stand_collar(kit: Kit) -> Neck:
    w, height = kit.body.neck, kit.rng.uniform(4.0, 5.2) if kit.garment == "shirt" else kit.rng.uniform(5.5, 7.0)
    low = kit.rng.uniform(6.5, 8.0)
    base = round_edge(w, low)
    gap = kit.rng.uniform(0.4, 2.4)
    neck = Neck(hole(base), front="buttons" if kit.garment != "jacket" else "zip", bottom=low, back=0.5)

    def over() -> None:
        pen = kit.pen
        top_back = [(-w + 0.6, -height * 0.8), (0.0, -height - 1.2), (w - 0.6, -height * 0.8)]
        pen.piece(pen.path(top_back, [(w, 0.5), (0.0, 2.0), (-w, 0.5)]), kit.lining, edge=0.3)
        right_base = [(w + 0.2, 0.4), *[p for p in base[::-1] if 0.5 < p[0] < w], (gap * 0.3, low)]
        right_top = [
            (w - 0.7, -height * 0.8),
            (w * 0.9, -height * 0.25),
            (w * 0.6, low * 0.7 - height * 0.72),
            (gap, low - height * 0.92),
        ]
        for one, other in ((right_base, right_top), (flipped(right_base), flipped(right_top))):
            pen.band(one, other, kit.trim, shadow=0.6, edge=0.5)
            pen.crease(one, kit.trim, 0.5, 0.25)

    neck.over.append(over)
    return neck


def ruffle_neck(kit: Kit) -> Neck:
    """A stand with a gathered, wavy edge."""
    w, height = kit.body.neck, kit.rng.uniform(4.5, 6.0)
    low = 5.0
    base = [(-w, 0.3), (-w * 0.6, low * 0.8), (0.0, low), (w * 0.6, low * 0.8), (w, 0.3)]
    neck = Neck(hole(base), back=0.5)
    waves = 7

    def rim(side: float, lift: float, spread: float) -> list[Point]:
        points = []
        for i in range(2 * waves + 1):
            t = -1 + i / waves
            wave = 0.55 if (i % 2) == (side > 0) else -0.35
            points.append((w * spread * t, -height + side * 1.9 * (1 - t * t) - wave + lift))
        return points

    def over() -> None:
        pen = kit.pen
        pen.piece(pen.path(rim(1, 0.0, 1.08), rim(-1, 0.3, 1.08)[::-1]), kit.lining, edge=0.3)
        front = rim(1, 0.0, 1.12)
        path = pen.path(front, between(front[-1], (w, 0.4), 0.12), base[::-1][1:-1], between((-w, 0.4), front[0], 0.12))
        pen.piece(path, kit.trim, shadow=0.7, edge=0.5)
        for i in range(1, 2 * waves):
            t = -1 + i / waves
            pen.line([front[i], (w * t * 0.97, low * (1 - t * t) * 0.55 - height * 0.12)], kit.trim.shade, 0.22, 0.4)
        neckline = [(x * 0.98, y * 0.62 - height * 0.18) for x, y in base]
        pen.crease(neckline, kit.trim, 0.9, 0.4)
        _frill(kit, base)

    neck.over.append(over)
    return neck


def _frill(kit: Kit, base: Run) -> None:
    """A second, falling frill under the stand, on half of the ruffled necks."""
    if kit.rng.random() < 0.5:
        kit.pen.crease(base, kit.cloth, 0.8, 0.3)
        return
    frill(kit, base, 4.2)


def cowl_neck(kit: Kit) -> Neck:
    """A wide neck from whose shoulders the cloth hangs in bows."""
    w, depth = kit.body.neck, kit.rng.uniform(9, 12)
    edge = [(-w, 0.0), (-w * 0.62, depth * 0.72), (0.0, depth), (w * 0.62, depth * 0.72), (w, 0.0)]
    neck = Neck(hole(edge), back=1.2)

    lean = kit.rng.normal(0, 1.2)

    def arc(out: float, fall: float) -> list[Point]:
        """A bow that hangs from both shoulders."""
        x, y = w + out, kit.body.slope * out / (kit.body.shoulder - w) + 0.2
        return [
            (-x, y),
            (-x * 0.74, y + 0.52 * fall),
            (-x * 0.36, 0.91 * fall),
            (lean * 0.6, fall),
            (x * 0.40, 0.90 * fall),
            (x * 0.76, y + 0.50 * fall),
            (x, y),
        ]

    def over() -> None:
        pen = kit.pen
        reach = min(6.5, kit.body.shoulder - w - 0.5)
        for out, fall in ((reach, depth + 14.5), (reach * 0.5, depth + 7.0)):  # the lower layer first
            path = pen.path(edge, arc(out, fall)[::-1])
            pen.piece(path, kit.cloth, shadow=1.7, edge=0.0)
            pen.folds(
                path,
                kit.cloth,
                [
                    (arc(out * 0.9, fall - 1.2), 2.0, 0.9),
                    (arc(out * 0.7, fall - 3.6), 1.7, 0.6),
                    (arc(out * 0.45, fall - 5.4 + lean * 0.3), 1.3, 0.4),
                ],
            )
        rim = [(x * 1.02, y + 1.7) for x, y in edge]
        path = pen.band(edge, rim, kit.cloth, edge=0.3)
        pen.crease(rim, kit.cloth, 1.2, 0.3)

    neck.over.append(over)
    return neck


NECKS: dict[tuple[str, int], Callable[[Kit], Neck]] = {
    ("neck_design", 1): turtle_neck,
    ("neck_design", 2): ruffle_neck,
    ("neck_design", 3): low_turtle,
    ("neck_design", 4): cowl_neck,
}
