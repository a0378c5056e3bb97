"""PCA index: estimated cosines from the first principal components, some dozens of dimensions of thousands."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.search.base import ScoringIndex, Vectors, batches, sample
from rpf.utils.arrays import map_array, write_array

MAX_COMPONENTS = 64
TRAINING_VECTORS = 20_000  # the components are computed from so many at most


class PCAIndex(ScoringIndex):
    """Products with every vector's projection. The files are mapped arrays, so that the system manages the memory."""

    title = "PCA"

    def build(self, vectors: Vectors) -> None:
        """Compute the components and project the vectors onto them."""
        self._axes = principal_axes(vectors)
        self._columns = project(self._axes, vectors)

    def add(self, vectors: Vectors) -> bool:
        """Project more vectors onto the same components."""
        self._columns = np.concatenate([self._columns, project(self._axes, vectors)], axis=1)
        return True

    def scores(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Multiply the projections."""
        return np.asarray((self._axes @ query) @ self._columns, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write axes.npy (d, D) and columns.npy (d, n)."""
        write_array(folder / "axes.npy", np.float32, self._axes.shape, [self._axes])
        write_array(folder / "columns.npy", np.float32, self._columns.shape, [self._columns])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Map the files."""
        root = folder.resolve()
        self._axes = map_array(root, root / "axes.npy", np.float32, (None, shape[1]))
        self._columns = map_array(root, root / "columns.npy", np.float32, (len(self._axes), shape[0]))


def principal_axes(vectors: Vectors, components: int | None = None) -> npt.NDArray[np.float32]:
    """Compute orthonormal rows (d, D), the directions with most of the squared length.

    components: how many; None for as few as hold `explained_share`, up to MAX_COMPONENTS. Not centred, so that a
    product of two projections estimates the cosine itself.
    """
    training = sample(vectors, TRAINING_VECTORS)
    if (components or 0) <= len(training) < training.shape[1] / 2:  # then it is the faster one, by far for few vectors
        _, lengths, axes = np.linalg.svd(training.astype(np.float64), full_matrices=False)
        squares = lengths**2
    else:
        squares, columns = np.linalg.eigh((training.T @ training).astype(np.float64))
        squares, axes = squares[::-1], columns[:, ::-1].T
    if components is None:
        shares = np.cumsum(squares) / squares.sum()
        components = min(MAX_COMPONENTS, 1 + int(np.searchsorted(shares, explained_share(vectors.shape[0]))))
    return np.ascontiguousarray(axes[:components], dtype=np.float32)


def explained_share(n: int) -> float:
    """Return the share of the squared length to keep: 98%, rising to 99% at 200,000 vectors, which lie closer."""
    return max(0.98, 1 - 0.22 * n**-0.25)


def project(axes: npt.NDArray[np.float32], vectors: Vectors) -> npt.NDArray[np.float32]:
    """Project vectors into columns (d, n), so that a product with all of them runs along the memory."""
    return np.concatenate([axes @ batch.T for batch in batches(vectors)], axis=1)
