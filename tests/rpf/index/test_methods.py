"""Every search method over plain vectors, by the promises of rpf.index.Method."""

import numpy as np
import pytest

from rpf.index import nearest_first
from rpf.index.methods import METHODS, make_method

EXACT = ["none", "pca", "kdtree", "faiss:Flat"]  # on vectors of no more than 64 numbers
ALL = [*METHODS, "faiss:Flat", "faiss:OPQ16,PQ16x4fs"]


def unit(count: int, seed: int, dim: int = 64) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    made = unit(300, 0)
    made[200] = made[11]  # a twin, to see ties
    return made


@pytest.mark.parametrize("name", ALL)
def test_neighbours_come_in_order_with_ties_to_the_lower_id(name: str, vectors: np.ndarray) -> None:
    method = make_method(name)
    method.build(vectors)
    found = method.search(np.concatenate([vectors[11:12], unit(5, 1)]), 20)
    assert found.ids.shape == found.distances.shape == (6, 20)
    assert found.ids[0, :2].tolist() == [11, 200]
    np.testing.assert_allclose(found.distances[0, :2], 0, atol=1e-6 if name in EXACT else 0.3)
    assert (np.diff(found.distances, axis=1) >= -2e-6).all()
    assert all(len(set(row)) == 20 for row in found.ids.tolist())
    again = method.search(np.concatenate([vectors[11:12], unit(5, 1)]), 20)
    np.testing.assert_array_equal(found.ids, again.ids)


@pytest.mark.parametrize("name", ALL)
def test_more_than_there_are_is_all_there_are(name: str, vectors: np.ndarray) -> None:
    method = make_method(name)
    method.build(vectors[:30])
    assert sorted(method.search(unit(1, 2), 50).ids[0]) == list(range(30))


@pytest.mark.parametrize("name", EXACT)
def test_exact_methods_give_the_cosines_order_and_squared_distances(name: str, vectors: np.ndarray) -> None:
    method, queries = make_method(name), unit(8, 3)
    method.build(vectors)
    found = method.search(queries, 300)
    cosines = queries.astype(np.float64) @ vectors.T.astype(np.float64)
    np.testing.assert_allclose(found.distances, 2 - 2 * np.take_along_axis(cosines, found.ids, axis=1), atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(cosines, found.ids, axis=1), -np.sort(-cosines), atol=2e-6)


def test_lsh_estimates_distances(vectors: np.ndarray) -> None:
    method, queries = make_method("lsh"), unit(20, 4, 512)
    wide = unit(300, 5, 512)
    method.build(wide)
    found = method.search(queries, 300)
    true = 2 - 2 * np.take_along_axis(queries @ wide.T, found.ids, axis=1)
    assert np.abs(found.distances - true).mean() < 0.15  # 512 bits: the angle's deviation is pi * 0.5 / 512**0.5
    assert np.corrcoef(found.distances.ravel(), true.ravel())[0, 1] > 0.4


def test_nearest_first_puts_what_was_not_found_last() -> None:
    ids, distances = np.array([[5, -1, 3, 4]]), np.array([[0.5, -9.0, 0.5 + 1e-9, 0.2]], dtype=np.float64)
    ordered = nearest_first(ids, distances)
    assert ordered.ids.tolist() == [[4, 3, 5, -1]]
    assert ordered.distances[0, -1] == np.inf
