"""Drawing context that all parts of an upper garment share, and the description of its neck."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from wardrobe.drawing.geometry import Curve
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.colours import Colour, luminance, mix
from wardrobe.fabric.materials import Cloth
from wardrobe.silhouette.garment_body import Body
from wardrobe.spec import Plan


@dataclass
class DrawingContext:
    """Pen, random generator, measurements and cloths that the parts of a garment are drawn with."""

    pen: Pen
    rng: np.random.Generator
    body: Body
    cloth: Cloth
    lining: Cloth
    trim: Cloth
    plan: Plan
    printed: bool = False  # has a chest print

    @property
    def garment(self) -> str:
        return self.plan.garment


@dataclass
class Neck:
    """A neck: the opening it cuts into the front (one contour), and its drawing steps below and on top of the front."""

    opening: Sequence[Curve]
    draw_under: list[Callable[[], None]] = field(default_factory=list)  # steps on the lining, behind a mannequin's neck
    draw_over: list[Callable[[], None]] = field(default_factory=list)
    back_dip: float = 1.8  # dip of the back neckline
    closure: str = "closed"  # closed, buttons, zip or open
    bottom: float = 0.0  # y of the opening's end, where a placket begins


def button_colour(ctx: DrawingContext) -> Colour:
    """Return the colour of the garment's buttons, derived from the cloth's seed."""
    base = ctx.cloth.colour
    options = ((236, 230, 218), mix(base, (20, 16, 20), 0.55), (92, 66, 48), (58, 56, 60))
    if luminance(base) < 0.3:
        options = (mix(base, (0, 0, 0), 0.5), mix(base, (255, 255, 255), 0.3), (120, 96, 70), (188, 164, 110))
    return options[ctx.cloth.seed // 7 % len(options)]


def lace_trimmed(ctx: DrawingContext) -> bool:
    """Tell whether the edges of the garment have lace."""
    fine = ctx.garment in ("blouse", "dress", "top") and ctx.cloth.material in ("viscose", "satin", "cotton", "velvet")
    return fine and ctx.cloth.pattern == "plain" and ctx.cloth.seed // 13 % 10 < 4


def metal_colour(ctx: DrawingContext) -> Colour:
    """Return the colour of the garment's zips and buckles, derived from the cloth's seed."""
    return ((186, 188, 192), (190, 168, 116), (120, 122, 128))[ctx.cloth.seed % 3]


def grain_angle(ctx: DrawingContext) -> float:
    """Return the angle of a collar's grain to the body's, in degrees; larger where the pattern shows it."""
    return 38.0 if ctx.cloth.is_patterned else 20.0


def jitter(ctx: DrawingContext, strength: float = 0.35) -> tuple[float, float]:
    """Choose a small shift, so that the two sides of a neck differ."""
    dx, dy = np.clip(ctx.rng.normal(0, strength, 2), -2 * strength, 2 * strength)
    return float(dx), float(dy)
