import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from rpf.images import colour, decode
from rpf.images.crop import thumbnail
from tests.support.colour_profiles import (
    ADOBE_RGB,
    CMYK,
    D65,
    DISPLAY_P3,
    GREY,
    PROPHOTO,
    SRGB_PRIMARIES,
    RGBSpace,
    Space,
    encoded,
    inks_to_xyz,
    rgb_space,
    with_profile,
    xyz_to_srgb,
)

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SPACES = pytest.mark.parametrize("space", [DISPLAY_P3, ADOBE_RGB, PROPHOTO], ids=["P3", "Adobe", "ProPhoto"])


def colours(side: int = 40) -> Image.Image:
    """Make an image of all kinds of colours, with the corners of the RGB cube."""
    pixels = np.random.default_rng(5).integers(0, 256, (side, side, 3), dtype=np.uint8)
    pixels[0, :8] = np.array(np.meshgrid([0, 255], [0, 255], [0, 255])).reshape(3, 8).T
    return Image.fromarray(pixels)


def pixels(image: Image.Image) -> npt.NDArray[np.int64]:
    return np.asarray(image).astype(int)


def opened(data: bytes) -> npt.NDArray[np.int64]:
    return pixels(decode.open_image(data))


def untagged(image: Image.Image, kind: str, **options: object) -> npt.NDArray[np.int64]:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return opened(out.getvalue())


@SPACES
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_open_image_rgb_profile_gives_srgb(space: RGBSpace, kind: str) -> None:
    expected = space.to_srgb(pixels(colours()))
    assert abs(expected - pixels(colours())).max() > 60
    assert abs(opened(with_profile(colours(), space.profile, kind)) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "HEIF", "AVIF"])
def test_open_image_lossy_file_in_p3_looks_as_in_srgb(kind: str) -> None:
    image = Image.linear_gradient("L").convert("RGB").resize((64, 64))
    image.paste((190, 60, 50), (0, 0, 32, 64))
    difference = opened(encoded(image, DISPLAY_P3, kind, quality=95)) - untagged(image, kind, quality=95)
    assert abs(difference).mean() < 2
    assert abs(difference[20:40, 8:24].mean(axis=(0, 1))).max() < 3


def test_open_image_reference_file_in_p3_is_red_in_srgb(shared: Path) -> None:
    converted = pixels(decode.open_image(shared / "reports" / "p3red.jpg"))[200, 150]
    assert abs(converted - (200, 30, 30)).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_open_image_srgb_profile_changes_nothing(kind: str) -> None:
    as_others_write_it = rgb_space(SRGB_PRIMARIES, D65, 2.2).profile
    curve = b"curv" + struct.pack(">2I1024H", 0, 1024, *(round(65535 * _srgb(step / 1023)) for step in range(1024)))
    at = as_others_write_it.index(b"curv")  # the last tag
    sized = as_others_write_it[:at].replace(struct.pack(">2I", at, 14), struct.pack(">2I", at, len(curve)))
    for profile in (SRGB, sized + curve):
        for image in (colours(), colours().convert("RGBA")):
            if kind != "JPEG" or image.mode == "RGB":
                assert (opened(with_profile(image, profile, kind)) == untagged(image, kind)).all()


def _srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_open_image_cmyk_profile_gives_the_inks_colours(kind: str) -> None:
    inks = np.array([[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255], [64, 64, 64, 0]])
    blocks = inks.astype(np.uint8).repeat(16, axis=0)[None].repeat(16, axis=0)
    image = Image.frombytes("CMYK", (blocks.shape[1], 16), blocks.tobytes())
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    converted = opened(with_profile(image, CMYK.profile, kind, **options))[8, 8::16]
    expected = xyz_to_srgb(inks_to_xyz(inks / 255))
    assert abs(converted - expected).max() <= 12  # corners of the gamut
    assert abs(converted - expected).mean() <= 3
    assert abs(pixels(image.convert("RGB"))[8, 8::16] - expected).max() > 100


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_open_image_grey_profile_is_applied(mode: str) -> None:
    levels = np.arange(256, dtype=np.uint8)[None].repeat(16, axis=0)
    image = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    linear = (np.arange(256) / 255) ** 1.5
    expected = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert abs(opened(with_profile(image, GREY.profile, "PNG"))[3] - expected[:, None]).max() <= 2


def test_open_image_alpha_is_kept_and_laid_on_white_after_conversion() -> None:
    image = colours()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    alpha = pixels(image)[..., 3:] / 255
    expected = DISPLAY_P3.to_srgb(pixels(image)[..., :3]) * alpha + 255 * (1 - alpha)
    for kind in ("PNG", "TIFF"):
        assert abs(opened(with_profile(image, DISPLAY_P3.profile, kind)) - expected).max() <= 3


def test_open_image_palette_is_converted() -> None:
    image = colours().quantize(64)
    expected = DISPLAY_P3.to_srgb(pixels(image.convert("RGB")))
    assert abs(opened(with_profile(image, DISPLAY_P3.profile, "PNG")) - expected).max() <= 2


def test_open_image_heif_and_avif_with_nclx_p3_are_converted() -> None:
    image = Image.new("RGB", (64, 64), (190, 60, 50))
    nclx = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    out = io.BytesIO()
    image.save(out, "HEIF", quality=95, **nclx)
    avif = io.BytesIO()
    image.save(avif, "AVIF", quality=95)
    expected = xyz_to_srgb(DISPLAY_P3.to_xyz @ [_srgb(level / 255) for level in (190, 60, 50)])
    srgb = b"colrnclx" + struct.pack(">2H", 1, 13)
    assert srgb in avif.getvalue()
    for data in (out.getvalue(), avif.getvalue().replace(srgb, b"colrnclx" + struct.pack(">2H", 12, 13))):
        assert abs(opened(data)[32, 32] - expected).max() <= 3


def test_nclx_profile_of_hdr_or_srgb_is_none() -> None:
    assert colour.nclx_profile(1, 13) is None
    assert colour.nclx_profile(12, 16) is None
    assert colour.nclx_profile(9, 18) is None


def test_open_image_large_image_is_reduced_and_converted() -> None:
    image = Image.new("RGB", (3200, 3100), (190, 60, 50))
    for kind in ("PNG", "JPEG"):
        opened_image = decode.open_image(with_profile(image, PROPHOTO.profile, kind))
        assert min(opened_image.size) == 1550
        assert abs(pixels(opened_image)[700, 700] - PROPHOTO.to_srgb((190, 60, 50))).max() <= 3


def test_thumbnail_is_in_srgb_and_without_profile() -> None:
    data = with_profile(Image.new("RGB", (64, 64), (190, 60, 50)), ADOBE_RGB.profile, "JPEG", quality=95)
    with Image.open(io.BytesIO(thumbnail(data, 64))) as small:
        assert "icc_profile" not in small.info
        assert abs(pixels(small)[32, 32] - ADOBE_RGB.to_srgb((190, 60, 50))).max() <= 5


@pytest.mark.parametrize(
    "profile",
    [
        b"junk",
        b"",
        bytes(500),
        SRGB[:100],
        DISPLAY_P3.profile[:200],
        GREY.profile,
        CMYK.profile,
        DISPLAY_P3.profile.replace(b"mntr", b"link"),
        DISPLAY_P3.profile.replace(b"RGB XYZ ", b"RGB Luv "),
        DISPLAY_P3.profile.replace(b"rXYZ", b"abcd"),
        DISPLAY_P3.profile + b"mpet",
        DISPLAY_P3.profile + bytes(colour.MAX_PROFILE_BYTES),
    ],
    ids=str.split("junk empty zeros header cut grey CMYK link PCS no-red elements large"),
)
def test_open_image_unusable_profile_is_ignored(profile: bytes) -> None:
    assert (opened(with_profile(colours(), profile, "TIFF")) == untagged(colours(), "TIFF")).all()


def test_open_image_profile_of_another_mode_is_ignored() -> None:
    for image, profile in (
        (colours().convert("L"), DISPLAY_P3.profile),
        (colours().convert("CMYK"), DISPLAY_P3.profile),
        (colours().convert("LAB"), DISPLAY_P3.profile),
        (colours().convert("L"), CMYK.profile),
        (colours().convert("1"), GREY.profile),
    ):
        assert (opened(with_profile(image, profile, "TIFF")) == untagged(image, "TIFF")).all()


@given(
    source=st.sampled_from([DISPLAY_P3, GREY, CMYK]),
    damage=st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=4)), max_size=6),
    length=st.floats(0.3, 2),
)
def test_to_srgb_damaged_profile_never_raises(source: Space, damage: list[tuple[int, bytes]], length: float) -> None:
    profile = bytearray(source.profile)
    for at, content in damage:
        at %= len(profile)
        profile[at : at + len(content)] = content
    image = colours(16).convert(source.mode)
    converted = colour.to_srgb(image, bytes(profile[: int(len(profile) * length)]))
    assert converted.size == image.size
    assert converted is image or converted.mode == "RGB"


def test_to_srgb_in_threads_equals_one_by_one_and_keeps_few_transforms() -> None:
    spaces = [rgb_space(SRGB_PRIMARIES, D65, gamma) for gamma in np.linspace(1, 3, 20)]

    def convert(space: RGBSpace) -> bytes:
        return colour.to_srgb(colours(), space.profile).tobytes()

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(convert, spaces * 3))
    assert together == [convert(space) for space in spaces] * 3
    assert colour._transform.cache_info().currsize <= colour.MAX_CACHED_TRANSFORMS
