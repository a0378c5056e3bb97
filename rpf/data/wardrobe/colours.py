"""Colours that garments are worn in, and how colours are mixed."""

import skia

Colour = tuple[int, int, int]

LIGHT = ("f4f1ea", "f7f5f2", "ece4d4", "e9ddd0", "dfe5ea", "f0dfd8", "e3e8dc", "f3e9c9", "d9d4cc", "e6dcec")
MIDDLE = (
    "c9a27e", "b58b63", "c4b59b", "a9b7a0", "8fa3b5", "d4a5a5", "c98f7a", "d9b26a", "9fb8c8", "b9a3bf",
    "8a9a5b", "7f9c96", "c46f5a", "d98b6a", "6f8fb0", "a3a6a8", "8c8f92", "b7797e", "e0b4b4", "93b3a2",
)  # fmt: skip
DEEP = (
    "1f2a44", "22304f", "2b2c30", "26272b", "33363b", "4a4e55", "4b2e2a", "5c3a2e", "6e2a35", "8c2f39",
    "2f4a3f", "3d4f3a", "5a5f3c", "2d5560", "1f4e6b", "35506e", "4a3a5c", "7a3b2e", "a23b2c", "b5462f",
    "c08a2b", "2a5d8a", "3c6e5f", "74424f",
)  # fmt: skip
DENIM = ("2c3e57", "3a5273", "4d6a8d", "6f8cad", "9db3c9", "2a3140", "3d444e", "5c6b7a")
SUITING = (
    "2b2d33", "1f2a44", "3c3f45", "5b5e63", "b59a78", "8b6f55", "c2b8a3", "6f7668",
    "4a2f2f", "37453d", "7d8794", "d8d0c0", "5e2732", "9c8f80",
)  # fmt: skip


def rgb(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def mix(a: Colour, b: Colour, t: float) -> Colour:
    r, g, bl = (round(x + (y - x) * t) for x, y in zip(a, b, strict=True))
    return r, g, bl


def luminance(colour: Colour) -> float:
    """Perceived lightness, 0 to 1."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def argb(colour: Colour, alpha: float = 1.0) -> int:
    return skia.Color(*colour, round(255 * min(max(alpha, 0.0), 1.0)))
