"""Search methods behind one interface: given query vectors, the best rows of a collection and their likeness."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rpf.search.request import ResolvedRequest

ROWS_AT_ONCE = 8192  # read from a collection at a time while a method is built


class RankedRows(NamedTuple):
    """The best rows, best first; equal ones go to the lower row."""

    rows: npt.NDArray[np.int64]  # (m,) rows of Collection.ids
    scores: npt.NDArray[np.float64]  # (m,) weighted mean cosine, rounded to 6 decimals
    cosines: npt.NDArray[np.float32]  # (a, m) per chosen attribute
    missing: npt.NDArray[np.bool_]  # (a, m) parts that they are known to lack; all False without `missing_last`


class Searcher(Protocol):
    """A way to search one collection in several attributes at once."""

    @property
    def title(self) -> str:  # what people call it
        ...

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Return the best rows, highest score first.

        With `missing_last`, rows that lack fewest of the attributes whose weight is above 0 come first, and the score
        counts among those that lack equally many.
        """
        ...


class Vectors(Protocol):
    """n unit vectors of D numbers, in memory (a NumPy array is one) or read from a collection as they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:  # (n, D)
        ...

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.float32]:  # (m, D)
        ...


class Neighbours(NamedTuple):
    """The nearest vectors of m queries, nearest first."""

    ids: npt.NDArray[np.int64]  # (m, k) rows of the vectors that were built on; -1 where a method found fewer than k
    distances: npt.NDArray[np.float64]  # (m, k) squared Euclidean between unit vectors = 2 - 2 * cosine; inf for -1


class VectorIndex(ABC):
    """A way to find the nearest of n vectors. rpf.search.indexes.registry lists them."""

    title: str  # what tables call it
    trusting: bool = False  # whether `open` trusts the files, so that they must be known to be our own
    max_neighbours: float = math.inf  # that one search can return
    label: str = "vectors"  # what it is built on, for a method that keeps it on a server under a name

    @abstractmethod
    def build(self, vectors: Vectors) -> None:
        """vectors (n, D), unit vectors, n at least 1."""

    @abstractmethod
    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """queries (m, D), unit vectors -> at most k neighbours of each, ordered as by `nearest_first`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `open` needs as files into an empty folder."""

    @abstractmethod
    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Take the place of what was built on vectors of that shape (n, D) and saved.

        Raises OSError or ValueError for files that cannot be used, such as those of other shapes.
        """

    def add(self, vectors: Vectors) -> bool:
        """Take in more vectors (n, D), whose rows follow those that are there; False if the method cannot."""
        return False

    def discard(self) -> None:  # noqa: B027 (most have nothing to do)
        """Let go of what is kept elsewhere than in the saved files, which are about to be deleted."""


class ScoringIndex(VectorIndex):
    """A method that estimates the cosine of every vector, so that estimates of several attributes add up."""

    @abstractmethod
    def scores(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """query (D,) -> (n,) estimated cosines, up to an error that is the same for all."""

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex."""
        scores = np.stack([self.scores(query) for query in queries])
        k = min(k, scores.shape[1])
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        return nearest_first(top, 2 - 2 * np.take_along_axis(scores, top, axis=1))


def nearest_first(ids: npt.NDArray[np.int64], distances: npt.NDArray[np.floating]) -> Neighbours:
    """Order what a method found, (m, k) each: cosines equal to 6 decimals go to the lower id, as in exact search.

    distances: squared Euclidean. Ids of -1 go to the end, whatever their distance.
    """
    squared = np.where(ids < 0, np.inf, distances.astype(np.float64))
    order = np.lexsort((ids, -np.round(1 - squared / 2, 6)), axis=-1)
    return Neighbours(np.take_along_axis(ids, order, axis=-1), np.take_along_axis(squared, order, axis=-1))


def blocks(vectors: Vectors) -> Iterator[npt.NDArray[np.float32]]:
    """All vectors in order, some (m, D) at a time."""
    for at in range(0, vectors.shape[0], ROWS_AT_ONCE):
        yield vectors[at : at + ROWS_AT_ONCE]


def sample(vectors: Vectors, count: int) -> npt.NDArray[np.float32]:
    """(m, D): `count` of the vectors, or all, by a fixed seed; in the order of their rows."""
    n = vectors.shape[0]
    return vectors[np.sort(np.random.default_rng(0).choice(n, min(count, n), replace=False))]
