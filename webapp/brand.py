"""Brand of the site: the operator's name, logo and accent colour."""

import hashlib
import io
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from webapp.widget.colours import Colour, accent_sheet

DEFAULT_NAME = "RPF Fashion Search"
MAX_NAME_LENGTH = 60  # characters
MAX_LOGO_BYTES = 512 * 1024
LOGO_HEIGHT = 28  # pixels in the header
WORDMARK_RATIO = 2.0  # width to height from which on a logo is taken for the written name
SVG_TYPE = "image/svg+xml"
SVG_TAG = "{http://www.w3.org/2000/svg}svg"


@dataclass(frozen=True)
class Logo:
    """Content of a logo file."""

    data: bytes
    media_type: str
    ratio: float  # width to height

    @classmethod
    def read(cls, path: Path) -> "Logo":
        """Read a logo. Raises ValueError with what the file must be, OSError."""
        if path.stat().st_size > MAX_LOGO_BYTES:
            raise ValueError(f"a file of up to {MAX_LOGO_BYTES // 1024} KB")
        data = path.read_bytes()
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return cls(data, SVG_TYPE, _svg_ratio(data))
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "WEBP")) as image:
                image.load()
                return cls(data, str(image.get_format_mimetype()), image.width / image.height)
        except Exception as error:  # decoders of damaged files raise nearly anything
            raise ValueError("an SVG, PNG or WebP file that is not damaged") from error

    @cached_property
    def version(self) -> str:
        """Return a part of the hash, which changes the address with the content."""
        return hashlib.sha256(self.data).hexdigest()[:12]

    @property
    def size(self) -> tuple[int, int]:
        """Return the width and the height in the header, in pixels."""
        return max(1, round(LOGO_HEIGHT * self.ratio)), LOGO_HEIGHT

    @property
    def is_wordmark(self) -> bool:
        """Return whether the logo is taken for the written name, which is then left out beside it."""
        return self.ratio >= WORDMARK_RATIO


@dataclass(frozen=True)
class Brand:
    """What all pages show of the operator."""

    name: str
    logo: Logo | None
    style: str  # a style sheet; "" for the site's own colours

    @classmethod
    def load(cls, name: str, logo: Path | None, accent: Colour | None) -> "Brand":
        """Read the files of a brand. Raises as `Logo.read`."""
        return cls(name, Logo.read(logo) if logo else None, accent_sheet(accent) if accent else "")

    @property
    def has_default_name(self) -> bool:
        """Return whether the operator gave no name."""
        return self.name == DEFAULT_NAME

    @cached_property
    def style_version(self) -> str:
        """Return a part of the hash of the style sheet."""
        return hashlib.sha256(self.style.encode()).hexdigest()[:12]


def _svg_ratio(data: bytes) -> float:
    """Return the width of an SVG to its height. Raises ValueError."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError("an SVG file that is not damaged") from error
    if root.tag != SVG_TAG:
        raise ValueError("an SVG, PNG or WebP file")
    sides = root.get("viewBox", "").replace(",", " ").split()[2:]
    sides = sides or [root.get(name, "").removesuffix("px") for name in ("width", "height")]
    try:
        width, height = map(float, sides)
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise ValueError
    except ValueError:
        raise ValueError("an SVG file with a viewBox, which says its shape") from None
    return width / height
