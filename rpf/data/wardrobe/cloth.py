"""What garments are made of: a colour, a pattern and a texture that go together."""

import math
from dataclasses import dataclass, replace

import numpy as np
import skia

from rpf.data.wardrobe.colours import DEEP, DENIM, LIGHT, MIDDLE, SUITING, Colour, argb, luminance, mix, rgb
from rpf.data.wardrobe.weaves import GRAIN, grain, tile

PATTERNS_OF: dict[str, tuple[str, ...]] = {
    "T-shirt": ("plain", "plain", "stripes", "heather", "colour block", "dots"),
    "shirt": ("plain", "check", "pinstripes", "denim", "oxford", "dots"),
    "blouse": ("plain", "plain", "dots", "floral", "pinstripes", "floral"),
    "sweater": ("knit", "knit", "wide stripes", "heather", "chunky"),
    "cardigan": ("knit", "knit", "chunky", "heather", "wide stripes"),
    "jacket": ("plain", "plain", "denim", "twill"),
    "coat": ("twill", "plain", "herringbone", "check", "twill"),
    "blazer": ("twill", "plain", "pinstripes", "check", "herringbone"),
    "top": ("plain", "plain", "heather", "stripes", "floral", "dots"),
    "hoodie": ("heather", "plain", "plain", "heather"),
    "vest": ("plain", "twill", "knit", "denim"),
    "dress": ("plain", "plain", "floral", "dots", "check", "pinstripes", "stripes"),
    "skirt": ("plain", "plain", "check", "denim", "floral", "dots", "twill"),
    "trousers": ("denim", "plain", "twill", "pinstripes", "check", "denim"),
    "shorts": ("denim", "plain", "twill", "check", "stripes"),
}


@dataclass(frozen=True)
class Cloth:
    """One cloth. `scale` multiplies the size of its pattern, `tilt` turns it (degrees)."""

    colour: Colour
    accent: Colour
    kind: str = "plain"
    scale: float = 1.0
    tilt: float = 0.0
    seed: int = 0

    @property
    def dark(self) -> float:
        """How strong a shadow must be to show: black cloth needs more, and takes it without looking dirty."""
        light = luminance(self.colour)
        if self.kind in ("stripes", "wide stripes", "check", "dots"):
            light = (light + luminance(self.accent)) / 2
        return 0.75 if light > 0.8 else 0.9 if light > 0.25 else 1.25

    @property
    def light(self) -> float:
        """How strong a highlight is."""
        return 0.28 if luminance(self.colour) < 0.25 else 0.5

    @property
    def shade(self) -> Colour:
        """The colour of its shadows: deeper and a little cooler."""
        r, g, b = self.colour
        return int(r * 0.24), int(g * 0.22), int(b * 0.30)

    @property
    def seam(self) -> Colour:
        """The colour of its seams and edges."""
        return mix(self.colour, self.shade, 0.72) if luminance(self.colour) > 0.2 else mix(self.colour, (0, 0, 0), 0.75)

    def plain(self, darker: float = 0.0) -> "Cloth":
        """The same colour without its pattern, darker by a part of its shade (for linings and insides)."""
        texture = self.kind if self.kind in ("denim", "knit", "heather", "chunky") else "plain"
        return replace(self, colour=mix(self.colour, self.shade, darker), kind=texture)

    def paint(self, angle: float = 0.0) -> list[skia.Paint]:
        """The paints that lay this cloth onto a shape, one over the other; the pattern turned by `angle` degrees."""
        base = skia.Paint(Color=argb(self.colour), AntiAlias=True)
        paints = [base]
        local = skia.Matrix.RotateDeg(angle + self.tilt)
        repeat = tile(self.kind, self.colour, self.accent, self.scale, self.seed)
        if repeat is not None:
            picture, size = repeat
            shader = picture.makeShader(
                skia.TileMode.kRepeat, skia.TileMode.kRepeat, skia.FilterMode.kLinear, local, skia.Rect.MakeWH(*size)
            )
            paints.append(skia.Paint(Shader=shader, AntiAlias=True))
        specks, strength, stretch = GRAIN.get(self.kind, ("fine", 0.05, (0.2, 0.2)))
        local = skia.Matrix.Concat(local, skia.Matrix.Scale(*stretch))
        paints.append(
            skia.Paint(
                Shader=grain(specks).makeShader(
                    skia.TileMode.kRepeat, skia.TileMode.kRepeat, skia.SamplingOptions(skia.FilterMode.kLinear), local
                ),
                Alphaf=strength * (0.6 if luminance(self.colour) < 0.25 else 1.0),
                AntiAlias=True,
            )
        )
        return paints


def choose_cloth(garment: str, rng: np.random.Generator) -> Cloth:
    """A cloth that such a garment is really made of, in a colour it is really worn in."""
    kind = str(rng.choice(PATTERNS_OF[garment]))
    if kind == "denim":
        pool: tuple[str, ...] = DENIM
    elif garment in ("blazer", "coat", "trousers") and rng.random() < 0.6:
        pool = SUITING
    elif garment == "shirt" or kind == "oxford":
        pool = LIGHT + LIGHT + MIDDLE + DEEP[:8]
    else:
        pool = LIGHT + MIDDLE + DEEP
    colour = rgb(str(rng.choice(pool)))
    colour = mix(colour, rgb(str(rng.choice(MIDDLE))), float(rng.uniform(0, 0.12)))
    scale = math.exp(rng.normal(0, 0.22))
    return Cloth(colour, _accent(colour, kind, rng), kind, scale, seed=int(rng.integers(1 << 30)))


def _accent(colour: Colour, kind: str, rng: np.random.Generator) -> Colour:
    """A colour that can be told from the first and goes with it."""
    if luminance(colour) > 0.62:
        pool: tuple[str, ...] = (
            DEEP if kind in ("stripes", "wide stripes", "pinstripes", "dots", "check") else MIDDLE + DEEP
        )
    else:
        pool = LIGHT
    accent = rgb(str(rng.choice(pool)))
    return mix(accent, colour, 0.5 if kind == "pinstripes" and luminance(colour) < 0.3 else 0.12)
