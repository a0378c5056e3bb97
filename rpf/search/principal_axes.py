"""Principal components of vectors: some dozens of dimensions of thousands."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.search.base import Vectors, batches, sample

MAX_COMPONENTS = 64
TRAINING_VECTORS = 20_000  # the components are computed from so many at most


class PrincipalAxes(NamedTuple):
    """Directions with most of the squared length, the largest first."""

    axes: npt.NDArray[np.float32]  # (d, D), orthonormal rows
    needed: int  # how many of them hold `explained_share`


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
    needed = 1 + int(np.searchsorted(shares, explained_share(vectors.shape[0])))
    axes = np.ascontiguousarray(axes[:components], dtype=np.float32)
    return PrincipalAxes(axes, min(needed, len(axes)))


def explained_share(n: int) -> float:
    """Return the share of the squared length to keep: 98%, rising to 99% at 200,000 vectors, which lie closer."""
    return max(0.98, 1 - 0.22 * n**-0.25)


def project(axes: npt.NDArray[np.float32], vectors: Vectors) -> npt.NDArray[np.float32]:
    """Project vectors (n, D) onto axes (d, D): (n, d)."""
    return np.concatenate([batch @ axes.T for batch in batches(vectors)])
