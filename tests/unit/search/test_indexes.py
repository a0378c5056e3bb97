"""Every vector index over plain vectors, by the contract of rpf.search.base.VectorIndex."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rpf.errors import ConfigError
from rpf.search.base import VectorIndex, nearest_first
from rpf.search.indexes.registry import INDEXES, make_index
from rpf.search.principal_axes import principal_axes

EXACT = ["none", "kdtree", "faiss:Flat"]  # on vectors that a few directions hold
LOCAL = [name for name in INDEXES if not make_index(name).needs_server]
ALL = [*LOCAL, "faiss:Flat", "faiss:OPQ16,PQ16x4fs", "faiss:PCA16,IVF8,SQ8", "faiss:PQ16x4fs,RFlat"]
FILES = {"none": "vectors.npy", "kdtree": "vectors.npy"}  # others: index.faiss


def unit(count: int, seed: int, dim: int = 64, directions: int = 16) -> np.ndarray:
    """Draw unit vectors of `dim` dimensions in a space of `directions`, the same for every seed."""
    axes = np.linalg.qr(np.random.default_rng(99).standard_normal((dim, directions)))[0]
    vectors = np.random.default_rng(seed).standard_normal((count, directions)) @ axes.T
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = unit(300, 0)
    rows[200] = rows[11]  # a twin, to see ties
    return rows


@pytest.fixture(scope="module")
def built(vectors: np.ndarray) -> Callable[[str], VectorIndex]:
    indexes: dict[str, VectorIndex] = {}

    def one(name: str) -> VectorIndex:
        if name not in indexes:
            indexes[name] = make_index(name)
            indexes[name].build(vectors)
        return indexes[name]

    return one


@pytest.mark.parametrize("name", ALL)
def test_neighbours_are_sorted_with_ties_to_the_lower_id(
    name: str, vectors: np.ndarray, built: Callable[[str], VectorIndex]
) -> None:
    queries = np.concatenate([vectors[11:12], unit(5, 1)])
    neighbours = built(name).search(queries, 20)
    assert neighbours.ids.shape == neighbours.distances.shape == (6, 20)
    assert neighbours.ids[0, :2].tolist() == [11, 200]
    np.testing.assert_allclose(neighbours.distances[0, :2], 0, atol=2e-6 if name in EXACT else 0.3)
    assert (np.diff(neighbours.distances, axis=1)[neighbours.ids[:, 1:] >= 0] >= -2e-6).all()
    for ids in neighbours.ids.tolist():
        rows = [row for row in ids if row >= 0]
        assert len(set(rows)) == len(rows)
        assert -1 not in ids or set(ids[ids.index(-1) :]) == {-1}
    np.testing.assert_array_equal(neighbours.ids, built(name).search(queries, 20).ids)


@pytest.mark.parametrize("name", ALL)
def test_a_k_above_the_size_returns_all(name: str, vectors: np.ndarray) -> None:
    index = make_index(name)
    index.build(vectors[:30])
    assert sorted(index.search(unit(1, 2), 50).ids[0]) == list(range(30))


@pytest.mark.parametrize("name", EXACT)
def test_exact_indexes_return_the_order_of_the_cosines_and_squared_distances(
    name: str, vectors: np.ndarray, built: Callable[[str], VectorIndex]
) -> None:
    queries = unit(8, 3)
    neighbours = built(name).search(queries, 300)
    cosines = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    np.testing.assert_allclose(
        neighbours.distances, 2 - 2 * np.take_along_axis(cosines, neighbours.ids, axis=1), atol=1e-5
    )
    np.testing.assert_allclose(np.take_along_axis(cosines, neighbours.ids, axis=1), -np.sort(-cosines), atol=3e-6)


@pytest.mark.parametrize("name", ALL)
def test_a_saved_index_opens_unchanged(
    name: str, vectors: np.ndarray, built: Callable[[str], VectorIndex], tmp_path: Path
) -> None:
    index, queries = built(name), unit(6, 4)
    index.save(tmp_path)
    opened = make_index(name)
    opened.open(tmp_path, vectors.shape)  # type: ignore[arg-type]
    for old, new in zip(index.search(queries, 20), opened.search(queries, 20), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", ALL)
def test_damaged_files_and_those_of_other_vectors_are_refused(
    name: str, vectors: np.ndarray, built: Callable[[str], VectorIndex], tmp_path: Path
) -> None:
    built(name).save(tmp_path)
    for shape in ((299, 64), (300, 63)):
        with pytest.raises(ValueError):
            make_index(name).open(tmp_path, shape)
    file = tmp_path / FILES.get(name, "index.faiss")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError):
        make_index(name).open(tmp_path, (300, 64))
    file.unlink()
    with pytest.raises((OSError, ValueError)):
        make_index(name).open(tmp_path, (300, 64))


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("none", "kdtree")])
def test_added_vectors_get_the_rows_that_follow(name: str, vectors: np.ndarray) -> None:
    index = make_index(name)
    index.build(vectors[:280])
    assert index.add(vectors[280:])
    neighbours = index.search(vectors[[290, 5]], 3)
    assert neighbours.ids[:, 0].tolist() == [290, 5]


@pytest.mark.parametrize("name", ["none", "kdtree"])
def test_an_index_that_cannot_grow_stays_unchanged(name: str, vectors: np.ndarray) -> None:
    index = make_index(name)
    index.build(vectors[:280])
    assert not index.add(vectors[280:])
    assert len(index.search(unit(1, 5), 300).ids[0]) == 280


def test_principal_axes_are_only_those_that_the_vectors_need() -> None:
    for directions, most in ((5, 5), (200, 64)):
        axes, needed = principal_axes(unit(300, 6, dim=256, directions=directions))
        assert needed == most and axes.shape == (64, 256)


def test_lsh_estimates_distances() -> None:
    index, queries = make_index("lsh"), unit(20, 4, 512, 512)
    wide = unit(300, 5, 512, 512)
    index.build(wide)
    neighbours = index.search(queries, 300)
    true = 2 - 2 * np.take_along_axis(queries @ wide.T, neighbours.ids, axis=1)
    assert np.abs(neighbours.distances - true).mean() < 0.15  # 512 bits: the angle's deviation is pi * 0.5 / 512**0.5
    assert np.corrcoef(neighbours.distances.ravel(), true.ravel())[0, 1] > 0.4


def test_nearest_first_puts_empty_places_last() -> None:
    ids, distances = np.array([[5, -1, 3, 4]]), np.array([[0.5, -9.0, 0.5 + 1e-9, 0.2]], dtype=np.float64)
    ordered = nearest_first(ids, distances)
    assert ordered.ids.tolist() == [[4, 3, 5, -1]]
    assert ordered.distances[0, -1] == np.inf


@pytest.mark.parametrize("name", ["annoy", "", "pca:64", "kdtree:", "faiss:"])
def test_an_unknown_method_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match="not one of the search methods none, pca, kdtree, lsh, faiss, hnsw, milvus"):
        make_index(name)


@pytest.mark.parametrize("factory", ["Flat,Nonsense", "PCA65,SQ8", "PQ7"])
def test_an_unusable_factory_string_is_refused(factory: str, vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match=f"FAISS cannot build {factory}: .+"):
        make_index(f"faiss:{factory}").build(vectors)


@pytest.mark.parametrize("count", [12, 100])
def test_principal_axes_of_few_and_of_many_vectors_are_those_of_their_products(count: int) -> None:
    spread = np.linspace(3, 0.1, 64)
    vectors = (np.random.default_rng(0).standard_normal((count, 64)) * spread).astype(np.float32)
    axes, needed = principal_axes(vectors)
    axes = axes[:needed]
    _, expected = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
    np.testing.assert_allclose(np.abs(axes @ expected[:, ::-1][:, : len(axes)]), np.eye(len(axes)), atol=1e-5)
    assert principal_axes(vectors, 40).axes.shape == (40, 64)
