"""EmbeddingCache: an image is embedded once for each attribute."""

from pathlib import Path

import numpy as np
import pytest

from rpf.errors import BadImage
from rpf.inference.batcher import DynamicBatcher
from rpf.inference.embedding_cache import EmbeddingCache
from rpf.inference.load import load_model
from rpf.models.rpf import RPF
from rpf.settings import Settings


@pytest.fixture(scope="module")
def model(settings: Settings) -> RPF:
    return load_model(settings)


@pytest.fixture
def cache(model: RPF) -> EmbeddingCache:
    return EmbeddingCache(DynamicBatcher(model), model.attributes, max_images=3)


def test_only_the_given_attributes_are_embedded(cache: EmbeddingCache, model: RPF, photo: Path) -> None:
    image = cache.embed(photo.read_bytes(), ["sleeve_length", "neck_design"])
    wanted = [model.attributes.index(key) for key in ("sleeve_length", "neck_design")]
    others = [place for place in range(len(model.attributes)) if place not in wanted]
    np.testing.assert_allclose(np.linalg.norm(image.embedding[wanted], axis=1), 1, atol=1e-5)
    assert np.isnan(image.embedding[others, -1]).all()
    assert (image.box[:, 2:] > image.box[:, :2]).all()  # all are known


def test_same_image_again_is_a_hit(cache: EmbeddingCache, photo: Path) -> None:
    first = cache.embed(photo.read_bytes(), ["sleeve_length"])
    assert (cache.hits, cache.misses) == (0, 1)
    again = cache.embed(photo.read_bytes(), ["sleeve_length"])
    assert (cache.hits, cache.misses) == (1, 1)
    np.testing.assert_array_equal(first.embedding, again.embedding)


def test_more_attributes_are_added_to_the_cached_ones(cache: EmbeddingCache, model: RPF, photo: Path) -> None:
    cache.embed(photo.read_bytes(), ["sleeve_length"])
    image = cache.embed(photo.read_bytes(), ["sleeve_length", "coat_length"])
    assert cache.misses == 2
    whole = cache.embed(photo.read_bytes(), model.attributes)
    assert not np.isnan(whole.embedding).any()
    places = [model.attributes.index(key) for key in ("sleeve_length", "coat_length")]
    np.testing.assert_array_equal(image.embedding[places], whole.embedding[places])
    cache.embed(photo.read_bytes(), ["pant_length"])
    assert (cache.hits, cache.misses) == (1, 3)


def test_least_recently_used_image_is_evicted(cache: EmbeddingCache, wardrobe: dict[Path, dict[str, int]]) -> None:
    files = [path.read_bytes() for path in list(wardrobe)[:4]]
    for data in (*files[:3], files[0], files[3], files[0]):  # the second goes
        cache.embed(data, ["sleeve_length"])
    assert (cache.hits, cache.misses) == (2, 4)
    cache.embed(files[1], ["sleeve_length"])
    assert cache.misses == 5


def test_file_that_is_no_image_is_not_cached(cache: EmbeddingCache) -> None:
    for _ in range(2):
        with pytest.raises(BadImage):
            cache.embed(b"no image", ["sleeve_length"])
    assert cache.hits == 0
