"""Principal components of vectors: some dozens of dimensions of thousands."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.search.base import Vectors, batches, sample

MAX_COMPONENTS = 64
EXPLAINED_SHARE = 0.98  # of the squared length: with fewer components, an index has to propose far more
TRAINING_VECTORS = 20_000  # the components are computed from so many at most


class PrincipalAxes(NamedTuple):
    """Directions with most of the squared length, the largest first."""

    axes: npt.NDArray[np.float32]  # (d, D), orthonormal rows
    needed: int  # how many of them hold EXPLAINED_SHARE


def principal_axes(vectors: Vectors, components: int = MAX_COMPONENTS) -> PrincipalAxes:
    """Compute so many axes, as far as there are vectors and dimensions.

    Not centred, so that a product of two projections estimates the cosine itself.
    """
    training = sample(vectors, TRAINING_VECTORS)
    if components <= len(training) < training.shape[1] / 2:  # then it is the faster one, by far for few vectors
        _, lengths, axes = np.linalg.svd(training.astype(np.float64), full_matrices=False)
        squares = lengths**2
    else:
        squares, columns = np.linalg.eigh((training.T @ training).astype(np.float64))
        squares, axes = squares[::-1], columns[:, ::-1].T
    shares = np.cumsum(squares) / squares.sum()
    needed = 1 + int(np.searchsorted(shares, EXPLAINED_SHARE))
    axes = np.ascontiguousarray(axes[:components], dtype=np.float32)
    return PrincipalAxes(axes, min(needed, len(axes)))


def project(axes: npt.NDArray[np.float32], vectors: Vectors) -> npt.NDArray[np.float32]:
    """Project vectors (n, D) onto axes (d, D): (n, d)."""
    return np.concatenate([batch @ axes.T for batch in batches(vectors)])
