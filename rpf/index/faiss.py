"""FAISS's flat index: exact, by Euclidean distances to all vectors."""

from typing import ClassVar

import faiss
import numpy as np
import numpy.typing as npt

from rpf.index import Neighbours, nearest_first


class Flat:
    """IndexFlatL2."""

    title: ClassVar[str] = "FAISS"

    def build(self, vectors: npt.NDArray[np.float32]) -> None:
        """See rpf.index.Method."""
        self._index = faiss.IndexFlatL2(vectors.shape[1])
        self._index.add(vectors)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.index.Method."""
        squared, ids = self._index.search(queries, min(k, self._index.ntotal))
        return nearest_first(ids, squared)  # FAISS's distances are squared already
