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
from rpf.search.score import attribute_scores, indexed_queries, indexed_vectors, presence_factors

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
    np.testing.assert_allclose(ranked.attribute_scores, cosines[:, ranked.rows], atol=1e-3)
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
def test_missing_parts_lower_the_score(tmp_path: Path, data: st.DataObject) -> None:
    """Against the formula in plain Python, over a segment whose presence is known and one where it may not be.

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

    def presence_of(row: int, attribute: int) -> float:
        value = float(np.float16(parts[row, attribute]))
        return 1.0 if np.isnan(value) or (row < half and not known) else value

    def score(row: int) -> float:
        pairs = list(zip(attributes, weights, strict=True))
        scores = [(1 + float(vectors[row, a, 0])) * presence_of(row, a) ** 0.25 - 1 for a, _ in pairs]
        return sum(w * s for (_, w), s in zip(pairs, scores, strict=True)) / sum(weights)

    queries = np.tile(np.array([1, 0], np.float32), (len(attributes), 1))
    request = ResolvedRequest(queries, tuple(attributes), np.array(weights), k)
    ranked = Exact(Collection.open(tmp_path / "c")).search(request)
    assert ranked.rows.tolist() == sorted(range(count), key=lambda row: (-round(score(row), 5), row))[:k]
    assert ranked.missing.T.tolist() == [[presence_of(row, a) < 0.5 for a in attributes] for row in ranked.rows]
    np.testing.assert_allclose(ranked.scores, [score(row) for row in ranked.rows], atol=1e-5)


@given(st.floats(-1, 1, width=32), st.floats(0, 1, width=16), st.floats(0, 1, width=16))
def test_lower_presence_never_raises_a_score(cosine: float, one: float, other: float) -> None:
    low, high = sorted([one, other])
    scores = attribute_scores(np.float32([cosine, cosine]), presence_factors(np.float16([low, high])))
    assert -1 <= scores[0] <= scores[1] <= 1


@given(st.integers(0, 1000), st.integers(1, 8))
def test_indexed_vectors_have_the_cosines_of_the_scores(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    factors = presence_factors(rng.random(count).astype(np.float16))
    vectors, query = unit((count, 16), seed), unit((1, 16), seed + 1)
    indexed, searched = indexed_vectors(vectors, factors), indexed_queries(query)
    np.testing.assert_allclose(np.linalg.norm(indexed, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(searched, axis=1), 1, atol=1e-6)
    expected = attribute_scores(vectors @ query[0], factors)
    np.testing.assert_allclose(2 * (indexed @ searched[0]) - 1, expected, atol=1e-6)
