"""Ordinary images, drawn at test time with the sizes that cameras, phones and shops give them."""

import io
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageOps
from pillow_heif import register_heif_opener

from wardrobe import draw

register_heif_opener()

GRAIN = {0.1: 16.0, 1: 8.0, 3: 8.0, 12: 4.0, 24: 5.0, 50: 4.0}  # megapixels -> standard deviation of the noise, levels
SIZES = tuple(GRAIN)
LARGE = 12  # megapixels from which on a format may need less grain than JPEG
TURNED = 6  # EXIF orientation of a phone held upright
GRAIN_TILE = 2048


@dataclass(frozen=True)
class Format:
    """Encoding of an image; `grain` is the share of the usual noise in large images, as size or time allow."""

    suffix: str
    encode: Callable[[Image.Image], bytes]
    grain: float = 1.0
    max_megapixels: float = SIZES[-1]


def _encoded(kind: str, **options: Any) -> Callable[[Image.Image], bytes]:
    def encode(image: Image.Image) -> bytes:
        out = io.BytesIO()
        image.save(out, kind, **options)
        return out.getvalue()

    return encode


def _cmyk(image: Image.Image) -> bytes:
    return _encoded("JPEG", quality=85)(image.convert("CMYK"))


def _turned(image: Image.Image) -> bytes:
    """Store the image as the sensor saw it, with EXIF that says how to turn it."""
    stored = image.transpose(Image.Transpose.ROTATE_90)
    return _encoded("JPEG", quality=92, exif=phone_exif(stored))(stored)


def _heic(image: Image.Image) -> bytes:
    """Store tiles, turned by the container, as phones do. The options of x265 halve its time."""
    stored = image.transpose(Image.Transpose.ROTATE_90)
    fast = {"preset": "ultrafast", "x265:ctu": "32", "x265:min-cu-size": "32"}
    return _encoded("HEIF", quality=60, grid_tile_size=512, exif=phone_exif(stored), enc_params=fast)(stored)


def _png(image: Image.Image) -> bytes:
    if image.width * image.height > 40e6:
        image = ImageOps.posterize(image, 5)  # or it would be over the limit
    return _encoded("PNG", compress_level=1)(image)


def _transparent(image: Image.Image) -> bytes:
    """Cut the garment's corners off by an alpha channel."""
    mask = Image.radial_gradient("L").resize(image.size).point(lambda distance: 255 if distance < 250 else 0)
    image.putalpha(mask)
    return _png(image)


FORMATS = {
    "jpeg": Format(".jpg", _encoded("JPEG", quality=92)),
    "jpeg progressive": Format(".jpg", _encoded("JPEG", quality=92, progressive=True)),
    "jpeg cmyk": Format(".jpeg", _cmyk, grain=0.5),
    "jpeg exif turned": Format(".JPG", _turned),
    "png": Format(".png", _png, grain=0.0),
    "png alpha": Format(".png", _transparent, max_megapixels=3),
    "webp": Format(".webp", _encoded("WEBP", quality=85, method=0)),
    "heic": Format(".HEIC", _heic, grain=0.3),
    "avif": Format(".avif", _encoded("AVIF", quality=80, speed=10), grain=0.5),
}


def make(name: str, megapixels: float) -> bytes:
    """Encode the scene of a size in a format."""
    form = FORMATS[name]
    grain = GRAIN[megapixels] * (form.grain if megapixels >= LARGE else 1.0)
    return form.encode(_with_grain(scene(megapixels), grain))


@lru_cache(maxsize=1)
def scene(megapixels: float) -> Image.Image:
    """Draw the garment of a size, upright and without grain; each other size is a landscape."""
    place = SIZES.index(megapixels)
    short = math.isqrt(int(megapixels * 1e6 * 3 / 4)) & ~1
    long = short * 4 // 3 & ~1
    garment = draw(300 + place, size=1200).image
    return ImageOps.fit(garment, (long, short) if place % 2 else (short, long), Image.Resampling.BICUBIC)


def _with_grain(image: Image.Image, deviation: float) -> Image.Image:
    if not deviation:
        return image.copy()
    tile, layer = _grain_tile(deviation), Image.new("L", image.size)
    for left in range(0, image.width, GRAIN_TILE):
        for top in range(0, image.height, GRAIN_TILE):
            layer.paste(tile, (left, top))
    return ImageChops.add(image, Image.merge("RGB", (layer,) * 3), offset=-128)


@cache
def _grain_tile(deviation: float) -> Image.Image:
    noise = np.random.default_rng(1).normal(128, deviation, (GRAIN_TILE, GRAIN_TILE))
    return Image.fromarray(noise.round().clip(0, 255).astype(np.uint8))


# ---- EXIF ----

_SIZES = {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}  # TIFF type -> bytes of a value
_Entry = tuple[int, int, bytes]  # tag, TIFF type, values


def phone_exif(image: Image.Image, orientation: int = TURNED) -> bytes:
    """Write EXIF as phones do: maker note, place, thumbnail. `image` is the stored one, before it is turned."""
    small = image.copy() if image.width < 1000 else image.reduce(image.width // 512)
    small.thumbnail((320, 320))
    thumbnail = _encoded("JPEG", quality=80)(small)
    note = b"Maker\0\0\1MM" + np.random.default_rng(2).bytes(20_000)
    sub = [(0x829A, 5, _rationals(1, 120)), (0x9003, 2, b"2025:06:01 12:30:00\0"), (0x927C, 7, note)]
    place = [
        (1, 2, b"N\0"), (2, 5, _rationals(21, 1, 1, 1, 4212, 100)),
        (3, 2, b"E\0"), (4, 5, _rationals(105, 1, 51, 1, 1530, 100)),
    ]  # fmt: skip

    def main(sub_at: int, place_at: int) -> list[_Entry]:
        return [
            (0x010F, 2, b"Maker\0"), (0x0110, 2, b"Phone 15\0"), (0x0112, 3, struct.pack(">H", orientation)),
            (0x011A, 5, _rationals(72, 1)), (0x8769, 4, struct.pack(">I", sub_at)),
            (0x8825, 4, struct.pack(">I", place_at)),
        ]  # fmt: skip

    def preview(data_at: int) -> list[_Entry]:
        length = struct.pack(">I", len(thumbnail))
        return [(0x0103, 3, b"\0\6"), (0x0201, 4, struct.pack(">I", data_at)), (0x0202, 4, length)]

    sub_at = 8 + len(_directory(main(0, 0), 8))
    place_at = sub_at + len(_directory(sub, 0))
    preview_at = place_at + len(_directory(place, 0))
    data_at = preview_at + len(_directory(preview(0), 0))
    parts = [
        _directory(main(sub_at, place_at), 8, preview_at), _directory(sub, sub_at), _directory(place, place_at),
        _directory(preview(data_at), preview_at), thumbnail,
    ]  # fmt: skip
    return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + b"".join(parts)


def _rationals(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _directory(entries: list[_Entry], start: int, following: int = 0) -> bytes:
    """Build one TIFF directory at the offset `start`, with its values behind it."""
    head, values = struct.pack(">H", len(entries)), b""
    values_at = start + 2 + 12 * len(entries) + 4
    for tag, kind, data in entries:
        head += struct.pack(">HHI", tag, kind, len(data) // _SIZES[kind])
        if len(data) <= 4:
            head += data.ljust(4, b"\0")
        else:
            head += struct.pack(">I", values_at + len(values))
            values += data + b"\0" * (len(data) % 2)
    return head + struct.pack(">I", following) + values
