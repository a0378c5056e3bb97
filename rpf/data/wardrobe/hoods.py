"""Hoods: they end a neck that no attribute describes."""

from rpf.data.wardrobe.kit import Kit, Neck
from rpf.data.wardrobe.necklines import round_neck


def hood(kit: Kit) -> Neck:
    return round_neck(kit)
