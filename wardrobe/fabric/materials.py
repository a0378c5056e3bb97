"""Cloth of a garment: material, pattern, colours, and which of them each kind of garment is made of."""

import math
from dataclasses import dataclass, replace

import numpy as np
import skia

from wardrobe.fabric.colours import (
    BOTTOM_COLOURS,
    BRIGHT_FASHION_COLOURS,
    CASUAL_COLOURS,
    DENIM_COLOURS,
    LEATHER_COLOURS,
    OUTERWEAR_COLOURS,
    SHIRT_COLOURS,
    SUIT_COLOURS,
    Colour,
    Weights,
    argb,
    choose_colour,
    contrasting_colour,
    luminance,
    mix,
    parse_hex,
)
from wardrobe.fabric.woven_patterns import GRAIN_BY_PATTERN, TEXTURE_PATTERNS, grain_tile, pattern_tile


def _cloths(fabric: str, patterns: str) -> tuple[tuple[str, str], ...]:
    """Pair a material with patterns, each written "name" or "name*times"."""
    pairs: list[tuple[str, str]] = []
    for entry in patterns.split():
        name, _, times = entry.partition("*")
        pairs += [(fabric, name.replace("-", " "))] * int(times or 1)
    return tuple(pairs)


# (material, pattern) pairs of each garment; repeated pairs are chosen more often.
CLOTHS_BY_GARMENT: dict[str, tuple[tuple[str, str], ...]] = {
    "T-shirt": _cloths(
        "jersey", "plain*9 stripes breton*2 multi-stripes heather*3 colour-block dots camouflage floral wide-stripes"
    ),
    "shirt": _cloths(
        "cotton", "plain*5 check*3 gingham vertical-stripes*2 pinstripes oxford*2 dots ditsy buffalo windowpane"
    )
    + _cloths("linen", "plain*2 vertical-stripes")
    + _cloths("denim", "denim*2"),
    "blouse": _cloths("viscose", "plain*4 dots*2 floral*2 ditsy*2 blooms leopard vertical-stripes geometric big-dots")
    + _cloths("satin", "plain*2")
    + _cloths("cotton", "plain*3 gingham pinstripes ditsy")
    + _cloths("linen", "plain"),
    "sweater": _cloths(
        "knit", "knit*6 chunky*2 cable*2 fair-isle*2 stripes breton wide-stripes heather*3 multi-stripes plain*2"
    ),
    "cardigan": _cloths("knit", "knit*6 chunky*2 cable*2 fair-isle heather*3 plain*2 stripes"),
    "hoodie": _cloths("fleece", "plain*6 heather*4 colour-block camouflage stripes"),
    "jacket": _cloths("nylon", "plain*4 camouflage")
    + _cloths("cotton", "plain*2 twill")
    + _cloths("leather", "plain*3")
    + _cloths("denim", "denim*4")
    + _cloths("wool", "check corduroy"),
    "coat": _cloths("wool", "plain*4 twill*2 herringbone check tweed windowpane")
    + _cloths("nylon", "plain*4")
    + _cloths("cotton", "plain*2"),
    "blazer": _cloths("wool", "plain*4 twill pinstripes*2 check windowpane herringbone tweed")
    + _cloths("linen", "plain*2")
    + _cloths("velvet", "plain"),
    "top": _cloths("jersey", "plain*5 heather stripes*2 floral leopard dots")
    + _cloths("cotton", "plain gingham ditsy floral")
    + _cloths("satin", "plain*2"),
    "vest": _cloths("nylon", "plain*3")
    + _cloths("wool", "plain*2 check tweed")
    + _cloths("knit", "knit*2 cable")
    + _cloths("denim", "denim*2"),
    "dress": _cloths("viscose", "plain*3 floral*3 ditsy*2 blooms*2 dots*2 big-dots leopard geometric multi-stripes")
    + _cloths("jersey", "plain*3 stripes*2 breton")
    + _cloths("cotton", "plain*2 gingham check vertical-stripes floral")
    + _cloths("satin", "plain*2")
    + _cloths("velvet", "plain")
    + _cloths("linen", "plain"),
    "skirt": _cloths("cotton", "plain*3 floral gingham dots")
    + _cloths("wool", "plain*2 check*2 tweed buffalo")
    + _cloths("viscose", "plain*2 floral ditsy blooms dots leopard geometric")
    + _cloths("denim", "denim*3")
    + _cloths("leather", "plain")
    + _cloths("satin", "plain*2")
    + _cloths("cotton", "corduroy"),
    "trousers": _cloths("denim", "denim*5")
    + _cloths("cotton", "plain*3 twill*2 corduroy")
    + _cloths("wool", "plain*2 pinstripes check")
    + _cloths("linen", "plain")
    + _cloths("fleece", "plain*2 heather*2")
    + _cloths("viscose", "plain*2 floral geometric")
    + _cloths("jersey", "plain*2 geometric")
    + _cloths("nylon", "plain*2"),
    "shorts": _cloths("denim", "denim*4")
    + _cloths("cotton", "plain*3 twill check camouflage")
    + _cloths("fleece", "plain heather")
    + _cloths("nylon", "plain*2 floral geometric")
    + _cloths("linen", "plain"),
}
# Kind and opacity of each material's wrinkles.
WRINKLES_BY_MATERIAL: dict[str, tuple[str, float]] = {
    "cotton": ("crumple", 0.145),
    "linen": ("crumple", 0.24),
    "denim": ("crumple", 0.14),
    "nylon": ("crumple", 0.17),
    "jersey": ("ease", 0.12),
    "fleece": ("ease", 0.08),
    "knit": ("ease", 0.06),
    "wool": ("ease", 0.07),
    "leather": ("ease", 0.26),
    "velvet": ("ease", 0.22),
    "viscose": ("drape", 0.13),
    "satin": ("drape", 0.19),
}
GLOSSY_MATERIALS = ("satin", "leather", "nylon", "velvet")


@dataclass(frozen=True)
class Cloth:
    """A cloth: material, pattern and two colours; `scale` multiplies the size of the pattern."""

    colour: Colour
    accent: Colour
    pattern: str = "plain"
    scale: float = 1.0
    seed: int = 0
    material: str = "cotton"

    @property
    def wrinkles(self) -> tuple[str, str, float]:
        """Kind and tone of the wrinkle texture (see `wrinkle_light`), and its opacity."""
        kind, strength = WRINKLES_BY_MATERIAL[self.material]
        light = luminance(self.colour)
        tone = (
            "gloss"
            if self.material in GLOSSY_MATERIALS
            else "pale"
            if light > 0.72
            else "middle"
            if light > 0.25
            else "dark"
        )
        return kind, tone, strength

    @property
    def shadow_strength(self) -> float:
        """Factor for the opacity of shadows: dark cloth needs stronger ones before they show."""
        light = luminance(self.colour)
        if "stripes" in self.pattern or self.pattern in ("check", "gingham", "buffalo", "blooms"):
            light = (light + luminance(self.accent)) / 2
        return 0.75 if light > 0.8 else 0.9 if light > 0.25 else 1.25

    @property
    def highlight_strength(self) -> float:
        """Factor for the opacity of highlights."""
        return 0.28 if luminance(self.colour) < 0.25 else 0.5

    @property
    def shade(self) -> Colour:
        """Colour of shadows: darker and slightly cooler."""
        r, g, b = self.colour
        return int(r * 0.24), int(g * 0.22), int(b * 0.30)

    @property
    def seam(self) -> Colour:
        """Colour of seams and edges."""
        return mix(self.colour, self.shade, 0.72) if luminance(self.colour) > 0.2 else mix(self.colour, (0, 0, 0), 0.75)

    @property
    def is_patterned(self) -> bool:
        """True for prints, stripes and checks; a texture alone is no pattern."""
        return self.pattern not in ("plain", "oxford", *TEXTURE_PATTERNS)

    @property
    def is_dark(self) -> bool:
        """True where shadows hardly show."""
        light = luminance(self.colour)
        return (light + luminance(self.accent)) / 2 < 0.3 if self.is_patterned else light < 0.3

    @property
    def highlight(self) -> tuple[Colour, float]:
        """Colour and opacity of light on edges, chosen to show on black and not to glare on white."""
        return mix(self.colour, (255, 255, 255), 0.42 if self.is_dark else 0.6), 0.5

    def plain(self, darker: float = 0.0) -> "Cloth":
        """Return the cloth without its pattern, darkened by a share of its shade (for linings and insides)."""
        texture = (
            self.pattern if self.pattern in TEXTURE_PATTERNS else "knit" if self.pattern == "fair isle" else "plain"
        )
        return replace(self, colour=mix(self.colour, self.shade, darker), pattern=texture)

    def paint(self, angle: float = 0.0) -> list[skia.Paint]:
        """Return the paints to fill a shape with, in order; the pattern is rotated by `angle` degrees."""
        base = skia.Paint(Color=argb(self.colour), AntiAlias=True)
        paints = [base]
        local = skia.Matrix.RotateDeg(angle)
        repeat = pattern_tile(self.pattern, self.colour, self.accent, self.scale, self.seed)
        if repeat is not None:
            recording, size = repeat
            shader = recording.makeShader(
                skia.TileMode.kRepeat, skia.TileMode.kRepeat, skia.FilterMode.kLinear, local, skia.Rect.MakeWH(*size)
            )
            paints.append(skia.Paint(Shader=shader, AntiAlias=True))
        if self.pattern in GRAIN_BY_PATTERN:
            specks, strength, stretch = GRAIN_BY_PATTERN[self.pattern]
            local = skia.Matrix.Concat(local, skia.Matrix.Scale(*stretch))
            shader = grain_tile(specks).makeShader(
                skia.TileMode.kRepeat, skia.TileMode.kRepeat, skia.SamplingOptions(skia.FilterMode.kLinear), local
            )
            strength *= 0.7 if luminance(self.colour) < 0.25 else 1.0
            paints.append(skia.Paint(Shader=shader, Alphaf=strength, AntiAlias=True))
        return paints


def choose_cloth(garment: str, rng: np.random.Generator) -> Cloth:
    """Choose a cloth and colour that such a garment is usually made of."""
    fabric, kind = CLOTHS_BY_GARMENT[garment][rng.integers(len(CLOTHS_BY_GARMENT[garment]))]
    colour = _choose_colour(garment, fabric, kind, rng)
    accent = contrasting_colour(colour, rng)
    if kind == "pinstripes":
        accent = mix(accent, colour, 0.35)
    scale = math.exp(rng.normal(0, 0.22))
    return Cloth(colour, accent, kind, scale, seed=int(rng.integers(1 << 30)), material=fabric)


def _choose_colour(garment: str, fabric: str, kind: str, rng: np.random.Generator) -> Colour:
    fixed = {
        "leopard": ("d2a870", "c7a27a", "e3cda6", "b9b4ac"),
        "camouflage": ("6c7350", "7b7a5c", "8a8c86", "9a8a6a", "5c6470"),
        "breton": ("f7f6f4", "f5f3ec", "f7f6f4", "1b2743"),
        "gingham": ("f7f6f4", "fbfaf8"),
        "buffalo": ("b3202c", "c11f2b", "f2f1ee", "2f8f57", "d9b04a"),
        "tweed": ("8b8e93", "6f6a60", "7d6a54", "54565c", "b4a893"),
    }
    if kind in fixed:
        return parse_hex(str(rng.choice(fixed[kind])))
    pools: dict[str, Weights] = {
        "shirt": SHIRT_COLOURS, "coat": OUTERWEAR_COLOURS, "jacket": OUTERWEAR_COLOURS, "vest": OUTERWEAR_COLOURS,
        "blazer": SUIT_COLOURS, "trousers": BOTTOM_COLOURS, "shorts": BOTTOM_COLOURS,
        "skirt": BOTTOM_COLOURS if rng.random() < 0.5 else CASUAL_COLOURS,
    }  # fmt: skip
    pool = pools.get(garment, CASUAL_COLOURS)
    if fabric in ("denim", "leather"):
        pool = DENIM_COLOURS if fabric == "denim" else LEATHER_COLOURS
    elif fabric in ("satin", "velvet") or (
        kind in ("floral", "blooms", "big dots", "geometric") and rng.random() < 0.5
    ):
        pool = BRIGHT_FASHION_COLOURS
    return choose_colour(pool, rng)
