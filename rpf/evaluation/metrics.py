"""Measures of retrieval: pure functions over m queries. All results are fractions, 0 to 1."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Cosines as near as this are as high: methods order them to 6 decimals, and add float32 in orders of their own.
EQUAL = 2e-6


def average_precision(relevant: Bools, total: Ints, k: int | None = None) -> Floats:
    """(m,) average precision of rankings, over the whole or the first `k` ranks.

    relevant (m, r): whether the item at each rank is relevant, best rank first; total (m,): how many items are
    relevant, in the ranking or not. The sum of the precision at the relevant ranks is divided by `total`, or by
    min(k, total). A query with nothing relevant scores 0.
    """
    hit = relevant[:, :k]
    precision = hit.cumsum(axis=1) / np.arange(1, hit.shape[1] + 1)
    attainable = total if k is None else np.minimum(total, k)
    return (precision * hit).sum(axis=1) / np.maximum(attainable, 1)


def recall(found: Ints, scores: Floats, k: int) -> Floats:
    """(m,) the share of the k best items, or of all n where they are fewer, that a method found.

    found (m, r): ids, -1 for none; scores (m, n): the exact cosine of every id. An item counts when it scores as high
    as the k-th best: which of equal ones a method prefers is no fault of it.
    """
    k = min(k, scores.shape[1])
    least = np.partition(scores, -k, axis=1)[:, -k]
    own = np.take_along_axis(scores, np.maximum(found, 0), axis=1)
    good = (own >= least[:, None] - EQUAL) & (found >= 0)
    return np.minimum(good.sum(axis=1), k) / k


def random_average_precision(size: int, total: Ints, k: int | None = None) -> Floats:
    """(m,) the mean of `average_precision` over all rankings of `size` items, `total` (m,) of them relevant.

    Rank i is relevant with probability total / size, and then each rank before it with (total - 1) / (size - 1).
    """
    ranks = np.arange(1, min(size, size if k is None else k) + 1)
    before = (ranks - 1) / max(size - 1, 1)
    precision = (1 + before * (total[:, None] - 1)) / ranks  # expected where the rank is relevant, (m, r)
    attainable = total if k is None else np.minimum(total, k)
    return (total / max(size, 1)) * precision.sum(axis=1) / np.maximum(attainable, 1)


def bootstrap_means(values: Floats, draws: int, seed: int) -> Floats:
    """(draws,) means of samples with replacement from the (m,) `values`, each of m. m is at least 1."""
    count = len(values)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return times @ values / count
