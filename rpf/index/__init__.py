"""Search methods behind one interface: given query vectors, the best rows of a collection and their likeness."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Found(NamedTuple):
    """The best rows, best first; equal ones go to the lower row."""

    rows: npt.NDArray[np.int64]  # (m,) rows of Collection.ids
    scores: npt.NDArray[np.float64]  # (m,) weighted mean cosine, rounded to 6 decimals
    cosines: npt.NDArray[np.float32]  # (a, m) per chosen attribute
    lacking: npt.NDArray[np.bool_]  # (a, m) which parts they lack, as far as known; False unless asked for


class Index(Protocol):
    """A search method over one collection."""

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
        lacking_last: bool = False,
    ) -> Found:
        """queries (a, D) unit vectors, one for each of the `attributes` (positions in the collection), weights
        (a,) that sum to more than 0 -> the `count` best rows, or all where there are fewer.

        The best have the highest score; with `lacking_last`, those that lack fewest of the attributes whose weight is
        above 0 come first, and the score counts among those that lack equally many."""
        ...


class Neighbours(NamedTuple):
    """The nearest vectors of m queries, nearest first."""

    ids: npt.NDArray[np.int64]  # (m, k) rows of the vectors that were built on; -1 where a method found fewer than k
    distances: npt.NDArray[np.float64]  # (m, k) squared Euclidean between unit vectors = 2 - 2 * cosine; inf for -1


class Method(Protocol):
    """A way to find the nearest of n vectors. rpf.index.methods lists them."""

    title: ClassVar[str]  # what tables call it

    def build(self, vectors: npt.NDArray[np.float32]) -> None:
        """vectors (n, D), unit vectors, n at least 1."""
        ...

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """queries (m, D), unit vectors -> at most k neighbours of each, ordered as by `nearest_first`."""
        ...


def nearest_first(ids: npt.NDArray[np.int64], distances: npt.NDArray[np.floating]) -> Neighbours:
    """Order what a method found, (m, k) each: cosines equal to 6 decimals go to the lower id, as in exact search.

    distances: squared Euclidean. Ids of -1 go to the end, whatever their distance.
    """
    squared = np.where(ids < 0, np.inf, distances.astype(np.float64))
    order = np.lexsort((ids, -np.round(1 - squared / 2, 6)), axis=-1)
    return Neighbours(np.take_along_axis(ids, order, axis=-1), np.take_along_axis(squared, order, axis=-1))
