"""Decoding of untrusted image files (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF) to RGB in sRGB."""

import hashlib
import io
import re
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from rpf.errors import BadImage
from rpf.images import colour, salvage

MAX_IMAGE_BYTES = 16 * 2**20
MAX_PIXELS = 64_000_000
MIN_SIDE, MAX_SIDE = 16, 16_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
# Larger images are reduced while they are decoded: no model here takes more than a few hundred pixels a side.
ENOUGH_SIDE = 1536
MAX_DECODED_SIDE = 6144  # bounds the square that models pad an image to
MAX_SCANNED_PIXELS = 10**9  # of a JPEG, in all scans: 15 scans at 64 megapixels, where encoders write about 10
MIN_SCAN_PIXELS = 20_000  # the start of a scan costs as much
NCLX_BOX = re.compile(rb"colrnclx(.{4})", re.DOTALL)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

register_heif_opener()


def open_image(source: bytes | Path, enough_side: int = ENOUGH_SIDE) -> Image.Image:
    """Decode an untrusted image to sRGB: upright (EXIF), first frame, transparency on white.

    Images whose short side is at least twice `enough_side` come back reduced by 2, 4 or 8, and none is longer than
    `MAX_DECODED_SIDE`. Damaged metadata is ignored, and so is a missing end where all pixels precede it.
    Raises BadImage when it is not an image of a known format, truncated, too large or too small; OSError when
    a path cannot be read.
    """
    data = source if isinstance(source, bytes) else read(source)
    if not data:
        raise BadImage("The file is empty.")
    if len(data) > MAX_IMAGE_BYTES:
        raise BadImage("The file is too large; %(limit)d MB is the limit.", limit=MAX_IMAGE_BYTES // 2**20)
    try:
        return _decode(data, enough_side)
    except BadImage:
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything
        failure = error.with_traceback(None)  # its frames hold an image, maybe of hundreds of megabytes
    image = _decode_damaged(data, enough_side)
    if image is not None:
        return image
    if isinstance(failure, UnidentifiedImageError):
        raise BadImage("The file is not an image in a format we read (JPEG, PNG, WebP, ...).")
    raise BadImage("The image is damaged or cut off and cannot be decoded.") from failure


def read(path: Path) -> bytes:
    """Read a file, up to one byte more than `open_image` accepts. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MAX_IMAGE_BYTES + 1)


def _too_many_pixels() -> BadImage:
    return BadImage("The image has too many pixels; %(limit)d megapixels is the limit.", limit=MAX_PIXELS // 10**6)


def _check_scans(scans: int, width: int, height: int) -> None:
    # Each scan, be it of ten bytes, goes over all pixels: hours of work fit into 16 MB.
    if scans * max(width * height, MIN_SCAN_PIXELS) > MAX_SCANNED_PIXELS:
        raise BadImage(
            "The JPEG has too many scans (%(scans)d) for its size; save it again as a baseline JPEG.", scans=scans
        )


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise BadImage(
            "The image is too small (%(width)d x %(height)d pixels); each side needs at least %(least)d.",
            width=width, height=height, least=MIN_SIDE,
        )  # fmt: skip
    if max(width, height) > MAX_SIDE:
        raise BadImage(
            "The image is too long (%(width)d x %(height)d pixels); %(most)d pixels a side is the limit.",
            width=width, height=height, most=MAX_SIDE,
        )  # fmt: skip
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()


def _decode_damaged(data: bytes, enough_side: int) -> Image.Image | None:
    """Decode a file that fails as it is; None where its pixels are not whole."""
    image, digests = None, set()
    for candidate in salvage.candidates(data):
        image = None  # one at a time in memory
        try:
            image = _decode(candidate, enough_side)
        except BadImage:
            raise
        except Exception:
            return None
        digests.add(hashlib.sha256(image.tobytes()).digest())
    return image if len(digests) == 1 else None


def _decode(data: bytes, enough_side: int) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of odd metadata in files that decode well
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                _check_size(*opened.size)
                if opened.format in ("JPEG", "MPO"):
                    _check_scans(salvage.count_scans(data), *opened.size)
                return _upright_rgb(opened, _profile(opened, data), enough_side)
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None


def _profile(opened: Image.Image, data: bytes) -> bytes | None:
    """Return the ICC profile of an image, or one for the colours that HEIF and AVIF name in an nclx box."""
    if profile := opened.info.get("icc_profile"):
        return profile
    if nclx := opened.info.get("nclx_profile"):  # by pillow_heif
        return colour.nclx_profile(nclx["color_primaries"], nclx["transfer_characteristics"])
    if opened.format == "AVIF" and (box := NCLX_BOX.search(data)):
        return colour.nclx_profile(*struct.unpack(">2H", box[1]))
    return None


def _upright_rgb(opened: Image.Image, profile: bytes | None, enough_side: int) -> Image.Image:
    factor = 1
    while factor < 8 and min(opened.size) >= 2 * factor * enough_side:
        factor *= 2
    if factor > 1 and opened.format in ("JPEG", "MPO"):
        full = opened.size
        opened.draft(None, (full[0] // factor, full[1] // factor))
        factor = 1 if opened.size != full else factor
    if opened.format == "TIFF":
        opened.info.pop("xmp", None)  # while loading, Pillow would turn by it
    opened.load()
    # libheif has turned HEIF by its own property already, whatever its EXIF says.
    exif = opened.info.get("exif") if opened.format != "HEIF" else None
    turn = TURNS.get(salvage.orientation(exif or b""))
    image = opened.copy() if turn is None else opened.transpose(turn)
    late = image.mode == "RGB"  # colours are converted last, of fewer pixels; other modes while they become RGB
    if not late:
        image = _to_rgb(image, profile)
    if factor > 1:
        image = image.reduce(factor)
    if max(image.size) > MAX_DECODED_SIDE:
        image.thumbnail((MAX_DECODED_SIDE, MAX_DECODED_SIDE), Image.Resampling.BOX)
    return colour.to_srgb(image, profile) if late else image


def _to_rgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an image of any mode but RGB by its profile, and lay it on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _from_deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        if profile:
            grey = image.mode in ("L", "LA", "La")
            opaque = layer.getchannel("R") if grey else layer.convert("RGB")
            alpha, layer = layer.getchannel("A"), colour.to_srgb(opaque, profile).convert("RGB")
            layer.putalpha(alpha)
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if image.mode in ("L", "CMYK"):
        return colour.to_srgb(image, profile).convert("RGB")
    return colour.to_srgb(image.convert("RGB"), profile if image.mode in ("P", "YCbCr", "RGBX") else None)


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Convert 16-bit, 32-bit or float grey to 8-bit: 0..65535 is scaled, 0..255 kept, floats of 0..1 stretched."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    top = values.max(initial=0.0)
    if image.mode.startswith("I;16") or top > 255:
        values = values * (255 / 65535)
    elif image.mode == "F" and top <= 1:
        values = values * 255
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
