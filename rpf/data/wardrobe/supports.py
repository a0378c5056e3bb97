"""What holds a garment: a hanger, or a plain mannequin that wears it."""

import numpy as np

from rpf.data.wardrobe.kit import Kit
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import Plan


def hold_top(kit: Kit, plan: Plan) -> None:
    """Draws the support of an upper garment or dress; called when its inside is drawn and its front is not yet."""


def hold_bottom(pen: Pen, plan: Plan, waist: float, rng: np.random.Generator) -> None:
    """The same for skirts and trousers, whose waistband has the half width `waist`."""


def clip_bottom(pen: Pen, plan: Plan, waist: float, rng: np.random.Generator) -> None:
    """What a hanger holds skirts and trousers with; called when all else is drawn."""
