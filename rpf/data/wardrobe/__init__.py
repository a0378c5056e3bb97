"""Garments that the program draws itself, with exact labels for FashionAI's eight attributes."""

from rpf.data.wardrobe.draw import Drawing, draw

__all__ = ["Drawing", "draw"]
