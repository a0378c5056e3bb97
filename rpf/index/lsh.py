"""Locality-sensitive hashing: a bit for each random hyperplane, and the number of bits that differ."""

from typing import ClassVar

import faiss
import numpy as np
import numpy.typing as npt

from rpf.index import Neighbours, nearest_first


class LSH:
    """FAISS's IndexLSH with as many bits as a vector has numbers: a 32nd of the memory."""

    title: ClassVar[str] = "LSH"

    def build(self, vectors: npt.NDArray[np.float32]) -> None:
        """See rpf.index.Method. The hyperplanes come from a fixed seed of FAISS's own."""
        dim = vectors.shape[1]
        # Rotated, so that the bits cut in random directions; no trained thresholds, so that a bit is the side of a
        # plane through the origin and the share of bits that differ is the angle over pi.
        self._index = faiss.IndexLSH(dim, dim, True, False)
        self._index.add(vectors)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.index.Method. The distances are estimates: 2 - 2 * cos(pi * share of bits that differ)."""
        hamming, ids = self._index.search(queries, min(k, self._index.ntotal))
        return nearest_first(ids, 2 - 2 * np.cos(np.pi * hamming.astype(np.float64) / self._index.nbits))
