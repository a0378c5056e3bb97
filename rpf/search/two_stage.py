"""Two-stage search: the indexes of the attributes propose candidates, the stored embeddings rescore them."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.attribute_vectors import query_vectors
from rpf.search.base import RankedRows, ScoringIndex, VectorIndex
from rpf.search.exact import Exact
from rpf.search.oversampling import RESULTS
from rpf.search.request import ResolvedRequest

MIN_OVERSAMPLING = 8  # a collection of fewer than so many times the results is searched exactly, which is as fast


class TwoStageSearcher:
    """Search by one vector index per attribute and exact rescoring of their candidates."""

    def __init__(
        self,
        collection: Collection,
        indexes: Sequence[VectorIndex],
        ids: npt.NDArray[np.int64],
        oversampling: Sequence[float],
    ) -> None:
        """indexes: one for each attribute, built on the items `ids` (n,); oversampling: see `calibrate_oversampling`.

        Items that were removed since are passed over; those that were added since are all candidates.
        """
        self.collection, self.indexes, self.oversampling = collection, indexes, oversampling
        self.title = indexes[0].title
        rows = np.searchsorted(collection.ids, ids)
        live = np.append(collection.ids, -1)[rows] == ids
        self._removed = np.flatnonzero(~live)
        self._rows = np.where(live, rows, -1)  # (n,) of the collection, -1 for removed items
        self._unindexed = np.setdiff1d(np.arange(len(collection)), self._rows)
        self._exact = Exact(collection)

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Rank the candidates of the indexes, or all rows where that is as fast. Raises SearchUnavailable."""
        if MIN_OVERSAMPLING * request.k >= len(self.collection):
            return self._exact.search(request)
        indexes = [self.indexes[attribute] for attribute in request.attributes]
        scoring = [index for index in indexes if isinstance(index, ScoringIndex)]
        wanted = math.ceil(max(request.k, RESULTS) * self.oversampling[len(indexes) - 1])
        if len(scoring) == len(indexes):
            return self._exact.rescore(self._best_estimates(scoring, request, wanted), request)
        if 2 * wanted < len(self._rows) and wanted <= min(index.max_neighbours for index in indexes):
            ranked = self._exact.rescore(self._nearest(indexes, request, wanted), request)
            if len(ranked.rows) == request.k:
                return ranked
        return self._exact.search(request)

    def _best_estimates(
        self, indexes: Sequence[ScoringIndex], request: ResolvedRequest, wanted: int
    ) -> npt.NDArray[np.int64]:
        """Return the rows with the highest estimates of the score, and the rows that are not in the indexes."""
        shares = (request.weights / request.weights.sum()).astype(np.float32)
        estimates = np.zeros(len(self._rows), np.float32)
        for index, vector, share in zip(indexes, query_vectors(self.collection, request.vectors), shares, strict=True):
            estimates += index.scores(share * vector)
        estimates[self._removed] = -np.inf
        wanted = min(wanted, len(estimates) - len(self._removed))
        top = torch.topk(torch.from_numpy(estimates), wanted, sorted=False).indices.numpy()  # 4 times as fast as NumPy
        return np.sort(np.concatenate([self._rows[top], self._unindexed]))

    def _nearest(self, indexes: Sequence[VectorIndex], request: ResolvedRequest, wanted: int) -> npt.NDArray[np.int64]:
        """Return the rows that are among the nearest of any attribute, and the rows that are not in the indexes."""
        vectors = query_vectors(self.collection, request.vectors)
        ids = np.concatenate(
            [index.search(vector[None], wanted).ids[0] for index, vector in zip(indexes, vectors, strict=True)]
        )
        rows = self._rows[ids[ids >= 0]]
        return np.unique(np.concatenate([rows[rows >= 0], self._unindexed]))
