import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from rpf.images.decode import open_image
from rpf.products.near_duplicates import (
    COLOURS,
    FINGERPRINT_BYTES,
    HASH,
    MAX_HASH_DISTANCE,
    VERSION,
    find_duplicate,
    fingerprint,
    join,
)
from wardrobe import draw

Fingerprints = npt.NDArray[np.uint8]


def fingerprints_of(images: list[Image.Image]) -> Fingerprints:
    return np.stack([np.frombuffer(fingerprint(image), np.uint8) for image in images])


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


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_find_duplicate_of_a_resized_or_recompressed_image_finds_the_original(
    copy: Callable[[Image.Image], Image.Image], garments: list[Image.Image], stored: Fingerprints
) -> None:
    positions = [find_duplicate(stored, fingerprint(copy(image))) for image in garments]
    assert positions == list(range(len(garments)))


def test_join_of_different_garments_leaves_each_alone(stored: Fingerprints) -> None:
    assert join(stored).tolist() == list(range(len(stored)))


def test_join_of_copies_gives_a_group_for_each_garment(garments: list[Image.Image], stored: Fingerprints) -> None:
    copies = fingerprints_of([resized(image, 0.5) for image in reversed(garments)])
    expected = [*range(len(stored)), *reversed(range(len(stored)))]
    assert join(np.concatenate([stored, copies])).tolist() == expected


@pytest.mark.parametrize("change", [(-24, 24, 0), (-20, -20, -20), (0, 0, 30)], ids=["hue", "darker", "bluer"])
def test_find_duplicate_of_a_garment_in_another_colour_finds_none(change: tuple[int, int, int]) -> None:
    for seed in range(10):
        drawing = draw(seed)
        pixels = np.asarray(drawing.image).astype(int)
        middle = np.where(pixels < 128, 1, -1)  # towards it, so that nothing is cut off
        pixels[drawing.mask] += (np.abs(change) * middle)[drawing.mask]
        other = Image.fromarray(pixels.astype(np.uint8))
        assert find_duplicate(fingerprints_of([drawing.image]), fingerprint(other)) == -1, seed


def test_join_of_a_real_shops_photographs_joins_no_two_colours(shared: Path) -> None:
    paths = sorted((shared / "luma" / "media").rglob("*_main.jpg"))
    if not paths:
        pytest.skip("needs ../shared/luma, which is not here")
    groups = join(fingerprints_of([open_image(path) for path in paths]))
    joined = {(paths[first].name, path.name) for path, first in zip(paths, groups, strict=True) if path != paths[first]}
    # The shop itself has one picture for both colours of these trousers.
    assert joined == {
        ("mp09-black_main.jpg", "mp09-blue_main.jpg"),
        ("mp12-black_main.jpg", "mp12-blue_main.jpg"),
    }


def test_fingerprint_of_any_size_has_the_same_length_and_version() -> None:
    for size in ((16, 16), (640, 20), (1500, 2000)):
        data = fingerprint(Image.new("RGB", size, "teal"))
        assert (len(data), data[0]) == (FINGERPRINT_BYTES, VERSION)


def test_find_duplicate_among_none_finds_none(stored: Fingerprints) -> None:
    assert find_duplicate(stored[:0], stored[0].tobytes()) == -1


def test_find_duplicate_of_several_finds_the_first(stored: Fingerprints) -> None:
    assert find_duplicate(stored[[4, 2, 2]], stored[2].tobytes()) == 1


def test_join_of_nothing_is_nothing(stored: Fingerprints) -> None:
    assert join(stored[:0]).tolist() == []


def test_fingerprints_of_other_versions_are_duplicates_of_nothing(stored: Fingerprints) -> None:
    old = stored[[0, 0, 0, 0]]
    old[:3, 0] = (0, 0, VERSION + 1)
    assert join(old).tolist() == [0, 1, 2, 3]
    assert join(np.concatenate([old, stored[:1]])).tolist() == [0, 1, 2, 3, 3]
    assert find_duplicate(old, old[0].tobytes()) == -1


def differing(row: Fingerprints, bits: int) -> Fingerprints:
    """Flip the first bits of a fingerprint's hash."""
    other = row.copy()
    other[HASH] ^= np.packbits(np.arange(8 * len(row[HASH])) < bits)
    return other


def test_join_of_a_chain_compares_with_its_first_member_only(stored: Fingerprints) -> None:
    ends = [differing(stored[0], bits) for bits in (0, MAX_HASH_DISTANCE, 2 * MAX_HASH_DISTANCE)]
    assert join(np.stack(ends)).tolist() == [0, 0, 2]
    assert join(np.stack([ends[1], ends[0], ends[2]])).tolist() == [0, 0, 0]


def noisy(seed: int, count: int, bits: int, levels: int) -> tuple[Fingerprints, npt.NDArray[np.int64]]:
    """Make rows by noise on four fingerprints, up to so many bits and levels; return them and their origins."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(40, 200, (4, FINGERPRINT_BYTES), dtype=np.uint8)
    centres[:, 0] = VERSION
    origins = rng.integers(0, 4, count)
    rows = centres[origins]
    for row in rows:
        flipped = rng.permutation(8 * len(row[HASH])) < rng.integers(0, bits + 1)
        row[HASH] ^= np.packbits(flipped)
        row[COLOURS] += rng.integers(0, rng.integers(1, levels + 2), len(row[COLOURS]), dtype=np.uint8)
    return rows, origins


@given(st.integers(0, 2**32), st.integers(0, 60))
def test_join_gives_the_groups_of_images_that_come_one_by_one(seed: int, count: int) -> None:
    rows, _ = noisy(seed, count, bits=24, levels=5)
    firsts: list[int] = []
    groups = []
    for row, data in enumerate(rows):
        position = find_duplicate(rows[firsts], data.tobytes())
        if position < 0:
            firsts.append(row)
        groups.append(firsts[position])
    assert join(rows).tolist() == groups


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_join_names_each_group_by_its_first_row(seed: int, count: int) -> None:
    groups = join(noisy(seed, count, bits=24, levels=5)[0])
    assert (groups[groups] == groups).all()
    assert (groups <= np.arange(count)).all()


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_join_of_distinct_clusters_does_not_depend_on_the_order(seed: int, count: int) -> None:
    rows, origins = noisy(seed, count, bits=MAX_HASH_DISTANCE // 2, levels=2)
    groups = join(rows)
    assert ((groups[:, None] == groups) == (origins[:, None] == origins)).all()
    order = np.random.default_rng(seed).permutation(count)
    shuffled = join(rows[order])
    assert ((shuffled[:, None] == shuffled) == (origins[order][:, None] == origins[order])).all()
