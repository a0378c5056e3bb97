"""Retrieval metrics over m queries: average precision, recall, bootstrap. All results are fractions, 0 to 1."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Cosines are rounded to 6 decimals and float32 sums differ by their order.
COSINE_TOLERANCE = 2e-6


def average_precision(relevant: Bools, total: Ints, k: int | None = None) -> Floats:
    """Compute the average precision (m,) of rankings, over the whole or the first `k` ranks.

    relevant (m, r): whether the item at each rank is relevant, best rank first; total (m,): number of relevant items,
    ranked or not. The sum of the precision at the relevant ranks is divided by `total`, or by min(k, total). A query
    without relevant items scores 0.
    """
    hits = relevant[:, :k]
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    attainable = total if k is None else np.minimum(total, k)
    return (precision * hits).sum(axis=1) / np.maximum(attainable, 1)


def recall(ids: Ints, scores: Floats, k: int) -> Floats:
    """Compute the recall@k (m,) of a method's ids against the exact ranking.

    ids (m, r): -1 for none; scores (m, n): the exact cosine of every id. An item counts if it scores as high as the
    k-th best, so that a method may choose among equal items.
    """
    k = min(k, scores.shape[1])
    threshold = np.partition(scores, -k, axis=1)[:, -k] - COSINE_TOLERANCE
    hits = (np.take_along_axis(scores, np.maximum(ids, 0), axis=1) >= threshold[:, None]) & (ids >= 0)
    return np.minimum(hits.sum(axis=1), k) / k


def random_average_precision(size: int, total: Ints, k: int | None = None) -> Floats:
    """Compute the mean of `average_precision` over all rankings of `size` items, `total` (m,) of them relevant.

    Rank i is relevant with probability total / size, and then each rank before it with (total - 1) / (size - 1).
    """
    ranks = np.arange(1, min(size, size if k is None else k) + 1)
    before = (ranks - 1) / max(size - 1, 1)
    precision = (1 + before * (total[:, None] - 1)) / ranks  # expected at a relevant rank, (m, r)
    attainable = total if k is None else np.minimum(total, k)
    return (total / max(size, 1)) * precision.sum(axis=1) / np.maximum(attainable, 1)


def bootstrap_means(values: Floats, draws: int, seed: int) -> Floats:
    """Compute the means (draws,) of bootstrap samples of `values` (m,); m is at least 1."""
    count = len(values)
    times = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)
    return times @ values / count
