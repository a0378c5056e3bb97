"""The ranking score: similarity in the chosen attributes, lowered smoothly where a part is probably missing.

score(item) = sum_a w_a * s_a / sum_a w_a, with s_a = (1 + cos(q_a, item_a)) * p_a ** PRESENCE_POWER - 1. It lies in
[-1, 1], and never rises as p_a falls, the probability that the item has the part at all. Where presence is unknown,
p_a = 1 and s_a is the cosine. Not in the paper.

An index proposes by the same score: it holds unit vectors u = [f * v, f, sqrt(2 - 2 * f^2), 0...] / sqrt(2) with
f = p ** PRESENCE_POWER, and is searched with [q, 1, 0, 0...] / sqrt(2), so that s = 2 * cos(query, u) - 1.
"""

import math

import numpy as np
import numpy.typing as npt

PRESENCE_POWER = 0.25
MIN_QUERY_SHARE = 0.01  # of the weight of a part that the query lacks for certain
ADDED_DIMENSIONS = 16  # zeros fill them up, as some methods cut vectors into equal parts

Floats = npt.NDArray[np.float32]


def presence_factors(presence: npt.NDArray[np.floating]) -> Floats:
    """Compute the factors f of presence probabilities of any shape."""
    return presence.astype(np.float32) ** np.float32(PRESENCE_POWER)


def attribute_scores(cosines: Floats, factors: Floats) -> Floats:
    """Compute the scores s of cosines and the factors of their items, of one shape."""
    return (1 + cosines) * factors - 1


def power_for(knows_presence: bool) -> float:
    """Return the power in the scores of a collection; 0, which makes them cosines, where no presence is known."""
    return PRESENCE_POWER if knows_presence else 0.0


def query_share(presence: float) -> float:
    """Return the share of its weight with which a chosen attribute counts, by the query's own presence.

    All of it from a presence of one half on; below, it falls so fast that an image is still the nearest to itself.
    """
    return max(MIN_QUERY_SHARE, min(1.0, (2 * presence) ** 2))


def indexed_vectors(vectors: Floats, factors: Floats) -> Floats:
    """Turn unit vectors (n, D) and their factors (n,) into the unit vectors (n, D + ADDED_DIMENSIONS) of an index."""
    indexed = _widen(vectors * factors[:, None])
    indexed[:, vectors.shape[1]] = factors
    indexed[:, vectors.shape[1] + 1] = np.sqrt(2 - 2 * np.minimum(factors, 1) ** 2)
    return indexed / np.float32(math.sqrt(2))


def indexed_queries(queries: Floats) -> Floats:
    """Turn query vectors (m, D) into those for an index of `indexed_vectors`, (m, D + ADDED_DIMENSIONS)."""
    indexed = _widen(queries)
    indexed[:, queries.shape[1]] = 1
    return indexed / np.float32(math.sqrt(2))


def _widen(vectors: Floats) -> Floats:
    return np.pad(vectors, ((0, 0), (0, ADDED_DIMENSIONS)))
