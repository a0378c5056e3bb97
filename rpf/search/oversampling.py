"""Oversampling: how many candidates the indexes of a collection need to reach the target recall, measured on it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import ScoringIndex, VectorIndex, batches

RESULTS = 50  # k of the searches that are measured
TARGET_RECALL = 0.995  # share of the exact results that must be among the candidates
MARGIN = 1.5  # for queries from elsewhere, which lie farther from all items than the items that are measured with
MAX_QUERIES = 32
MAX_SCORE_BYTES = 2**30  # fewer queries are measured where their scores would take more
FIRST_NEIGHBOURS = 256  # of each query, among which the exact results are looked for first
NEIGHBOURS_GROWTH = 4  # factor, while these are too few


class _Search(NamedTuple):
    query: int
    attributes: npt.NDArray[np.int64]  # (a,)
    top: npt.NDArray[np.int64]  # (RESULTS,) rows that exact search returns


def calibrate_oversampling(collection: Collection, indexes: Sequence[VectorIndex]) -> list[float]:
    """Measure how many times k candidates a search in 1, 2, ..., A attributes needs: per attribute, or in all for
    scoring indexes.

    indexes: one for each of the A attributes, built on all rows of the collection in order. The queries are a fixed
    sample of the items, each with a random choice of attributes.
    """
    n, width = len(collection), len(indexes)
    count = min(MAX_QUERIES, n, max(4, MAX_SCORE_BYTES // (8 * width * n)))
    vectors = [AttributeVectors(collection, attribute) for attribute in range(width)]
    rows = np.sort(np.random.default_rng(0).choice(n, count, replace=False))
    queries = np.stack([column.as_queries(rows) for column in vectors])  # (A, m, D)
    searches = _exact_searches(vectors, queries)
    scoring = [index for index in indexes if isinstance(index, ScoringIndex)]
    if len(scoring) == width:
        scores = np.array([[index.scores(query) for query in m] for index, m in zip(scoring, queries, strict=True)])
        return [_factor([_ranks_by_score(scores, search) for search in group]) for group in searches]
    neighbours = FIRST_NEIGHBOURS
    while True:
        ranks = np.stack([_list_ranks(index, m, neighbours, n) for index, m in zip(indexes, queries, strict=True)])
        factors = [
            _factor([ranks[search.attributes, search.query][:, search.top].min(axis=0) for search in group])
            for group in searches
        ]
        if max(factors) * RESULTS <= neighbours or neighbours >= min(n / 2, *(i.max_neighbours for i in indexes)):
            return factors
        neighbours *= NEIGHBOURS_GROWTH


def _exact_searches(vectors: Sequence[AttributeVectors], queries: npt.NDArray[np.float32]) -> list[list[_Search]]:
    """Search exactly with each of the queries (A, m, D): by one attribute, then by two, and so on."""
    cosines = np.empty((*queries.shape[:2], vectors[0].shape[0]), np.float32)
    for out, query, column in zip(cosines, queries, vectors, strict=True):
        np.concatenate([query @ batch.T for batch in batches(column)], axis=1, out=out)
    rng = np.random.default_rng(0)
    width, count, n = cosines.shape
    searches: list[list[_Search]] = [[] for _ in range(width)]
    for number in range(width * count):
        attributes = rng.choice(width, 1 + number // count, replace=False)
        exact = cosines[attributes, number % count].sum(axis=0)
        top = np.argpartition(-exact, min(RESULTS, n) - 1)[:RESULTS]
        searches[number // count].append(_Search(number % count, attributes, top))
    return searches


def _ranks_by_score(scores: npt.NDArray[np.float32], search: _Search) -> npt.NDArray[np.int64]:
    """Return the ranks (RESULTS,), from 1, of the exact results by the sum of the estimates (A, m, n)."""
    estimates = scores[search.attributes, search.query].sum(axis=0)
    return 1 + np.searchsorted(np.sort(-estimates), -estimates[search.top])


def _list_ranks(index: VectorIndex, queries: npt.NDArray[np.float32], neighbours: int, n: int) -> npt.NDArray[np.int32]:
    """Return the ranks (m, n), from 1, of n vectors among the neighbours of queries (m, D); n + 1 where not there."""
    ids = index.search(queries, min(neighbours, n)).ids
    ranks = np.full((len(queries), n + 1), n + 1, np.int32)
    np.put_along_axis(ranks, ids, 1 + np.arange(ids.shape[1], dtype=np.int32)[None], axis=1)  # -1: the last column
    return ranks[:, :n]


def _factor(ranks: Sequence[npt.NDArray[np.integer]]) -> float:
    needed = MARGIN * float(np.quantile(np.concatenate(ranks), TARGET_RECALL)) / RESULTS
    return max(1.0, round(needed, 2))
