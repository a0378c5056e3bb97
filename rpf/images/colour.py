"""Conversion of decoded images to sRGB by their colour profile (ICC, or nclx of HEIF and AVIF)."""

import io
import struct
from functools import cache, lru_cache

import numpy as np
from PIL import Image
from PIL.ImageCms import Flags, ImageCmsProfile, ImageCmsTransform, Intent, PyCMSError, createProfile

MAX_PROFILE_BYTES = 4 * 2**20  # a press's may have 3 MB, a camera's has a few kB
MAX_CACHED_TRANSFORMS = 8
ROUNDING = 2  # levels by which profiles of sRGB differ among each other

SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
DEVICE_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")

P3_PRIMARIES = 12  # numbers of ISO/IEC 23091-2, as nclx boxes have them
LINEAR_AND_HDR_CURVES = (8, 16, 18)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image of mode L, RGB or CMYK from the colours of its ICC profile to RGB in sRGB.

    An RGB image is changed in place. The image is returned as it is where the profile is missing, larger than
    `MAX_PROFILE_BYTES`, broken, of another colour space than the image, or sRGB itself.
    """
    if not isinstance(profile, bytes) or not 128 < len(profile) <= MAX_PROFILE_BYTES:
        return image
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    converted = transform.apply(image, image if image.mode == "RGB" else None)
    converted.info.pop("icc_profile", None)
    return converted


def nclx_profile(primaries: int, transfer: int) -> bytes | None:
    """Return the ICC profile for the colours of an nclx box: Display P3, or None (taken for sRGB)."""
    return display_p3() if primaries == P3_PRIMARIES and transfer not in LINEAR_AND_HDR_CURVES else None


@cache
def display_p3() -> bytes:
    """Build an ICC profile of Display P3: its primaries adapted to D50, the curve of sRGB."""
    curve = b"para" + struct.pack(">I2H", 0, 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = {
        b"wtpt": _xyz(0.96420, 1.0, 0.82491),
        b"rXYZ": _xyz(0.51512, 0.24120, -0.00105),
        b"gXYZ": _xyz(0.29198, 0.69225, 0.04189),
        b"bXYZ": _xyz(0.15710, 0.06657, 0.78407),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4s2I", name, 132 + 12 * len(tags) + len(content), len(data))
        content += data
    size = 128 + len(table) + len(content)
    header = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x04200000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return header + _fixed(0.96420, 1.0, 0.82491) + bytes(48) + table + content


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


@lru_cache(maxsize=MAX_CACHED_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """Build the transform to sRGB; None where there is nothing to convert, or nothing to convert it with."""
    space, device_class = profile[16:20], profile[12:16]
    if space != SPACES.get(mode) or device_class not in DEVICE_CLASSES:
        return None
    if b"mpet" in profile:  # chains of any length, each step computed for every colour: seconds to minutes
        return None
    try:
        # Relative colorimetric keeps every colour that sRGB can show; black point compensation keeps the shadows of
        # prints apart, which it would make one grey.
        transform = ImageCmsTransform(
            ImageCmsProfile(io.BytesIO(profile)),
            ImageCmsProfile(createProfile("sRGB")),
            mode,
            "RGB",
            Intent.RELATIVE_COLORIMETRIC,
            flags=Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, TypeError, ValueError, PyCMSError):
        return None
    return None if mode != "CMYK" and _is_identity(transform, mode) else transform


def _is_identity(transform: ImageCmsTransform, mode: str) -> bool:
    levels = np.arange(0, 256, 1 if mode == "L" else 15, dtype=np.uint8)
    colours = levels[None] if mode == "L" else np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    image = Image.fromarray(colours)
    before, after = (np.asarray(one.convert("RGB"), dtype=np.int16) for one in (image, transform.apply(image)))
    return int(abs(after - before).max()) <= ROUNDING
