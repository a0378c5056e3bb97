"""Exact search by matrix products: over a collection's memory-mapped embeddings, or over plain vectors."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.index import Found, Neighbours

ROWS_AT_ONCE = 8192  # 16-bit rows are widened to float32 in pieces of this many


class Exact:
    """score(item) = sum_a w_a * cos(q_a, item_a) / sum_a w_a, over all items."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool = False,
    ) -> Found:
        """See rpf.index.Index."""
        cosines = np.empty((len(attributes), len(self.collection)), dtype=np.float32)
        for line, (query, attribute) in enumerate(zip(queries, attributes, strict=True)):
            for rows, vectors in self.collection.chunks(attribute):
                for at in range(0, len(vectors), ROWS_AT_ONCE):
                    piece = vectors[at : at + ROWS_AT_ONCE]
                    cosines[line, rows.start + at : rows.start + at + len(piece)] = piece.astype(np.float32) @ query
        # A collection of somebody else's may hold anything; what is no number is like nothing.
        np.clip(np.nan_to_num(cosines, copy=False, nan=-1.0), -1, 1, out=cosines)
        # Rounded, so that equal pictures tie whatever the order in which a matrix product adds.
        scores = np.round(weights @ cosines.astype(np.float64) / weights.sum(), 6)
        lacking = self.collection.lacking(attributes) if lacking_last else np.zeros_like(cosines, dtype=bool)
        # Scores span 2: each part that an item lacks puts it below all that lack one fewer.
        top = best(scores - 3 * lacking[weights > 0].sum(axis=0), count)
        return Found(top, scores[top], cosines[:, top], lacking[:, top])


class NoIndex:
    """The cosine of every vector, over plain vectors: what the other methods are measured against."""

    title: ClassVar[str] = "None"

    def build(self, vectors: npt.NDArray[np.float32]) -> None:
        """See rpf.index.Method."""
        self._vectors = vectors

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.index.Method."""
        cosines = (queries @ self._vectors.T).astype(np.float64)
        ids = np.stack([best(scores, k) for scores in np.round(cosines, 6)])
        return Neighbours(ids, 2 - 2 * np.take_along_axis(cosines, ids, axis=1))


def best(scores: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """Positions of the `count` highest of (n,) scores, highest first, the lower position first where equal."""
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        positions = np.flatnonzero(scores >= least)
    else:
        positions = np.arange(len(scores))
    return positions[np.argsort(-scores[positions], kind="stable")][:count]
