"""Metrics against scikit-learn's, against sums by hand, and against random rankings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from rpf.evaluation.metrics import average_precision, bootstrap_means, random_average_precision, recall
from rpf.search.indexes.flat import FlatIndex


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 4), st.integers(1, 40))))
def test_average_precision_equals_scikit_learns(relevant: np.ndarray) -> None:
    precision = average_precision(relevant, relevant.sum(axis=1))
    scores = -np.arange(relevant.shape[1])
    for row, score in zip(relevant, precision, strict=True):
        expected = average_precision_score(row, scores) if row.any() else 0.0
        assert score == pytest.approx(expected, abs=1e-12)


def test_average_precision_at_k_by_hand() -> None:
    relevant = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]], dtype=bool)
    total = np.array([3, 1, 0, 5])  # the last query has two more that the method did not return
    np.testing.assert_allclose(average_precision(relevant, total), [(1 + 2 / 3 + 3 / 4) / 3, 1 / 5, 0, 3 / 5])
    np.testing.assert_allclose(average_precision(relevant, total, 3), [(1 + 2 / 3) / 3, 0, 0, 1])
    np.testing.assert_allclose(average_precision(relevant, total, 2), [1 / 2, 0, 0, 1])
    np.testing.assert_allclose(average_precision(relevant, total, 50), [(1 + 2 / 3 + 3 / 4) / 3, 1 / 5, 0, 3 / 5])


def test_recall_counts_items_that_score_as_high_as_the_kth_best() -> None:
    scores = np.array([[0.9, 0.8, 0.8, 0.1]])
    for ids, expected in [([0, 1], 1), ([0, 2], 1), ([2, 1], 1), ([0, 3], 0.5), ([3, -1], 0), ([-1, 0], 0.5)]:
        assert recall(np.array([ids]), scores, 2) == expected
    assert recall(np.array([[3, 1, 0, 2]]), scores, 50) == 1
    assert recall(np.array([[3, 1, -1, -1]]), scores, 50) == 0.5


def test_recall_tolerates_rounding_of_cosines() -> None:
    vectors = np.random.default_rng(0).standard_normal((400, 256)).astype(np.float32) * 1e-2 + 1  # all similar
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = FlatIndex()
    index.build(vectors)
    ids = np.concatenate([index.search(vectors[at : at + 1], 50).ids for at in range(100)])
    assert (recall(ids, (vectors[:100] @ vectors.T).astype(np.float64), 50) == 1).all()


@pytest.mark.parametrize("k", [None, 1, 5, 50])
def test_random_average_precision_is_the_mean_over_random_rankings(k: int | None) -> None:
    generator = np.random.default_rng(0)
    total = np.array([0, 1, 4, 12])
    relevant = np.arange(12) < total[:, None]
    simulated = [average_precision(generator.permuted(relevant, axis=1), total, k) for _ in range(20_000)]
    np.testing.assert_allclose(random_average_precision(12, total, k), np.mean(simulated, axis=0), atol=0.012)
    assert random_average_precision(1, np.array([1]), k) == 1
    assert random_average_precision(0, np.array([0]), k) == 0


def test_bootstrap_means_have_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).random(200)
    draws = bootstrap_means(values, 4000, 2)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.003)
    assert draws.std() == pytest.approx(values.std() / 200**0.5, rel=0.1)
    np.testing.assert_array_equal(draws, bootstrap_means(values, 4000, 2))
    assert (bootstrap_means(np.array([0.25]), 10, 0) == 0.25).all()
