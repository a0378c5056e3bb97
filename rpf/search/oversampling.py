"""Oversampling: how many candidates the indexes of a collection need to reach the target recall, measured on it."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import CandidateIndex, Oversampling, Target, batches

RESULTS = 50  # k of the searches that are measured
TARGET_RECALL = 0.995  # share of the exact results that must be among the candidates
# For queries from elsewhere, which lie farther from all items than the items that are measured with.
PROPOSED_MARGIN = 2.25
RESCORED_MARGIN = 1.5
MAX_QUERIES = 32
MAX_SCORE_BYTES = 2**30  # fewer queries are measured where their scores would take more
FIRST_DEPTH = 256  # rows that are proposed to each query, among which the exact results are looked for first
DEPTH_GROWTH = 4  # factor, while these are too few


def calibrate_oversampling(collection: Collection, index: CandidateIndex) -> list[Oversampling]:
    """Measure how many times k candidates a search in 1, 2, ..., A attributes needs.

    index: of the A attributes, built on all rows of the collection in order. The queries are a fixed sample of the
    items, each with a random choice of attributes.
    """
    n, width = len(collection), len(collection.manifest.spec.attributes)
    count = min(MAX_QUERIES, n, max(4, MAX_SCORE_BYTES // (4 * width * n)))
    vectors = [AttributeVectors(collection, attribute) for attribute in range(width)]
    rows = np.sort(np.random.default_rng(0).choice(n, count, replace=False))
    queries = np.stack([column.as_queries(rows) for column in vectors], axis=1)  # (m, A, D)
    targets = _exact_searches(vectors, queries)
    depth = FIRST_DEPTH
    while True:
        measured = [index.ranks(query, some, depth) for query, some in zip(queries, targets, strict=True)]
        by_count = list(zip(*measured, strict=True))  # for each number of attributes, the ranks of each query
        factors = [
            Oversampling(
                _factor([one.proposed for one in ranks], PROPOSED_MARGIN),
                _factor([one.rescored for one in ranks], RESCORED_MARGIN),
            )
            for ranks in by_count
        ]
        if max(factor.proposed for factor in factors) * RESULTS <= depth or depth >= min(n / 2, index.max_depth):
            return factors
        depth = min(DEPTH_GROWTH * depth, int(min(n, index.max_depth)))


def _exact_searches(vectors: Sequence[AttributeVectors], queries: npt.NDArray[np.float32]) -> list[list[Target]]:
    """Search exactly with each of the queries (m, A, D): by one attribute, by two, and so on."""
    count, width = queries.shape[:2]
    cosines = np.empty((width, count, vectors[0].shape[0]), np.float32)
    for attribute, column in enumerate(vectors):
        np.concatenate([queries[:, attribute] @ batch.T for batch in batches(column)], axis=1, out=cosines[attribute])
    rng = np.random.default_rng(0)
    targets: list[list[Target]] = [[] for _ in range(count)]
    for number, query in product(range(1, width + 1), range(count)):
        attributes = rng.choice(width, number, replace=False)
        exact = cosines[attributes, query].sum(axis=0)
        targets[query].append(Target(attributes, np.argpartition(-exact, min(RESULTS, len(exact)) - 1)[:RESULTS]))
    return targets


def _factor(ranks: Sequence[npt.NDArray[np.integer]], margin: float) -> float:
    needed = margin * float(np.quantile(np.concatenate(ranks), TARGET_RECALL)) / RESULTS
    return max(1.0, round(needed, 2))
