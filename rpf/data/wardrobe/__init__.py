"""Garments that the program draws itself, with exact labels for FashionAI's eight attributes."""

from rpf.data.wardrobe.draw import Drawing, balanced, draw, sample

__all__ = ["Drawing", "balanced", "draw", "sample"]
