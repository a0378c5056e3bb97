"""Flat index: the cosine of every vector, which the other indexes are measured against."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.search.base import Neighbours, VectorIndex, Vectors, batches
from rpf.search.exact import top_k
from rpf.utils.arrays import map_array, write_array


class FlatIndex(VectorIndex):
    """All vectors as they are, in 32 bits."""

    title = "None"

    def build(self, vectors: Vectors) -> None:
        """Copy the vectors."""
        self._vectors = np.concatenate(list(batches(vectors)))

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Return the k nearest, by cosines rounded to 6 decimals as in exact search."""
        cosines = (queries @ self._vectors.T).astype(np.float64)
        ids = np.stack([top_k(scores, k) for scores in np.round(cosines, 6)])
        return Neighbours(ids, 2 - 2 * np.take_along_axis(cosines, ids, axis=1))

    def save(self, folder: Path) -> None:
        """Write vectors.npy."""
        write_array(folder / "vectors.npy", np.float32, self._vectors.shape, [self._vectors])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Map vectors.npy."""
        self._vectors = map_array(folder.resolve(), folder / "vectors.npy", np.float32, shape)
