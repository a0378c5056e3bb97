"""scikit-learn's k-d tree: exact, by cutting the space into boxes, which helps little in hundreds of dimensions."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree as Tree

from rpf.index import Neighbours, nearest_first


class KDTree:
    """Euclidean neighbours; between unit vectors their order is that of the cosine."""

    title: ClassVar[str] = "KDTree"

    def build(self, vectors: npt.NDArray[np.float32]) -> None:
        """See rpf.index.Method."""
        self._size = len(vectors)
        self._tree = Tree(vectors)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.index.Method."""
        distances, ids = self._tree.query(queries, min(k, self._size))
        return nearest_first(ids.astype(np.int64), distances**2)  # the tree gives Euclidean distances, not squared
