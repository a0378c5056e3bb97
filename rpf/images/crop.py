"""Crop of an image: turned by quarters first, then cut to a rectangle."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rpf.errors import BadImage, QueryError
from rpf.images.decode import MIN_SIDE, open_image
from rpf.images.frame import fill_frame

TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
DECIMALS = 4  # of the sides in a text
THUMBNAIL_SCALE = 2  # sides of a thumbnail that are decoded at least, so that it is as sharp as of the whole image
TOLERANCE = 10**-DECIMALS  # by which a rectangle may stick out, for rounding


class CroppedImage(NamedTuple):
    """A cropped image, and where it lies in the whole one."""

    image: Image.Image
    offset: tuple[int, int]  # left, top in pixels of the whole image, turned
    whole: tuple[int, int]  # width, height of the whole image, turned, in pixels


@dataclass(frozen=True)
class Crop:
    """A rectangle in a turned image; left, top, width and height are shares of the turned image's sides, 0 to 1."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    turn: int = 0  # degrees clockwise: 0, 90, 180 or 270

    def __post_init__(self) -> None:
        """Raise QueryError for a rectangle that is empty or sticks out, and for another turn."""
        inside = all(
            start >= 0 and size > 0 and start + size <= 1 + TOLERANCE  # not of NaN
            for start, size in ((self.left, self.width), (self.top, self.height))
        )
        if not inside or self.turn not in (0, *TURNS):
            raise not_a_crop(f"{self.rectangle} {self.turn}")

    @classmethod
    def parse(cls, rectangle: str, turn: str | int = 0) -> "Crop":
        """Parse "left,top,width,height", the whole image if empty, and degrees. Raises QueryError."""
        try:
            left, top, width, height = map(float, (rectangle or "0,0,1,1").split(","))
            return cls(left, top, width, height, int(turn))
        except ValueError:
            raise not_a_crop(f"{rectangle} {turn}".strip()) from None

    @property
    def rectangle(self) -> str:
        """Return the rectangle as text, as `parse` reads it."""
        return ",".join(f"{round(side, DECIMALS):g}" for side in (self.left, self.top, self.width, self.height))

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is cut off."""
        return min(self.width, self.height) >= 1 - TOLERANCE

    def turned(self) -> "Crop":
        """Return the crop of the same part of the image when that is turned by 90 degrees more, clockwise."""
        left = max(0.0, 1 - self.top - self.height)
        return Crop(left, self.left, self.height, self.width, (self.turn + 90) % 360)

    def apply(self, image: Image.Image) -> CroppedImage:
        """Turn and cut an image. Raises BadImage where too little is left."""
        if self.turn:
            image = image.transpose(TURNS[self.turn])
        whole = image.size
        if self.is_whole:
            return CroppedImage(image, (0, 0), whole)
        # Rounded first, or 0.69 + 0.09 of 200 pixels would end at 157.
        left, top = (
            math.floor(round(start * side, 6)) for start, side in zip((self.left, self.top), whole, strict=True)
        )
        ends = zip((self.left + self.width, self.top + self.height), whole, strict=True)
        right, bottom = (min(side, math.ceil(round(end * side, 6))) for end, side in ends)
        if min(right - left, bottom - top) < MIN_SIDE:
            raise BadImage(
                "The crop is too small (%(width)d x %(height)d pixels); each side needs at least %(least)d.",
                width=right - left, height=bottom - top, least=MIN_SIDE,
            )  # fmt: skip
        return CroppedImage(image.crop((left, top, right, bottom)), (left, top), whole)


WHOLE = Crop()


def not_a_crop(text: str) -> QueryError:
    """Make the error for a text that says no crop."""
    return QueryError(
        'A crop is left, top, width and height as shares of the sides of the photo, such as "0.25,0,0.5,1", and a turn '
        'of 0, 90, 180 or 270 degrees; not "%(text)s".',
        text=text,
    )


def thumbnail(source: bytes | Path, side: int, crop: Crop = WHOLE, ratio: float | None = None) -> bytes:
    """Encode an image, or a crop of it, as a WebP that fits into side x side pixels; never enlarged.

    ratio: width to height of the frame that is to be filled around it, if one is.

    Raises as `open_image`.
    """
    image = crop.apply(open_image(source, THUMBNAIL_SCALE * side) if crop.is_whole else open_image(source)).image
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if ratio:
        image = fill_frame(image, ratio)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()
