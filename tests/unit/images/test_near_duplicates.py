import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from rpf.images.decode import open_image
from rpf.images.near_duplicates import (
    FINGERPRINT_BYTES,
    HASH,
    MAX_HASH_DISTANCE,
    VERSION,
    Fingerprints,
    are_duplicates,
    fingerprint,
    parse_fingerprints,
)
from wardrobe import draw


def fingerprints_of(images: list[Image.Image]) -> Fingerprints:
    return parse_fingerprints(b"".join(map(fingerprint, images)))


@pytest.fixture(scope="module")
def garments() -> list[Image.Image]:
    return [draw(seed).image for seed in range(30)]


@pytest.fixture(scope="module")
def stored(garments: list[Image.Image]) -> Fingerprints:
    return fingerprints_of(garments)


def saved(image: Image.Image, kind: str, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, kind, quality=quality)
    return open_image(out.getvalue())


def resized(image: Image.Image, scale: float, resampling: Image.Resampling = Image.Resampling.BICUBIC) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), resampling)


def thumbnail(image: Image.Image) -> Image.Image:
    sharpened = resized(image, 0.4).filter(ImageFilter.UnsharpMask(radius=1, percent=80, threshold=0))
    return saved(saved(sharpened, "JPEG", 75), "WEBP", 70)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same": lambda image: image,
    "quarter": lambda image: resized(image, 0.25, Image.Resampling.BILINEAR),
    "larger": lambda image: resized(image, 1.7),
    "JPEG 30": lambda image: saved(image, "JPEG", 30),
    "WebP 50": lambda image: saved(image, "WEBP", 50),
    "half as JPEG 60": lambda image: saved(resized(image, 0.5), "JPEG", 60),
    "thumbnail": thumbnail,
}


def duplicates_of(image: Image.Image, stored: Fingerprints) -> list[int]:
    return np.flatnonzero(are_duplicates(fingerprints_of([image])[0], stored)).tolist()


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_resized_or_recompressed_image_is_a_duplicate_of_its_original_alone(
    copy: Callable[[Image.Image], Image.Image], garments: list[Image.Image], stored: Fingerprints
) -> None:
    assert [duplicates_of(copy(image), stored) for image in garments] == [[row] for row in range(len(garments))]


@pytest.mark.parametrize("change", [(-24, 24, 0), (-20, -20, -20), (0, 0, 30)], ids=["hue", "darker", "bluer"])
def test_garment_in_another_colour_is_no_duplicate(change: tuple[int, int, int]) -> None:
    for seed in range(10):
        drawing = draw(seed)
        pixels = np.asarray(drawing.image).astype(int)
        middle = np.where(pixels < 128, 1, -1)  # towards it, so that nothing is cut off
        pixels[drawing.mask] += (np.abs(change) * middle)[drawing.mask]
        other = Image.fromarray(pixels.astype(np.uint8))
        assert duplicates_of(other, fingerprints_of([drawing.image])) == [], seed


def test_fingerprint_of_any_size_has_the_same_length_and_version() -> None:
    for size in ((16, 16), (640, 20), (1500, 2000)):
        data = fingerprint(Image.new("RGB", size, "teal"))
        assert (len(data), data[0]) == (FINGERPRINT_BYTES, VERSION)


def test_fingerprint_of_another_version_is_a_duplicate_of_nothing(stored: Fingerprints) -> None:
    later = stored[0].copy()
    later[0] = VERSION + 1
    assert are_duplicates(stored[0], stored[:1]).all() and not are_duplicates(later, stored[:1]).any()


@pytest.mark.parametrize("bits", [MAX_HASH_DISTANCE, MAX_HASH_DISTANCE + 1])
def test_hash_may_differ_in_so_many_bits(stored: Fingerprints, bits: int) -> None:
    other = stored[:1].copy()
    other[0, HASH] ^= np.packbits(np.arange(8 * len(other[0, HASH])) < bits)
    assert are_duplicates(stored[0], other).all() == (bits == MAX_HASH_DISTANCE)
