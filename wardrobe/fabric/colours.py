"""Colour palettes of garments, and colour arithmetic."""

from collections.abc import Mapping

import numpy as np
import skia

Colour = tuple[int, int, int]

COLOUR_FAMILIES: dict[str, tuple[str, ...]] = {
    "black": ("17171a", "1c1c1f", "222226", "1a1b20"),
    "charcoal": ("3a3c42", "46484e", "2f3238", "54565c"),
    "grey": ("8b8e93", "a7a9ac", "c3c5c7", "6f7278", "b4b3b0"),
    "white": ("f7f6f4", "fbfaf8", "f2f1ee", "f5f3ec"),
    "cream": ("f1e8d6", "ece0c8", "f4ead9", "e8dccb"),
    "navy": ("1b2743", "1f2d52", "182038", "243357"),
    "blue": ("1f4fa3", "2c6ecb", "2560b8", "1768a8", "3b82d0", "27408b"),
    "sky": ("9cc4e4", "b7d3ea", "7fb2dc", "c9deee", "6fa8d6"),
    "denim": ("2c3e57", "3a5273", "4d6a8d", "6f8cad", "9db3c9", "24304a", "2a2f3a", "7d99b8"),
    "red": ("c11f2b", "d9303a", "a8152a", "cc2936", "b3202c"),
    "wine": ("6b1426", "7c2033", "59182a"),
    "pink": ("f3b6c8", "ee8fb0", "e0518c", "f7cfd9", "d9407c", "f0a3a3", "e8a0b4"),
    "orange": ("e8732c", "f08a4b", "d95f2b", "f2a07b"),
    "yellow": ("f2c230", "f6d75c", "e0a526", "f7e59a", "d29a22"),
    "green": ("1f6b45", "2f8f57", "14523a", "3fa66b", "0f6a5c", "6fb64a"),
    "olive": ("5b6140", "6f7349", "474c33", "8a8c62"),
    "mint": ("bfe3d3", "a9d8c6", "cfe6c9", "8fcabb"),
    "teal": ("12747d", "1f8a94", "0d5c66", "35a7ad"),
    "purple": ("5b3a8c", "7a4fb0", "452a66", "8f5aa8"),
    "lilac": ("cdbbe6", "d9c9ea", "b9a3d6", "e2d3ee"),
    "brown": ("5a3d2b", "6f4b33", "7d5a40", "452f24"),
    "camel": ("c29a68", "b88b58", "cfae84", "a87c4f"),
    "beige": ("d8c7ad", "cbb99d", "e0d3bf", "bfae95"),
    "rose": ("c98f8f", "b7797e", "d9b3ac"),
    "sage": ("a3b39a", "8fa089", "b9c4ae"),
    "rust": ("a4492a", "b85c38", "8f3f2b"),
}

Weights = Mapping[str, float]
CASUAL_COLOURS: Weights = {
    "black": 13, "white": 11, "navy": 9, "grey": 8, "charcoal": 5, "cream": 4, "blue": 8, "sky": 5, "red": 8, "wine": 3,
    "pink": 8, "orange": 3, "yellow": 5, "green": 6, "olive": 3, "mint": 2, "teal": 3, "purple": 3, "lilac": 2,
    "brown": 2, "camel": 2, "beige": 4, "rose": 2, "sage": 2, "rust": 2,
}  # fmt: skip
SHIRT_COLOURS: Weights = {
    "white": 24, "sky": 18, "navy": 8, "blue": 6, "black": 7, "pink": 6, "cream": 4, "grey": 4, "red": 3, "olive": 3,
    "green": 3, "lilac": 3, "beige": 4, "yellow": 2, "wine": 2, "charcoal": 2,
}  # fmt: skip
OUTERWEAR_COLOURS: Weights = {
    "black": 20, "navy": 14, "camel": 9, "grey": 8, "charcoal": 8, "beige": 7, "olive": 6, "red": 6, "blue": 4,
    "brown": 5, "wine": 3, "green": 4, "cream": 4, "pink": 3, "yellow": 3, "teal": 1, "rust": 2, "sage": 1,
}  # fmt: skip
SUIT_COLOURS: Weights = {
    "navy": 18, "black": 18, "charcoal": 12, "grey": 12, "beige": 8, "camel": 4, "blue": 5, "brown": 5, "wine": 3,
    "cream": 4, "olive": 3, "green": 3, "pink": 3, "red": 2, "sky": 2,
}  # fmt: skip
BOTTOM_COLOURS: Weights = {
    "black": 18, "navy": 13, "beige": 10, "grey": 9, "charcoal": 7, "olive": 6, "camel": 4, "white": 4, "brown": 4,
    "red": 4, "wine": 3, "green": 3, "blue": 5, "cream": 3, "pink": 3, "rust": 2, "sage": 2,
}  # fmt: skip
BRIGHT_FASHION_COLOURS: Weights = {
    "red": 10, "pink": 9, "blue": 9, "yellow": 6, "green": 7, "navy": 8, "black": 8, "white": 5, "teal": 5,
    "orange": 4, "purple": 5, "lilac": 3, "sky": 5, "mint": 3, "wine": 4, "cream": 3,
}  # fmt: skip
LEATHER_COLOURS: Weights = {"black": 14, "brown": 6, "wine": 2, "camel": 2, "red": 1}
DENIM_COLOURS: Weights = {"denim": 10, "black": 1, "white": 0.6}
PALE_FAMILIES = ("white", "cream", "sky", "pink", "mint", "lilac", "yellow", "beige")
STRONG_FAMILIES = (
    "navy",
    "black",
    "red",
    "blue",
    "green",
    "wine",
    "teal",
    "pink",
    "purple",
    "rust",
    "yellow",
    "orange",
)


def parse_hex(text: str) -> Colour:
    """Parse a colour written as rrggbb."""
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def choose_colour(weights: Weights, rng: np.random.Generator) -> Colour:
    """Choose a colour of a family drawn by its weight, slightly varied."""
    shares = np.array(list(weights.values()), dtype=float)
    family = COLOUR_FAMILIES[list(weights)[int(rng.choice(len(shares), p=shares / shares.sum()))]]
    towards = (255, 255, 255) if rng.random() < 0.5 else (0, 0, 0)
    return mix(parse_hex(family[rng.integers(len(family))]), towards, float(rng.uniform(0, 0.05)))


def contrasting_colour(colour: Colour, rng: np.random.Generator) -> Colour:
    """Choose a second colour that goes with the first and stands out from it."""
    light = luminance(colour)
    if light > 0.62:
        names: tuple[str, ...] = STRONG_FAMILIES
    elif light > 0.35:
        names = ("white", "white", "cream", "navy", "black")
    else:
        names = (
            ("white", "white", "white", "cream", *PALE_FAMILIES[2:], "red", "yellow")
            if saturation(colour) < 0.5
            else PALE_FAMILIES[:2]
        )
    options = [parse_hex(c) for name in names for c in COLOUR_FAMILIES[name]]
    options = [c for c in options if abs(luminance(c) - light) > 0.22] or [parse_hex("f7f6f4"), parse_hex("17171a")]
    return options[rng.integers(len(options))]


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """Mix two colours; t = 0 gives a, t = 1 gives b."""
    r, g, bl = (round(x + (y - x) * t) for x, y in zip(a, b, strict=True))
    return r, g, bl


def luminance(colour: Colour) -> float:
    """Compute perceived lightness, 0 to 1."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def saturation(colour: Colour) -> float:
    """Compute saturation, 0 (grey) to 1."""
    return (max(colour) - min(colour)) / max(*colour, 1)


def argb(colour: Colour, alpha: float = 1.0) -> int:
    """Pack a colour and an opacity for Skia."""
    return skia.Color(*colour, round(255 * min(max(alpha, 0.0), 1.0)))
