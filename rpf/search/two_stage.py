"""Two-stage search: the collection's index proposes candidates, the stored embeddings rescore them."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.search.attribute_vectors import query_vectors
from rpf.search.base import CandidateIndex, CandidateSearch, Oversampling, RankedRows
from rpf.search.exact import Exact
from rpf.search.oversampling import RESULTS
from rpf.search.request import ResolvedRequest

FEW_ROWS = 1024  # that pass the filters are searched exactly, in less than a millisecond for each attribute
MIN_OVERSAMPLING = 8  # a collection of fewer than so many times the results is searched exactly, which is as fast


class TwoStageSearcher:
    """Search by an index over all attributes and exact rescoring of its candidates."""

    def __init__(
        self,
        collection: Collection,
        index: CandidateIndex,
        ids: npt.NDArray[np.int64],
        oversampling: Sequence[Oversampling],
    ) -> None:
        """index: built on the items `ids` (n,); oversampling: see `calibrate_oversampling`.

        Items that were removed since are passed over; those that were added since are all candidates.
        """
        self.collection, self.index, self.oversampling = collection, index, oversampling
        self.title = index.title
        rows = np.searchsorted(collection.ids, ids)
        live = np.append(collection.ids, -1)[rows] == ids
        self._live_share = live.mean()
        self._rows = np.where(live, rows, -1)  # (n,) of the collection, -1 for removed items
        is_indexed = np.zeros(len(collection), bool)
        is_indexed[rows[live]] = True
        self._unindexed = np.flatnonzero(~is_indexed)
        self._is_current = np.array_equal(self._rows, np.arange(len(collection)))  # then masks need no translation
        self._exact = Exact(collection)

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Rank the candidates of the index, or all rows where that is as fast. Raises SearchUnavailable."""
        total = len(self.collection) if request.passing is None else int(request.passing.sum())
        few = FEW_ROWS if request.passing is not None else 0
        if total <= max(few, MIN_OVERSAMPLING * request.k):
            return self._exact.search(request)
        search = CandidateSearch(
            query_vectors(self.collection, request.vectors),
            request.attributes,
            (request.weights / request.weights.sum()).astype(np.float32),
            ceil(max(request.k, RESULTS) / self._live_share),
            self._passing(request),
        )
        proposed = self.index.candidates(search, self.oversampling[len(request.attributes) - 1])
        if proposed is not None and 2 * len(proposed) < total:
            rows = self._rows[proposed]
            candidates = np.unique(np.concatenate([rows[rows >= 0], self._unindexed]))
            if request.passing is not None:
                candidates = candidates[request.passing[candidates]]
            if len(candidates) >= request.k:
                return self._exact.rescore(candidates, request)
        return self._exact.search(request)

    def _passing(self, request: ResolvedRequest) -> npt.NDArray[np.bool_] | None:
        """Tell which rows (n,) of the index pass the filters; None for all."""
        if request.passing is None or self._is_current:
            return request.passing
        return np.append(request.passing, False)[self._rows]
