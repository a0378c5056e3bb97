"""Exact search by matrix products: over a collection's memory-mapped embeddings, or over plain vectors."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.base import Neighbours, RankedRows, ScoringIndex, Vectors, blocks
from rpf.search.request import ResolvedRequest
from rpf.utils.arrays import map_array, write_array

ROWS_AT_ONCE = 512  # read and widened to 32 bits in pieces that stay in the processor's cache
MISSING_PENALTY = 3  # of a score, for each missing part; scores span 2


class Exact:
    """score(item) = sum_a w_a * cos(q_a, item_a) / sum_a w_a, over all items."""

    title = "exact"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Score every row."""
        cosines = np.empty((len(request.attributes), len(self.collection)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
            for rows, vectors in self.collection.chunks(attribute):
                for at in range(0, len(vectors), ROWS_AT_ONCE):
                    piece = vectors[at : at + ROWS_AT_ONCE]
                    cosines[line, rows.start + at : rows.start + at + len(piece)] = products(piece, query)
        missing = self.collection.lacking(request.attributes) if request.missing_last else None
        return rank(np.arange(len(self.collection)), cosines, missing, request)


def rescore(collection: Collection, rows: npt.NDArray[np.int64], request: ResolvedRequest) -> RankedRows:
    """Rank the candidates `rows` (m,), which ascend, by the score of exact search."""
    cosines = np.empty((len(request.attributes), len(rows)), dtype=np.float32)
    for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
        for at in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(at, at + ROWS_AT_ONCE)
            cosines[line, some] = products(collection.take(attribute, rows[some]), query)
    missing = collection.lacking(request.attributes)[:, rows] if request.missing_last else None
    return rank(rows, cosines, missing, request)


def products(vectors: npt.NDArray[np.float16], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, D) 16-bit vectors and (D,) -> (n,) dot products in 32 bits.

    By PyTorch, which widens 16-bit numbers by an instruction of the processor; NumPy takes 20 times as long.
    """
    writable = vectors if vectors.flags.writeable else vectors.copy()  # PyTorch warns of memory it may not write
    cosines: npt.NDArray[np.float32] = torch.mv(torch.from_numpy(writable).float(), torch.from_numpy(query)).numpy()
    return cosines


def rank(
    rows: npt.NDArray[np.int64],
    cosines: npt.NDArray[np.float32],
    missing: npt.NDArray[np.bool_] | None,
    request: ResolvedRequest,
) -> RankedRows:
    """Rank rows (m,), which ascend, from their cosines (a, m), changed in place, and the parts (a, m) they lack."""
    # Embeddings of a foreign collection may hold NaN, which would otherwise spread through the ranking.
    np.clip(np.nan_to_num(cosines, copy=False, nan=-1.0), -1, 1, out=cosines)
    weights = request.weights
    # Rounded, so that equal images tie whatever the order in which a matrix product adds.
    scores = order = np.round(weights @ cosines.astype(np.float64) / weights.sum(), 6)
    if missing is None:
        missing = np.zeros_like(cosines, dtype=bool)
    else:
        order = scores - MISSING_PENALTY * missing[weights > 0].sum(axis=0)
    top = top_k(order, request.k)
    return RankedRows(rows[top], scores[top], cosines[:, top], missing[:, top])


class FlatIndex(ScoringIndex):
    """The cosine of every vector, over plain vectors: what the other methods are measured against."""

    title = "None"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._vectors = np.concatenate(list(blocks(vectors)))

    def scores(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See rpf.search.base.ScoringIndex."""
        return self._vectors @ query

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        cosines = (queries @ self._vectors.T).astype(np.float64)
        ids = np.stack([top_k(scores, k) for scores in np.round(cosines, 6)])
        return Neighbours(ids, 2 - 2 * np.take_along_axis(cosines, ids, axis=1))

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex."""
        write_array(folder / "vectors.npy", np.float32, self._vectors.shape, [self._vectors])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex."""
        self._vectors = map_array(folder.resolve(), folder / "vectors.npy", np.float32, shape)


def top_k(scores: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Positions of the `count` highest of (n,) scores, highest first, the lower position first where equal."""
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        positions = np.flatnonzero(scores >= least)
    else:
        positions = np.arange(len(scores))
    return positions[np.argsort(-scores[positions], kind="stable")][:count]
