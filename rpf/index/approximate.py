"""Search in several attributes at once by methods that know one attribute each.

A method proposes candidates; what orders them is the exact score, from the stored embeddings.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.index import Found, Method, Scan
from rpf.index.calibration import RESULTS
from rpf.index.exact import Exact, rescored

FIRST = 4  # times as many candidates of each attribute as results wanted, to begin with
MORE = 4  # times as many each time that these were too few


class Approximate:
    """One method an attribute, each built on the vectors of the items `ids`."""

    def __init__(
        self, collection: Collection, methods: Sequence[Method], ids: npt.NDArray[np.int64], over_fetch: Sequence[float]
    ) -> None:
        """ids (n,): items of this generation or an earlier one; those removed since are passed over, those added since
        are all candidates. over_fetch: as rpf.index.calibration says."""
        self.collection = collection
        self.methods = methods
        self.over_fetch = over_fetch
        self.title = methods[0].title
        rows = np.searchsorted(collection.ids, ids)
        there = np.append(collection.ids, -1)[rows] == ids
        self._gone = np.flatnonzero(~there)
        self._rows = np.where(there, rows, -1)  # (n,) of the collection, -1 for removed items
        self._rest = np.setdiff1d(np.arange(len(collection)), self._rows)
        # Each part that an item lacks puts it below all that lack one fewer.
        lacking = collection.lacking(range(len(methods)))
        self._penalty = 3 * np.where(there, lacking[:, self._rows], False).astype(np.float32)  # (A, n)

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool = False,
    ) -> Found:
        """See rpf.index.Index. Raises SearchUnavailable."""
        if 2 * FIRST * count >= len(self.collection):  # candidates would be no fewer
            return Exact(self.collection).search(queries, attributes, weights, count, lacking_last)
        chosen = [self.methods[attribute] for attribute in attributes]
        scans = [method for method in chosen if isinstance(method, Scan)]
        if len(scans) == len(chosen):
            wanted = math.ceil(max(count, RESULTS) * self.over_fetch[len(chosen) - 1])
            rows = self._scan(scans, queries, attributes, weights, wanted, lacking_last)
            return rescored(self.collection, rows, queries, attributes, weights, count, lacking_last)
        return self._by_threshold(chosen, queries, attributes, weights, count, lacking_last)

    def _scan(
        self,
        methods: Sequence[Scan],
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        wanted: int,
        lacking_last: bool,
    ) -> npt.NDArray[np.int64]:
        """The rows with the highest estimates of the score."""
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

    def _by_threshold(
        self,
        methods: Sequence[Method],
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool,
    ) -> Found:
        """The threshold algorithm (Fagin, Lotem and Naor 2001) over the methods' lists.

        What is in no list is in no attribute more alike than the last of that attribute's list. When the results are
        at least as alike as something that is so alike in all attributes, no better ones are left out, as far as
        the lists are right.
        """
        fetch = FIRST * count
        most = min(method.most for method in methods)
        while 2 * fetch < len(self._rows) and fetch <= most:
            lists = [method.search(query[None], fetch).ids[0] for method, query in zip(methods, queries, strict=True)]
            lists = [self._rows[ids[ids >= 0]] for ids in lists]
            lists = [rows[rows >= 0] for rows in lists]
            rows = np.unique(np.concatenate([*lists, self._rest]))
            found = rescored(self.collection, rows, queries, attributes, weights, len(rows), lacking_last)
            place = np.empty(len(self.collection), np.int64)
            place[found.rows] = np.arange(len(rows))
            last = [
                cosines[place[own[-1]]] if len(own) else 1.0 for cosines, own in zip(found.cosines, lists, strict=True)
            ]
            worst = found.scores[count - 1] if len(rows) >= count else -np.inf
            if worst >= weights @ np.array(last) / weights.sum() and not found.lacking[:, :count].any():
                return found.first(count)
            fetch *= MORE
        return Exact(self.collection).search(queries, attributes, weights, count, lacking_last)
