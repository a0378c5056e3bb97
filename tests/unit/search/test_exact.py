import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.search.exact import Exact, top_k
from rpf.search.request import ResolvedRequest

ATTRIBUTES = ("a", "b", "c")


def unit(shape: tuple[int, ...], seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    unit_vectors = unit((50, 3, 16), 0)
    unit_vectors[30] = unit_vectors[7]  # a twin, to see ties
    return unit_vectors


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, vectors: np.ndarray) -> Collection:
    folder = tmp_path_factory.mktemp("exact") / "c"
    with Writer.open(folder, CollectionSpec("0" * 64, ATTRIBUTES, 16, "images")) as writer:
        for at in range(0, 50, 20):
            items = [NewItem(f"{n}.jpg", "0" * 64, 1, 20, 20, {}) for n in range(at, min(50, at + 20))]
            writer.append(items, vectors[at : at + 20], None)
    return Collection.open(folder)


def test_the_score_is_the_weighted_mean_of_cosines_over_all_items(collection: Collection, vectors: np.ndarray) -> None:
    queries, weights = unit((2, 16), 1), np.array([1.0, 3.0])
    ranked = Exact(collection).search(ResolvedRequest(queries, (2, 0), weights, 50))
    cosines = np.stack([vectors[:, 2] @ queries[0], vectors[:, 0] @ queries[1]])
    scores = weights @ cosines / 4
    assert sorted(ranked.rows) == list(range(50))
    np.testing.assert_allclose(ranked.scores, scores[ranked.rows], atol=1e-3)
    np.testing.assert_allclose(ranked.cosines, cosines[:, ranked.rows], atol=1e-3)
    assert (np.diff(ranked.scores) <= 0).all()


def test_ties_go_to_the_lower_row(collection: Collection, vectors: np.ndarray) -> None:
    ranked = Exact(collection).search(ResolvedRequest(vectors[7], (0, 1, 2), np.ones(3), 2))
    assert ranked.rows.tolist() == [7, 30]
    assert ranked.scores[0] == ranked.scores[1] == pytest.approx(1, abs=1e-3)
    assert Exact(collection).search(ResolvedRequest(vectors[7], (0, 1, 2), np.ones(3), 1)).rows.tolist() == [7]


@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0])),
    st.integers(1, 70),
)
def test_top_k_is_a_stable_sort(scores: np.ndarray, count: int) -> None:
    expected = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:count]
    assert top_k(scores, count).tolist() == expected


PROBABILITIES = st.sampled_from([0.0, 0.25, 0.4995, 0.5, 0.75, 1.0, float("nan")])


@given(st.data())
def test_missing_parts_come_last(tmp_path: Path, data: st.DataObject) -> None:
    """Against a sort in plain Python, over a segment whose presence is known and one where it may not be.

    All vectors lie along the axes, so that similarities are exact and many tie.
    """
    count, known = data.draw(st.integers(1, 14)), data.draw(st.booleans())
    parts = data.draw(hnp.arrays(np.float64, (count, 3), elements=PROBABILITIES))
    axes = data.draw(hnp.arrays(np.int64, (count, 3), elements=st.integers(0, 3)))
    vectors = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)[axes]
    half = data.draw(st.integers(0, count - 1))
    shutil.rmtree(tmp_path / "c", ignore_errors=True)
    with Writer.open(tmp_path / "c", CollectionSpec("", ATTRIBUTES, 2, "images")) as writer:
        for rows, presence in ((slice(0, half), parts[:half] if known else None), (slice(half, count), parts[half:])):
            items = [NewItem(f"{n}.jpg", "", 1, 20, 20, {}) for n in range(count)[rows]]
            writer.append(items, vectors[rows], None, presence)
    attributes = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True))
    weights = data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=len(attributes), max_size=len(attributes)))
    weights[0] = weights[0] or 1.0
    k = data.draw(st.integers(1, 16))

    def is_missing(row: int, attribute: int) -> bool:
        return (known or row >= half) and parts[row, attribute] < 0.5

    def place(row: int) -> tuple[int, float, int]:
        missing = sum(
            is_missing(row, attribute) for attribute, weight in zip(attributes, weights, strict=True) if weight
        )
        similarity = sum(
            weight * float(vectors[row, attribute, 0]) for attribute, weight in zip(attributes, weights, strict=True)
        )
        return missing, -round(similarity / sum(weights), 6), row

    queries = np.tile(np.array([1, 0], np.float32), (len(attributes), 1))
    index = Exact(Collection.open(tmp_path / "c"))
    request = ResolvedRequest(queries, tuple(attributes), np.array(weights), k)
    ranked = index.search(request._replace(missing_last=True))
    assert ranked.rows.tolist() == sorted(range(count), key=place)[:k]
    assert ranked.missing.T.tolist() == [
        [is_missing(row, attribute) for attribute in attributes] for row in ranked.rows
    ]
    np.testing.assert_allclose(ranked.scores, [-place(row)[1] for row in ranked.rows], atol=1e-6)
    plain = index.search(request)
    assert plain.rows.tolist() == sorted(range(count), key=lambda row: place(row)[1:])[:k]
    assert not plain.missing.any()
