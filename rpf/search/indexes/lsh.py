"""Locality-sensitive hashing: a bit for each random hyperplane, and the number of bits that differ."""

import faiss
import numpy as np
import numpy.typing as npt

from rpf.search.base import Neighbours, nearest_first
from rpf.search.indexes.faiss import Faiss


class LSH(Faiss):
    """FAISS's IndexLSH with as many bits as a vector has numbers: a 32nd of the memory."""

    title = "LSH"

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex. The distances are estimates: 2 - 2 * cos(pi * share of bits that differ)."""
        hamming, ids = self._index.search(np.ascontiguousarray(queries), min(k, self._index.ntotal))
        bits = faiss.downcast_index(self._index).nbits
        return nearest_first(ids, 2 - 2 * np.cos(np.pi * hamming.astype(np.float64) / bits))

    def _factory(self, n: int, dim: int) -> str:
        # Rotated (r), so that the bits cut in random directions, by a fixed seed of FAISS's own; no trained thresholds
        # (t), so that a bit is the side of a plane through the origin, and the share that differs the angle over pi.
        return "LSHr"
