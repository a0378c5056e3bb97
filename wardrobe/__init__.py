"""Garments that the program draws itself, with exact labels for FashionAI's eight attributes."""

from wardrobe.generator import VERSION, Drawing, balanced, describe, draw, sample

__all__ = ["VERSION", "Drawing", "balanced", "describe", "draw", "sample"]
