"""Exact search: matrix products with all memory-mapped embeddings, and exact ranking of candidates."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from rpf.attributes import is_missing
from rpf.collection import Collection
from rpf.search.base import RankedRows
from rpf.search.request import ResolvedRequest
from rpf.search.score import attribute_scores, presence_factors

GATHER_SHARE = 4  # reading single rows takes about so many times as long for each as reading all
CACHED_ROWS = 512  # widened to 32 bits at a time, so that they stay in the processor's cache


class Exact:
    """Search that scores every item (rpf.search.score)."""

    title = "exact"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Rank all rows that pass the filters."""
        passing = None if request.passing is None else np.flatnonzero(request.passing)
        if passing is not None and GATHER_SHARE * len(passing) < len(self.collection):
            return self.rescore(passing, request)
        cosines = np.empty((len(request.attributes), len(self.collection)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
            for rows, vectors in self.collection.chunks(attribute):
                for start in range(0, len(vectors), CACHED_ROWS):
                    batch = vectors[start : start + CACHED_ROWS]
                    cosines[line, rows.start + start : rows.start + start + len(batch)] = products(batch, query)
        if passing is not None:
            return self._rank(passing, cosines[:, passing], request)
        return self._rank(np.arange(len(self.collection)), cosines, request)

    def rescore(self, rows: npt.NDArray[np.int64], request: ResolvedRequest) -> RankedRows:
        """Rank the candidates `rows` (m,), which ascend, by their scores alone."""
        cosines = np.empty((len(request.attributes), len(rows)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
            for start in range(0, len(rows), CACHED_ROWS):
                batch = slice(start, start + CACHED_ROWS)
                cosines[line, batch] = products(self.collection.take(attribute, rows[batch]), query)
        return self._rank(rows, cosines, request)

    @cached_property
    def _factors(self) -> npt.NDArray[np.float32]:
        """Compute (A, N) once for all attributes: every search needs some."""
        return presence_factors(self.collection.presence_by_attribute)

    def _rank(
        self, rows: npt.NDArray[np.int64], cosines: npt.NDArray[np.float32], request: ResolvedRequest
    ) -> RankedRows:
        """Rank rows (m,), which ascend, from their cosines (a, m), changed in place."""
        # Embeddings of a foreign collection may hold NaN, which would otherwise spread through the ranking.
        scores = np.clip(np.nan_to_num(cosines, copy=False, nan=-1.0), -1, 1, out=cosines)
        attributes = np.array(request.attributes)[:, None]
        if self.collection.knows_presence:
            scores = attribute_scores(cosines, self._factors[attributes, rows])
        # Rounded, so that equal images tie whatever the order in which a matrix product adds.
        weighted = np.round(request.weights @ scores.astype(np.float64) / request.weights.sum(), 6)
        top = top_k(weighted, request.k)
        presence = self.collection.presence_by_attribute[attributes, rows[top]]
        return RankedRows(rows[top], weighted[top], scores[:, top], is_missing(presence))


def products(vectors: npt.NDArray[np.float16], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Multiply 16-bit vectors (n, D) with a query (D,) in 32 bits.

    PyTorch widens 16-bit numbers by an instruction of the processor; NumPy takes 20 times as long.
    """
    writable = vectors if vectors.flags.writeable else vectors.copy()  # PyTorch warns of memory it may not write
    return torch.mv(torch.from_numpy(writable).float(), torch.from_numpy(query)).numpy()


def top_k(scores: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the k highest of (n,) scores, highest first, the lower position first where equal."""
    positions = np.arange(len(scores))
    if k < len(scores):
        positions = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    return positions[np.argsort(-scores[positions], kind="stable")][:k]
