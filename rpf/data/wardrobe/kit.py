"""What the parts of a garment share: the kit they are drawn with, and how a neck is described."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rpf.data.wardrobe.body import Body
from rpf.data.wardrobe.cloth import Cloth
from rpf.data.wardrobe.geometry import Point, Run, flipped
from rpf.data.wardrobe.pen import Pen


@dataclass
class Kit:
    """Everything that a part of a garment is drawn with."""

    pen: Pen
    rng: np.random.Generator
    body: Body
    cloth: Cloth
    lining: Cloth
    trim: Cloth
    garment: str


@dataclass
class Neck:
    """How a neck is drawn: the hole it cuts into the front (one contour), and what lies upon it."""

    opening: Sequence[Run]
    over: list[Callable[[], None]] = field(default_factory=list)
    back: float = 1.8  # how far the back of the neck dips
    front: str = "closed"  # closed, buttons, zip, open
    bottom: float = 0.0  # y where the opening ends and a placket begins


def hole(edge: Run) -> list[Run]:
    """The contour of an opening under which `edge` runs, from the left end to the right one."""
    (x0, _), (x1, _) = edge[0], edge[-1]
    return [edge, [(x1, -25.0), (x0, -25.0)]]


def round_edge(width: float, depth: float) -> list[Point]:
    """A U from the left shoulder to the right one."""
    half = [(width, 0.0), (width * 0.93, depth * 0.38), (width * 0.62, depth * 0.82), (0.0, depth)]
    return [*flipped(half), *reversed(half[:-1])]


def symmetric(right: Run) -> list[Point]:
    """A run that ends in the middle, continued from the left end to the right one."""
    return [*flipped(right), *list(reversed(right))[1:]]


def frill(kit: Kit, run: Run, depth: float) -> None:
    """A gathered strip that hangs from a run (given from left to right)."""
    lower = []
    n = max(int(abs(run[-1][0] - run[0][0]) / 1.9), 8)
    xs = np.linspace(0, 1, 2 * n + 1)
    points = np.asarray(run)
    at = np.linspace(0, 1, len(run))
    for i, t in enumerate(xs):
        x, y = float(np.interp(t, at, points[:, 0])), float(np.interp(t, at, points[:, 1]))
        lower.append((x * 1.06, y + depth + (0.45 if i % 2 else -0.35)))
    path = kit.pen.path(list(run), lower[::-1])
    kit.pen.piece(path, kit.cloth, shadow=0.8, edge=0.5)
    for i in range(1, 2 * n, 2):
        t = float(xs[i])
        x, y = float(np.interp(t, at, points[:, 0])), float(np.interp(t, at, points[:, 1]))
        kit.pen.line([(x, y), (lower[i][0], lower[i][1] - 0.5)], kit.cloth.shade, 0.22, 0.32)
    kit.pen.crease(run, kit.cloth, 0.6, 0.3)


def maker_tag(kit: Kit, y: float) -> None:
    """The maker's small label inside the back of the neck."""
    if kit.rng.random() < 0.6:
        path = kit.pen.path([(-1.6, y), (1.6, y)], [(1.6, y + 1.7), (-1.6, y + 1.7)])
        kit.pen.piece(path, kit.trim.plain(), edge=0.1, shadow=0.2)
