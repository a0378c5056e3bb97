"""Principal components: the few directions in which a collection's vectors differ most hold nearly all of a cosine."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.search.base import ScoringIndex, Vectors, blocks, sample
from rpf.utils.arrays import map_array, write_array

NUMBERS = 64  # principal components are kept at most
TRAINING = 20_000  # vectors that they are found from


class PCAIndex(ScoringIndex):
    """Products with every vector's first principal components: some dozens of numbers in place of thousands.

    The files are plain arrays, which are mapped and not read, so that memory is the system's to give and take.
    """

    title = "PCA"

    def build(self, vectors: Vectors) -> None:
        """See rpf.search.base.VectorIndex."""
        self._axes = principal_axes(vectors)
        self._columns = project(self._axes, vectors)

    def add(self, vectors: Vectors) -> bool:
        """See rpf.search.base.VectorIndex."""
        self._columns = np.concatenate([self._columns, project(self._axes, vectors)], axis=1)
        return True

    def scores(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """See rpf.search.base.ScoringIndex."""
        return np.asarray((self._axes @ query) @ self._columns, dtype=np.float32)

    def save(self, folder: Path) -> None:
        """See rpf.search.base.VectorIndex."""
        write_array(folder / "axes.npy", np.float32, self._axes.shape, [self._axes])
        write_array(folder / "columns.npy", np.float32, self._columns.shape, [self._columns])

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See rpf.search.base.VectorIndex."""
        root = folder.resolve()
        self._axes = map_array(root, root / "axes.npy", np.float32, (None, shape[1]))
        self._columns = map_array(root, root / "columns.npy", np.float32, (len(self._axes), shape[0]))


def principal_axes(vectors: Vectors, numbers: int | None = None) -> npt.NDArray[np.float32]:
    """(d, D) orthonormal rows, the directions with most of the squares: `numbers` of them, else as few as have
    `share_wanted`, up to NUMBERS.

    Not centred, so that a product of two projections is an estimate of the cosine itself.
    """
    training = sample(vectors, TRAINING)
    squares, axes = np.linalg.eigh((training.T @ training).astype(np.float64))
    if numbers is None:
        shares = np.cumsum(squares[::-1]) / squares.sum()
        numbers = min(NUMBERS, 1 + int(np.searchsorted(shares, share_wanted(vectors.shape[0]))))
    return np.ascontiguousarray(axes[:, ::-1][:, :numbers].T, dtype=np.float32)


def share_wanted(n: int) -> float:
    """Of the squared length of n vectors: 98%, and 99% of 200,000, because the more there are, the closer they lie."""
    return max(0.98, 1 - 0.22 * n**-0.25)


def project(axes: npt.NDArray[np.float32], vectors: Vectors) -> npt.NDArray[np.float32]:
    """(d, n): one column a vector, so that a product with all of them runs along the memory."""
    return np.concatenate([axes @ block.T for block in blocks(vectors)], axis=1)
