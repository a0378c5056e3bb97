"""Principal components of vectors: some dozens of dimensions of thousands."""

import numpy as np
import numpy.typing as npt

from rpf.search.base import Vectors, batches, sample

MAX_COMPONENTS = 64
EXPLAINED_SHARE = 0.9975  # of the squared length that the components hold
TRAINING_VECTORS = 20_000  # the components are computed from so many at most


def principal_axes(vectors: Vectors, components: int | None = None) -> npt.NDArray[np.float32]:
    """Compute orthonormal rows (d, D), the directions with most of the squared length.

    components: how many; None for as few as hold EXPLAINED_SHARE, up to MAX_COMPONENTS. Not centred, so that a product
    of two projections estimates the cosine itself.
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
        components = min(MAX_COMPONENTS, 1 + int(np.searchsorted(shares, EXPLAINED_SHARE)))
    return np.ascontiguousarray(axes[:components], dtype=np.float32)


def project(axes: npt.NDArray[np.float32], vectors: Vectors) -> npt.NDArray[np.float32]:
    """Project vectors (n, D) onto axes (d, D): (n, d)."""
    return np.concatenate([batch @ axes.T for batch in batches(vectors)])
