"""k-d tree index by scikit-learn: space is cut into boxes, and only boxes that may hold a neighbour are visited."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KDTree

from rpf.search.base import Neighbours, VectorIndex, Vectors, nearest_first
from rpf.search.principal_axes import principal_axes, project
from rpf.utils.arrays import map_array, write_array


class KDTreeIndex(VectorIndex):
    """A tree over the first principal components; in thousands of dimensions it would visit every box."""

    title = "KDTree"

    def build(self, vectors: Vectors) -> None:
        """Project the vectors and build the tree."""
        axes, needed = principal_axes(vectors)
        self._axes = axes[:needed]
        self._build_tree(project(self._axes, vectors))

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Query the tree."""
        distances, ids = self._tree.query(queries @ self._axes.T, min(k, len(self._vectors)))
        return nearest_first(ids.astype(np.int64), distances**2)  # the tree's distances are not squared

    def search_passing(
        self, query: npt.NDArray[np.float32], k: int, passing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Compute all distances in the tree's space: the tree cannot skip vectors."""
        squared = np.where(passing, self._lengths - 2 * (self._vectors @ (self._axes @ query)), np.inf)
        k = min(k, int(passing.sum()))
        return np.argpartition(squared, k - 1)[:k] if k else np.empty(0, np.int64)

    def save(self, folder: Path) -> None:
        """Write the projected vectors: scikit-learn saves a tree as a pickle only, which could run code when read."""
        write_array(folder / "axes.npy", np.float32, self._axes.shape, [self._axes])
        write_array(folder / "vectors.npy", np.float32, self._vectors.shape, [self._vectors])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Map the vectors and build the tree again, which takes a second for some 100,000."""
        root = folder.resolve()
        self._axes = map_array(root, root / "axes.npy", np.float32, (None, shape[1]))
        vectors = map_array(root, root / "vectors.npy", np.float32, (shape[0], len(self._axes)))
        if not np.isfinite(vectors).all():
            raise ValueError("vectors.npy holds NaN or infinity")
        self._build_tree(vectors)

    def _build_tree(self, vectors: npt.NDArray[np.float32]) -> None:
        self._vectors = vectors  # (n, d)
        self._lengths = np.einsum("nd,nd->n", vectors, vectors)  # squared
        self._tree = KDTree(vectors)
