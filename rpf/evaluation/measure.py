"""What a search method does with a task: precision, recall and time of every query."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rpf.evaluation.metrics import Floats, Ints, average_precision, recall
from rpf.evaluation.protocol import Benchmark, Vectors, embed
from rpf.models.rpf import RPF
from rpf.search.base import VectorIndex
from rpf.search.indexes.flat import FlatIndex
from rpf.utils.progress import Progress

QUERIES_AT_ONCE = 256  # bounds the memory of whole rankings


@dataclass(frozen=True)
class Measured:
    """One method and one task of m queries; (m,) each."""

    whole: Floats  # average precision over the whole ranking
    top: Floats  # average precision over the first k ranks
    recall: Floats  # share of the exact first k that the method's first k have
    seconds: Floats  # of a search for the first k, the query alone
    build_seconds: float


def measure(vectors: Vectors, method: VectorIndex, k: int) -> Measured:
    """Build the method on the task's candidates and search for each query: for the first k, and for all of them."""
    if not len(vectors.candidates):  # nothing can be found
        nothing = np.zeros(len(vectors.queries))
        return Measured(nothing, nothing, nothing, nothing, 0.0)
    started = time.perf_counter()
    method.build(vectors.candidates)
    build_seconds = time.perf_counter() - started
    found, seconds = _first(vectors, method, k)
    top, share = np.zeros(len(found)), np.zeros(len(found))
    for some in _slices(len(found)):
        ids, relevant = found[some], _relevant(vectors, some)
        hit = np.take_along_axis(relevant, np.maximum(ids, 0), axis=1) & (ids >= 0)
        top[some] = average_precision(hit, relevant.sum(axis=1), k)
        cosines = vectors.queries[some] @ vectors.candidates.T
        share[some] = recall(ids, cosines.astype(np.float64), k)
    return Measured(_whole(vectors, method), top, share, seconds, build_seconds)


def overall_map(model: RPF, benchmark: Benchmark, batch: int = 64, progress: Progress | None = None) -> float:
    """The MAP over all queries by exact search, 0 to 1: what training chooses its best model by. Raises as `embed`."""
    scores = []
    for vectors in embed(model, benchmark, batch=batch, progress=progress):
        if not len(vectors.candidates):  # nothing can be found
            scores.append(np.zeros(len(vectors.queries)))
            continue
        method = FlatIndex()
        method.build(vectors.candidates)
        scores.append(_whole(vectors, method))
    return float(np.concatenate(scores).mean())


def whole_ranking(ids: Ints, size: int) -> Ints:
    """(m, size): the (m, r) ids that a method found, in its order, then those it did not find, in id order."""
    rank = np.full((len(ids), size + 1), ids.shape[1])
    np.put_along_axis(rank, np.where(ids < 0, size, ids), np.arange(ids.shape[1])[None], axis=1)
    return rank[:, :size].argsort(axis=1, kind="stable")


def _whole(vectors: Vectors, method: VectorIndex) -> Floats:
    """(m,) average precision over the whole ranking of a method that is built."""
    size, scores = len(vectors.candidates), np.zeros(len(vectors.queries))
    for some in _slices(len(scores)):
        ranking = whole_ranking(method.search(vectors.queries[some], size).ids, size)
        relevant = _relevant(vectors, some)
        scores[some] = average_precision(np.take_along_axis(relevant, ranking, axis=1), relevant.sum(axis=1))
    return scores


def _first(vectors: Vectors, method: VectorIndex, k: int) -> tuple[Ints, Floats]:
    """(m, r) the first k ids, -1 where there are fewer, and (m,) seconds: one query at a time, as on a site."""
    found = np.full((len(vectors.queries), min(k, len(vectors.candidates))), -1)
    seconds = np.zeros(len(found))
    method.search(vectors.candidates[:1], k)  # a first search is slow for reasons of its own
    for at in range(len(found)):
        started = time.perf_counter()
        ids = method.search(vectors.queries[at : at + 1], k).ids[0]
        seconds[at] = time.perf_counter() - started
        found[at, : len(ids)] = ids
    return found, seconds


def _relevant(vectors: Vectors, some: slice) -> npt.NDArray[np.bool_]:
    """(m, n): whether a candidate has the value of a query, for some of the queries."""
    return vectors.task.candidates.values == vectors.task.queries.values[some, None]


def _slices(count: int) -> Iterator[slice]:
    return (slice(at, at + QUERIES_AT_ONCE) for at in range(0, count, QUERIES_AT_ONCE))
