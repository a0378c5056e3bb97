"""How many candidates a method that scans has to propose: measured on the collection itself when it is built."""

from collections.abc import Sequence

import numpy as np

from rpf.collection import Collection
from rpf.index import Scan, blocks, sample
from rpf.index.column import Column

QUERIES = 32  # and fewer where their scores would take more than MEMORY
MEMORY = 2**30  # bytes
RESULTS = 50
SHARE = 0.995  # of the exact results that are to be among the candidates
MARGIN = 1.25  # the queries of tomorrow are others


def over_fetch(collection: Collection, methods: Sequence[Scan]) -> list[float]:
    """How many times RESULTS candidates there must be when 1, 2, ..., A attributes are chosen.

    methods: one for each of the A attributes, built on all rows of the collection in order. The queries are items of
    the collection, a fixed choice of them, and the attributes of each a random choice.
    """
    n, width = len(collection), len(methods)
    queries = min(QUERIES, n, max(4, MEMORY // (8 * width * n)))
    truth = np.empty((width, queries, n), np.float32)
    estimates = np.empty_like(truth)
    for attribute, method in enumerate(methods):
        column = Column(collection, attribute)
        asked = sample(column, queries)
        truth[attribute] = np.concatenate([asked @ block.T for block in blocks(column)], axis=1)
        estimates[attribute] = [method.scores(query) for query in asked]
    rng = np.random.default_rng(0)
    found = []
    for chosen in range(1, width + 1):
        ranks = []
        for query in range(queries):
            some = rng.choice(width, chosen, replace=False)
            exact, estimate = truth[some, query].sum(axis=0), estimates[some, query].sum(axis=0)
            top = np.argpartition(-exact, min(RESULTS, n) - 1)[:RESULTS]
            ranks.append(1 + np.searchsorted(np.sort(-estimate), -estimate[top]))
        found.append(MARGIN * float(np.quantile(np.concatenate(ranks), SHARE)) / min(RESULTS, n))
    return [max(1.0, round(own, 2)) for own in found]
