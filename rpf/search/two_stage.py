"""Search in several attributes at once by methods that know one attribute each.

A method proposes candidates; what orders them is the exact score, from the stored embeddings.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.base import RankedRows, Scan, VectorIndex
from rpf.search.exact import Exact, rescored
from rpf.search.oversampling import RESULTS

FEWEST = 8  # times as many items as are asked for; where there are no more, all are compared


class TwoStageSearcher:
    """One method an attribute, each built on the vectors of the items `ids`."""

    def __init__(
        self,
        collection: Collection,
        methods: Sequence[VectorIndex],
        ids: npt.NDArray[np.int64],
        oversampling: Sequence[float],
    ) -> None:
        """ids (n,): items of this generation or an earlier one; those removed since are passed over, those added since
        are all candidates. over_fetch: as rpf.search.oversampling says."""
        self.collection = collection
        self.methods = methods
        self.oversampling = oversampling
        self.title = methods[0].title
        rows = np.searchsorted(collection.ids, ids)
        there = np.append(collection.ids, -1)[rows] == ids
        self._gone = np.flatnonzero(~there)
        self._rows = np.where(there, rows, -1)  # (n,) of the collection, -1 for removed items
        self._rest = np.setdiff1d(np.arange(len(collection)), self._rows)
        # Each part that an item lacks puts it below all that lack one fewer.
        lacking = collection.missing(range(len(methods)))
        self._penalty = 3 * np.where(there, lacking[:, self._rows], False).astype(np.float32)  # (A, n)

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool = False,
    ) -> RankedRows:
        """See rpf.search.base.Searcher. Raises SearchUnavailable."""
        if FEWEST * count >= len(self.collection):
            return Exact(self.collection).search(queries, attributes, weights, count, lacking_last)
        chosen = [self.methods[attribute] for attribute in attributes]
        scans = [method for method in chosen if isinstance(method, Scan)]
        wanted = math.ceil(max(count, RESULTS) * self.oversampling[len(chosen) - 1])
        if len(scans) == len(chosen):
            rows = self._scan(scans, queries, attributes, weights, wanted, lacking_last)
            return rescored(self.collection, rows, queries, attributes, weights, count, lacking_last)
        if lacking_last:  # those that lack a part stand in the lists as well, and are of no use
            some = [attribute for attribute, weight in zip(attributes, weights, strict=True) if weight > 0]
            complete = ~self.collection.missing(some).any(axis=0)
            wanted = math.ceil(wanted / max(complete.mean(), 1 / len(self.collection)))
        if 2 * wanted < len(self._rows) and wanted <= min(method.most for method in chosen):
            rows = self._listed(chosen, queries, wanted)
            found = rescored(self.collection, rows, queries, attributes, weights, count, lacking_last)
            if len(found.rows) == count and not found.lacking[weights > 0].any():
                return found
        return Exact(self.collection).search(queries, attributes, weights, count, lacking_last)

    def _scan(
        self,
        methods: Sequence[Scan],
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        wanted: int,
        lacking_last: bool,
    ) -> npt.NDArray[np.int64]:
        """The rows with the highest estimates of the score, and those that are not in the index."""
        shares = (weights / weights.sum()).astype(np.float32)
        estimates = np.zeros(len(self._rows), np.float32)
        for method, query, share, attribute in zip(methods, queries, shares, attributes, strict=True):
            estimates += method.scores(share * query)
            if lacking_last and share > 0:
                estimates -= self._penalty[attribute]
        estimates[self._gone] = -np.inf
        wanted = min(wanted, len(estimates) - len(self._gone))
        top = torch.topk(torch.from_numpy(estimates), wanted, sorted=False).indices.numpy()  # 4 times as fast as NumPy
        return np.sort(np.concatenate([self._rows[top], self._rest]))

    def _listed(
        self, methods: Sequence[VectorIndex], queries: npt.NDArray[np.float32], wanted: int
    ) -> npt.NDArray[np.int64]:
        """The rows that are among the nearest of any attribute, and those that are not in the index."""
        lists = [method.search(query[None], wanted).ids[0] for method, query in zip(methods, queries, strict=True)]
        ids = np.concatenate(lists)
        rows = self._rows[ids[ids >= 0]]
        return np.unique(np.concatenate([rows[rows >= 0], self._rest]))
