"""Measurement of one search method on one task: precision, recall and time of every query."""

import time
from dataclasses import dataclass

import numpy as np

from rpf.evaluation.metrics import Floats, Ints, average_precision, recall
from rpf.evaluation.protocol import TaskEmbeddings
from rpf.search.base import VectorIndex

QUERY_BATCH_SIZE = 256  # bounds the memory of whole rankings


@dataclass(frozen=True)
class QueryMetrics:
    """Metrics of one method on one task of m queries, (m,) each; all but the first are zeros without a k."""

    average_precision: Floats  # over the whole ranking
    average_precision_at_k: Floats
    recall: Floats  # at k, of the exact ranking
    seconds: Floats  # of a search for the first k with that query alone
    build_seconds: float


def measure(embeddings: TaskEmbeddings, index: VectorIndex, k: int | None = None) -> QueryMetrics:
    """Build the index on the task's candidates and search with each query: for the first k, and for all of them."""
    queries, candidates, task = embeddings.queries, embeddings.candidates, embeddings.task
    precision, precision_at_k, recalls, seconds = np.zeros((4, len(queries)))
    if not len(candidates):
        return QueryMetrics(precision, precision_at_k, recalls, seconds, 0.0)
    started = time.perf_counter()
    index.build(candidates)
    build_seconds = time.perf_counter() - started
    if k is not None:
        ids, seconds = _search_one_by_one(embeddings, index, k)
    for start in range(0, len(queries), QUERY_BATCH_SIZE):
        rows = slice(start, start + QUERY_BATCH_SIZE)
        relevant = task.candidates.values == task.queries.values[rows, None]  # (m, n)
        ranking = whole_ranking(index.search(queries[rows], len(candidates)).ids, len(candidates))
        total = relevant.sum(axis=1)
        precision[rows] = average_precision(np.take_along_axis(relevant, ranking, axis=1), total)
        if k is not None:
            hits = np.take_along_axis(relevant, np.maximum(ids[rows], 0), axis=1) & (ids[rows] >= 0)
            precision_at_k[rows] = average_precision(hits, total, k)
            cosines = queries[rows] @ candidates.T
            recalls[rows] = recall(ids[rows], cosines.astype(np.float64), k)
    return QueryMetrics(precision, precision_at_k, recalls, seconds, build_seconds)


def whole_ranking(ids: Ints, size: int) -> Ints:
    """Complete rankings (m, r) of ids to (m, size): after the ids of a method all others, in id order."""
    rank = np.full((len(ids), size + 1), ids.shape[1])
    np.put_along_axis(rank, np.where(ids < 0, size, ids), np.arange(ids.shape[1])[None], axis=1)
    return rank[:, :size].argsort(axis=1, kind="stable")


def _search_one_by_one(embeddings: TaskEmbeddings, index: VectorIndex, k: int) -> tuple[Ints, Floats]:
    """Search with one query at a time, as a site does: the first k ids (m, r), -1 for none, and seconds (m,)."""
    ids = np.full((len(embeddings.queries), min(k, len(embeddings.candidates))), -1)
    seconds = np.zeros(len(ids))
    index.search(embeddings.candidates[:1], k)  # warm up
    for row in range(len(ids)):
        started = time.perf_counter()
        row_ids = index.search(embeddings.queries[row : row + 1], k).ids[0]
        seconds[row] = time.perf_counter() - started
        ids[row, : len(row_ids)] = row_ids
    return ids, seconds
