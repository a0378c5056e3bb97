"""Decoding of image files: formats, modes, limits and damaged files."""

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rpf.errors import BadImage
from rpf.images import decode
from rpf.images.crop import TOLERANCE, Crop, thumbnail


def gradient(width: int = 60, height: int = 40) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF"])
def test_open_image_reads_every_format(kind: str) -> None:
    opened = decode.open_image(encoded(gradient(), kind))
    assert (opened.mode, opened.size) == ("RGB", (60, 40))
    difference = np.asarray(opened).astype(int) - np.asarray(gradient()).astype(int)
    assert abs(difference).mean() < 12


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB", "RGBA", "LA", "PA", "I", "F", "I;16"])
def test_open_image_converts_every_mode_to_rgb(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray((np.asarray(gradient().convert("L")).astype(np.uint16)) * 257)
    else:
        image = gradient().convert("RGBA").convert(mode) if mode == "PA" else gradient().convert(mode)
    kind = "PNG" if mode in ("1", "L", "P", "RGBA", "LA", "I;16") else "TIFF"
    opened = decode.open_image(encoded(image, kind))
    assert (opened.mode, opened.size) == ("RGB", (60, 40))
    if mode != "1":
        expected = np.asarray(gradient().convert("L")).astype(int)
        assert abs(np.asarray(opened.convert("L")).astype(int) - expected).mean() < 12


def test_open_image_lays_transparency_on_white() -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    assert decode.open_image(encoded(image, "PNG")).getpixel((5, 5)) == (255, 255, 255)
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([255, 0, 0] * 256)
    assert decode.open_image(encoded(palette, "GIF", transparency=0)).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_open_image_applies_exif_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = decode.open_image(encoded(gradient(), "JPEG", exif=exif, quality=95))
    assert opened.size == ((60, 40) if orientation < 5 else (40, 60))


def test_open_image_takes_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "lime")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode.open_image(data).getpixel((3, 3)) == (255, 0, 0)


def test_open_image_reduces_a_50_megapixel_jpeg_while_decoding() -> None:
    big = encoded(gradient(1020, 768).resize((8160, 6144)), "JPEG", quality=70)
    opened = decode.open_image(big)
    assert opened.size == (2040, 1536)


@pytest.mark.parametrize(("enough", "size"), [(1200, (2000, 1500)), (700, (1000, 750)), (1600, (4000, 3000))])
def test_open_image_reduces_as_far_as_is_enough(enough: int, size: tuple[int, int]) -> None:
    photo = gradient(500, 375).resize((4000, 3000))
    for kind in ("JPEG", "PNG"):
        opened = decode.open_image(encoded(photo, kind), enough)
        assert opened.size == size
        difference = np.asarray(opened, np.int16) - np.asarray(photo.resize(size), np.int16)
        assert abs(difference).mean() < 2


def test_open_image_reduces_large_images_of_other_formats() -> None:
    assert decode.open_image(encoded(Image.new("RGB", (4000, 3200)), "PNG")).size == (2000, 1600)


@pytest.mark.parametrize("size", [(15, 300), (300, 15), (16_001, 20)])
def test_open_image_refuses_sides_out_of_range(size: tuple[int, int]) -> None:
    with pytest.raises(BadImage, match="pixels"):
        decode.open_image(encoded(Image.new("RGB", size), "PNG"))


def test_open_image_refuses_too_many_pixels_before_decoding() -> None:
    with pytest.raises(BadImage, match="64 megapixels"):
        decode.open_image(encoded(Image.new("1", (8001, 8001)), "PNG"))
    with pytest.raises(BadImage, match="pixels"):
        decode.open_image(encoded(Image.new("1", (15_000, 15_000)), "PNG"))


def test_open_image_refuses_large_files(tmp_path: Path) -> None:
    data = encoded(gradient(), "JPEG") + b"\0" * decode.MAX_IMAGE_BYTES
    (tmp_path / "a.jpg").write_bytes(data)
    for source in (data, tmp_path / "a.jpg"):
        with pytest.raises(BadImage, match="16 MB"):
            decode.open_image(source)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"%PDF-1.4", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8"],
)
def test_open_image_refuses_other_files(data: bytes) -> None:
    with pytest.raises(BadImage):
        decode.open_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF"])
@given(cut=st.floats(0, 0.95), flips=st.lists(st.integers(0, 2**31), max_size=6))
def test_open_image_of_a_damaged_image_succeeds_or_is_refused(kind: str, cut: float, flips: list[int]) -> None:
    data = bytearray(encoded(gradient(), kind))
    data = data[: int(len(data) * (1 - cut))] if cut > 0.1 else data
    for flip in flips:
        if data:
            data[flip % len(data)] ^= 1 << (flip % 8)
    with suppress(BadImage):
        assert decode.open_image(bytes(data)).mode == "RGB"


def test_thumbnail_fits_and_is_not_enlarged() -> None:
    small = Image.open(io.BytesIO(thumbnail(encoded(gradient(600, 300), "PNG"), 200)))
    assert (small.format, small.size) == ("WEBP", (200, 100))
    assert Image.open(io.BytesIO(thumbnail(encoded(gradient(), "PNG"), 200))).size == (60, 40)


def test_thumbnail_of_a_large_photo_is_as_of_the_whole_photo() -> None:
    photo = Image.effect_noise((300, 225), 60).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    data = encoded(photo, "JPEG", quality=92)
    reduced = Image.open(io.BytesIO(thumbnail(data, 320)))
    whole = Image.open(io.BytesIO(thumbnail(data, 320, Crop(width=1 - 2 * TOLERANCE))))
    assert reduced.size == (320, 240)
    assert abs(np.asarray(reduced, np.int16) - np.asarray(whole.resize((320, 240)), np.int16)).mean() < 3
