"""Exact search by matrix products: over a collection's memory-mapped embeddings, or over plain vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.base import Neighbours, RankedRows, Scan, Vectors, blocks
from rpf.utils.arrays import map_array, write_array

ROWS_AT_ONCE = 512  # read and widened to 32 bits in pieces that stay in the processor's cache


class Exact:
    """score(item) = sum_a w_a * cos(q_a, item_a) / sum_a w_a, over all items."""

    title = "exact"

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool = False,
    ) -> RankedRows:
        """See rpf.search.base.Searcher."""
        cosines = np.empty((len(attributes), len(self.collection)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(queries, attributes, strict=True)):
            for rows, vectors in self.collection.chunks(attribute):
                for at in range(0, len(vectors), ROWS_AT_ONCE):
                    piece = vectors[at : at + ROWS_AT_ONCE]
                    cosines[line, rows.start + at : rows.start + at + len(piece)] = products(piece, query)
        every = np.arange(len(self.collection))
        return ranked(every, cosines, weights, count, self.collection.missing(attributes) if lacking_last else None)


def rescored(
    collection: Collection,
    rows: npt.NDArray[np.int64],
    queries: npt.NDArray[np.float32],
    attributes: Sequence[int],
    weights: npt.NDArray[np.float64],
    count: int,
    lacking_last: bool,
) -> RankedRows:
    """The best of these rows (m,), which ascend, by the same score; the rest as in rpf.search.base.Index.search."""
    cosines = np.empty((len(attributes), len(rows)), dtype=np.float32)
    for line, (query, attribute) in enumerate(zip(queries, attributes, strict=True)):
        for at in range(0, len(rows), ROWS_AT_ONCE):
            some = slice(at, at + ROWS_AT_ONCE)
            cosines[line, some] = products(collection.take(attribute, rows[some]), query)
    return ranked(rows, cosines, weights, count, collection.missing(attributes)[:, rows] if lacking_last else None)


def products(vectors: npt.NDArray[np.float16], query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(n, D) 16-bit vectors and (D,) -> (n,) dot products in 32 bits.

    By PyTorch, which widens 16-bit numbers by an instruction of the processor; NumPy takes 20 times as long.
    """
    writable = vectors if vectors.flags.writeable else vectors.copy()  # PyTorch warns of memory it may not write
    found: npt.NDArray[np.float32] = torch.mv(torch.from_numpy(writable).float(), torch.from_numpy(query)).numpy()
    return found


def ranked(
    rows: npt.NDArray[np.int64],
    cosines: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64],
    count: int,
    lacking: npt.NDArray[np.bool_] | None,
) -> RankedRows:
    """The `count` best of rows (m,), which ascend, from their cosines (a, m), changed in place, and what they lack."""
    # A collection of somebody else's may hold anything; what is no number is like nothing.
    np.clip(np.nan_to_num(cosines, copy=False, nan=-1.0), -1, 1, out=cosines)
    # Rounded, so that equal pictures tie whatever the order in which a matrix product adds.
    scores = order = np.round(weights @ cosines.astype(np.float64) / weights.sum(), 6)
    if lacking is None:
        lacking = np.zeros_like(cosines, dtype=bool)
    else:  # scores span 2: each part that an item lacks puts it below all that lack one fewer
        order = scores - 3 * lacking[weights > 0].sum(axis=0)
    top = best(order, count)
    return RankedRows(rows[top], scores[top], cosines[:, top], lacking[:, top])


class FlatIndex(Scan):
    """The cosine of every vector, over plain vectors: what the other methods are measured against."""

    title = "None"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._vectors = np.concatenate(list(blocks(vectors)))

    def scores(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See rpf.search.base.Scan."""
        return self._vectors @ query

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        cosines = (queries @ self._vectors.T).astype(np.float64)
        ids = np.stack([best(scores, k) for scores in np.round(cosines, 6)])
        return Neighbours(ids, 2 - 2 * np.take_along_axis(cosines, ids, axis=1))

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex."""
        write_array(folder / "vectors.npy", np.float32, self._vectors.shape, [self._vectors])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex."""
        self._vectors = map_array(folder.resolve(), folder / "vectors.npy", np.float32, shape)


def best(scores: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Positions of the `count` highest of (n,) scores, highest first, the lower position first where equal."""
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        positions = np.flatnonzero(scores >= least)
    else:
        positions = np.arange(len(scores))
    return positions[np.argsort(-scores[positions], kind="stable")][:count]
