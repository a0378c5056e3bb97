"""Exact search: matrix products with all memory-mapped embeddings, and exact ranking of candidates."""

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.base import RankedRows
from rpf.search.request import ResolvedRequest

CACHED_ROWS = 512  # widened to 32 bits at a time, so that they stay in the processor's cache
MISSING_PENALTY = 3  # off the score for each missing part; scores span 2, so that it outweighs any similarity


class Exact:
    """Search that scores every item: score = sum_a w_a * cos(q_a, item_a) / sum_a w_a."""

    title = "exact"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Rank all rows."""
        cosines = np.empty((len(request.attributes), len(self.collection)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
            for rows, vectors in self.collection.chunks(attribute):
                for start in range(0, len(vectors), CACHED_ROWS):
                    batch = vectors[start : start + CACHED_ROWS]
                    cosines[line, rows.start + start : rows.start + start + len(batch)] = products(batch, query)
        missing = self.collection.missing(request.attributes) if request.missing_last else None
        return rank(np.arange(len(self.collection)), cosines, missing, request)


def rescore(collection: Collection, rows: npt.NDArray[np.int64], request: ResolvedRequest) -> RankedRows:
    """Rank the candidates `rows` (m,), which ascend, by their exact scores."""
    cosines = np.empty((len(request.attributes), len(rows)), dtype=np.float32)
    for line, (query, attribute) in enumerate(zip(request.vectors, request.attributes, strict=True)):
        for start in range(0, len(rows), CACHED_ROWS):
            batch = slice(start, start + CACHED_ROWS)
            cosines[line, batch] = products(collection.take(attribute, rows[batch]), query)
    missing = collection.missing(request.attributes)[:, rows] if request.missing_last else None
    return rank(rows, cosines, missing, request)


def products(vectors: npt.NDArray[np.float16], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Multiply 16-bit vectors (n, D) with a query (D,) in 32 bits.

    PyTorch widens 16-bit numbers by an instruction of the processor; NumPy takes 20 times as long.
    """
    writable = vectors if vectors.flags.writeable else vectors.copy()  # PyTorch warns of memory it may not write
    return torch.mv(torch.from_numpy(writable).float(), torch.from_numpy(query)).numpy()


def rank(
    rows: npt.NDArray[np.int64],
    cosines: npt.NDArray[np.float32],
    missing: npt.NDArray[np.bool_] | None,
    request: ResolvedRequest,
) -> RankedRows:
    """Rank rows (m,), which ascend, from their cosines (a, m), changed in place, and their missing parts (a, m)."""
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


def top_k(scores: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    """Return the positions of the k highest of (n,) scores, highest first, the lower position first where equal."""
    positions = np.arange(len(scores))
    if k < len(scores):
        positions = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    return positions[np.argsort(-scores[positions], kind="stable")][:k]
