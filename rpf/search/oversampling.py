"""How many candidates the methods of a collection have to propose: measured on it when they are built."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import ScoringIndex, VectorIndex, blocks, sample

QUERIES = 32  # and fewer where their scores would take more than MEMORY
MEMORY = 2**30  # bytes
RESULTS = 50
SHARE = 0.995  # of the exact results that are to be among the candidates
MARGIN = 1.5  # pictures from elsewhere, which lie less near to any item, need more
FIRST = 256  # neighbours among which to look for the exact results, to begin with
MORE = 4  # times as many each time that these were too few


class _Search(NamedTuple):
    query: int
    attributes: npt.NDArray[np.int64]  # (a,)
    best: npt.NDArray[np.int64]  # (RESULTS,) what exact search finds


def calibrate_oversampling(collection: Collection, methods: Sequence[VectorIndex]) -> list[float]:
    """How many times RESULTS candidates there must be when 1, 2, ..., A attributes are chosen: of every attribute, or
    in all where the methods scan.

    methods: one for each of the A attributes, built on all rows of the collection in order. The queries are items of
    the collection, a fixed choice of them, and the attributes of each a random choice.
    """
    n, width = len(collection), len(methods)
    count = min(QUERIES, n, max(4, MEMORY // (8 * width * n)))
    columns = [AttributeVectors(collection, attribute) for attribute in range(width)]
    queries = np.stack([sample(column, count) for column in columns])  # (A, m, D)
    searches = _searches(columns, queries)
    scans = [method for method in methods if isinstance(method, ScoringIndex)]
    if len(scans) == width:
        scores = np.array([[scan.scores(query) for query in own] for scan, own in zip(scans, queries, strict=True)])
        return [_factor([_ranks_by_score(scores, own) for own in some]) for some in searches]
    fetch = FIRST
    while True:
        places = np.stack([_places(method, own, fetch, n) for method, own in zip(methods, queries, strict=True)])
        found = [_factor([1 + places[own.attributes, own.query][:, own.best].min(axis=0) for own in some])
                 for some in searches]  # fmt: skip
        if max(found) * RESULTS <= fetch or fetch >= min(n / 2, *(method.max_neighbours for method in methods)):
            return found
        fetch *= MORE


def _searches(columns: Sequence[AttributeVectors], queries: npt.NDArray[np.float32]) -> list[list[_Search]]:
    """A search for each of the queries (A, m, D) by one attribute, then by two, and so on."""
    cosines = np.empty((*queries.shape[:2], columns[0].shape[0]), np.float32)
    for own, asked, column in zip(cosines, queries, columns, strict=True):
        np.concatenate([asked @ block.T for block in blocks(column)], axis=1, out=own)
    rng = np.random.default_rng(0)
    width, count, n = cosines.shape
    searches: list[list[_Search]] = [[] for _ in range(width)]
    for at in range(width * count):
        some = rng.choice(width, 1 + at // count, replace=False)
        exact = cosines[some, at % count].sum(axis=0)
        best = np.argpartition(-exact, min(RESULTS, n) - 1)[:RESULTS]
        searches[at // count].append(_Search(at % count, some, best))
    return searches


def _ranks_by_score(scores: npt.NDArray[np.float32], search: _Search) -> npt.NDArray[np.int64]:
    """(RESULTS,) ranks from 1 of the exact results by estimates (A, m, n), added up."""
    estimates = scores[search.attributes, search.query].sum(axis=0)
    return 1 + np.searchsorted(np.sort(-estimates), -estimates[search.best])


def _places(method: VectorIndex, queries: npt.NDArray[np.float32], fetch: int, n: int) -> npt.NDArray[np.int32]:
    """(m, n) places from 0 that the n vectors have in the method's lists for the queries (m, D); n where in none."""
    ids = method.search(queries, min(fetch, n)).ids
    places = np.full((len(queries), n + 1), n, np.int32)
    np.put_along_axis(places, ids, np.arange(ids.shape[1], dtype=np.int32)[None], axis=1)  # -1 is the last column
    return places[:, :n]


def _factor(ranks: Sequence[npt.NDArray[np.integer]]) -> float:
    needed = MARGIN * float(np.quantile(np.concatenate(ranks), SHARE)) / RESULTS
    return max(1.0, round(needed, 2))
