"""scikit-learn's k-d tree: cuts the space into boxes and opens only those that may hold a neighbour."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree as Tree

from rpf.search.base import Neighbours, VectorIndex, Vectors, nearest_first
from rpf.search.indexes.pca import principal_axes, project
from rpf.utils.arrays import map_array, write_array


class KDTree(VectorIndex):
    """A tree over the first principal components: boxes in thousands of dimensions spare it nothing."""

    title = "KDTree"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._axes = principal_axes(vectors)
        self._plant(project(self._axes, vectors).T)

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        distances, ids = self._tree.query(queries @ self._axes.T, min(k, len(self._vectors)))
        return nearest_first(ids.astype(np.int64), distances**2)  # the tree gives Euclidean distances, not squared

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex. scikit-learn can save a tree as a pickle only, which we do not read."""
        write_array(folder / "axes.npy", np.float32, self._axes.shape, [self._axes])
        write_array(folder / "vectors.npy", np.float32, self._vectors.shape, [self._vectors])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex. The tree is built anew, a second for some 100,000 vectors."""
        root = folder.resolve()
        self._axes = map_array(root, root / "axes.npy", np.float32, (None, shape[1]))
        vectors = map_array(root, root / "vectors.npy", np.float32, (shape[0], len(self._axes)))
        if not np.isfinite(vectors).all():
            raise ValueError("vectors.npy has what is no number")
        self._plant(vectors)

    def _plant(self, vectors: npt.NDArray[np.float32]) -> None:
        self._vectors = vectors  # (n, d)
        self._tree = Tree(vectors)
