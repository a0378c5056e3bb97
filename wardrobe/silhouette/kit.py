"""What the parts of a garment share: the kit they are drawn with, and how a neck is described."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from wardrobe.drawing.geometry import Point, Run, between, flipped
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.cloth import Cloth
from wardrobe.fabric.colours import Colour, luminance, mix
from wardrobe.silhouette.body import Body
from wardrobe.spec import Plan


@dataclass
class Kit:
    """Everything that a part of a garment is drawn with."""

    pen: Pen
    rng: np.random.Generator
    body: Body
    cloth: Cloth
    lining: Cloth
    trim: Cloth
    plan: Plan
    printed: bool = False  # a print lies on the chest

    @property
    def garment(self) -> str:
        return self.plan.garment


@dataclass
class Neck:
    """How a neck is drawn: the hole it cuts into the front (one contour), and what lies upon it."""

    opening: Sequence[Run]
    under: list[Callable[[], None]] = field(default_factory=list)  # on the lining, behind a mannequin's neck
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


def front_opening(kit: Kit, stop: float, open_gap: float) -> tuple[list[list[Point]], list[Point]]:
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
    else:
        right = between((w, 0.0), (0.0, stop), 0.05)
    return [flipped(right), right[::-1], [(w, -25.0), (-w, -25.0)]], right


def button_colour(kit: Kit) -> Colour:
    """The same for all buttons of a garment."""
    base = kit.cloth.colour
    options = ((236, 230, 218), mix(base, (20, 16, 20), 0.55), (92, 66, 48), (58, 56, 60))
    if luminance(base) < 0.3:
        options = (mix(base, (0, 0, 0), 0.5), mix(base, (255, 255, 255), 0.3), (120, 96, 70), (188, 164, 110))
    return options[kit.cloth.seed // 7 % len(options)]


def lace_trimmed(kit: Kit) -> bool:
    """Whether the edges of a fine garment have lace."""
    fine = kit.garment in ("blouse", "dress", "top") and kit.cloth.fabric in ("viscose", "satin", "cotton", "velvet")
    return fine and kit.cloth.kind == "plain" and kit.cloth.seed // 13 % 10 < 4


def metal_colour(kit: Kit) -> Colour:
    """The same for all zips and buckles of a garment."""
    return ((186, 188, 192), (190, 168, 116), (120, 122, 128))[kit.cloth.seed % 3]
