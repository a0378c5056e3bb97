"""Interfaces of the search: searchers over a collection, indexes over all of its attributes or over one."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rpf.search.request import ResolvedRequest

ROW_BATCH_SIZE = 8192  # vectors read at a time while an index is built
PASSING_MARGIN = 1.5  # times as many neighbours are searched for as pass on average


class RankedRows(NamedTuple):
    """Rows of a collection, best first; of equal scores the lower row comes first."""

    rows: npt.NDArray[np.int64]  # (m,) rows of Collection.ids
    scores: npt.NDArray[np.float64]  # (m,) weighted means, rounded to 6 decimals
    attribute_scores: npt.NDArray[np.float32]  # (a, m) per chosen attribute
    missing: npt.NDArray[np.bool_]  # (a, m) parts that seem to be missing

    def take(self, places: npt.NDArray[np.int64]) -> "RankedRows":
        """Return the rows at these places of the ranking."""
        return RankedRows(
            self.rows[places], self.scores[places], self.attribute_scores[:, places], self.missing[:, places]
        )


class Searcher(Protocol):
    """A search over one collection in several attributes together."""

    @property
    def title(self) -> str: ...  # the method, for people to read

    def search(self, request: ResolvedRequest) -> RankedRows:
        """Return the best rows, highest score first."""
        ...


class Vectors(Protocol):
    """n unit vectors of dimension D: a NumPy array, or a reader that loads them on demand."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # (n, D)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64], /) -> npt.NDArray[np.float32]: ...  # (m, D)


class Neighbours(NamedTuple):
    """The nearest vectors of m queries, nearest first."""

    ids: npt.NDArray[np.int64]  # (m, k) rows of the vectors; -1 where an index returned fewer than k
    distances: npt.NDArray[np.float64]  # (m, k) squared Euclidean of unit vectors, 2 - 2 * inner product; inf for -1


class VectorIndex(ABC):
    """A nearest-neighbour index over n vectors of one attribute. rpf.search.indexes.registry lists them.

    Where `is_joint`, the vectors are rows of a JointIndex, of any length, and so are the queries; the nearest are those
    with the highest inner products.
    """

    title: str  # its name in tables and on the site
    is_joint: bool = False
    single: "type[VectorIndex] | None" = None  # for searches in one attribute, beside this index as a joint one
    needs_server: bool = False
    max_neighbours: float = math.inf  # that one search can return

    @abstractmethod
    def build(self, vectors: Vectors) -> None:
        """Index unit vectors (n, D), n at least 1. Raises ValueError for parameters that do not fit them."""

    @abstractmethod
    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Return at most k neighbours of each of the unit vectors (m, D), in the order of `nearest_first`."""

    def propose(self, query: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
        """Return the rows of at most k neighbours of a vector (D,), nearest first."""
        ids = self.search(query[None], k).ids[0]
        return ids[ids >= 0]

    def search_passing(
        self, query: npt.NDArray[np.float32], k: int, passing: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Return the k nearest of the vectors that pass (n,) to a unit vector (D,); fewer where that takes too long.

        An index that cannot skip vectors searches for more, of which k pass if the filter is no matter of similarity.
        """
        wanted = math.ceil(PASSING_MARGIN * k * len(passing) / max(1, passing.sum()))
        if 2 * wanted > len(passing) or wanted > self.max_neighbours:
            return np.empty(0, np.int64)
        ids = self.search(query[None], wanted).ids[0]
        ids = ids[ids >= 0]
        return ids[passing[ids]][:k]

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the files that `open` needs into an empty folder."""

    @abstractmethod
    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Load an index of vectors (n, D) = shape from the files that `save` wrote.

        Raises OSError or ValueError for files that cannot be used, such as those of other shapes.
        """

    def add(self, vectors: Vectors) -> bool:
        """Index more vectors (n, D) under the rows that follow; return False where the index cannot grow."""
        return False

    def discard(self) -> None:  # noqa: B027 (most have nothing to do)
        """Release resources outside the saved files, which are about to be deleted."""


class CandidateIndex(ABC):
    """An index over all attributes of a collection, which proposes candidates of a search in any of them."""

    title: str  # of the method, for people to read

    @abstractmethod
    def build(self, columns: Sequence[Vectors]) -> None:
        """Index unit vectors (n, D) of each attribute. Raises ValueError for parameters that do not fit them."""

    @abstractmethod
    def candidates(self, search: "CandidateSearch", oversampling: "Oversampling") -> npt.NDArray[np.int64] | None:
        """Return rows of the index that are to be rescored; None where it cannot propose enough that pass."""

    @abstractmethod
    def ranks(self, queries: npt.NDArray[np.float32], targets: Sequence["Target"], depth: int) -> list["Ranks"]:
        """Rank the rows of each target among all rows by unit vectors (A, D); about `depth` rows are proposed."""

    @property
    def max_depth(self) -> float:
        """Return how many rows one search can propose."""
        return math.inf

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the files that `open` needs into an empty folder."""

    @abstractmethod
    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Load an index of vectors (n, D) = shape of each attribute. Raises OSError or ValueError as VectorIndex."""

    @abstractmethod
    def add(self, columns: Sequence[Vectors]) -> bool:
        """Index more vectors under the rows that follow; return False where the index cannot grow."""

    @abstractmethod
    def discard(self) -> None:
        """Release resources outside the saved files, which are about to be deleted."""


class CandidateSearch(NamedTuple):
    """A search among the n rows of a CandidateIndex."""

    vectors: npt.NDArray[np.float32]  # (a, D) unit vectors, one for each chosen attribute
    attributes: tuple[int, ...]  # (a,)
    shares: npt.NDArray[np.float32]  # (a,) of the weight, 1 together
    k: int  # best rows that are wanted
    passing: npt.NDArray[np.bool_] | None = None  # (n,) rows that pass the filters; None for all


class Oversampling(NamedTuple):
    """How many times the wanted rows a search needs (rpf.search.oversampling)."""

    proposed: float  # by the index; by each attribute's where there is one for each
    rescored: float = 1.0  # of these, by whole embeddings, where the index ranks its proposals itself


class Target(NamedTuple):
    """A search whose best rows are known."""

    attributes: npt.NDArray[np.int64]  # (a,) chosen with equal weights
    rows: npt.NDArray[np.int64]  # (m,)


class Ranks(NamedTuple):
    """The ranks of a target's rows from 1; n + 1 where they were not proposed."""

    proposed: npt.NDArray[np.integer]  # (m,)
    rescored: npt.NDArray[np.integer]  # (m,) among the proposals that the index has ranked itself


def nearest_first(ids: npt.NDArray[np.int64], distances: npt.NDArray[np.floating]) -> Neighbours:
    """Sort neighbours (m, k) by squared Euclidean distance.

    Cosines equal to 6 decimals go to the lower id, as in exact search; ids of -1 go to the end.
    """
    squared = np.where(ids < 0, np.inf, distances.astype(np.float64))
    order = np.lexsort((ids, -np.round(1 - squared / 2, 6)), axis=-1)
    return Neighbours(np.take_along_axis(ids, order, axis=-1), np.take_along_axis(squared, order, axis=-1))


def batches(vectors: Vectors) -> Iterator[npt.NDArray[np.float32]]:
    """Yield all vectors in order, at most ROW_BATCH_SIZE (m, D) at a time."""
    for start in range(0, vectors.shape[0], ROW_BATCH_SIZE):
        yield vectors[start : start + ROW_BATCH_SIZE]


def sample(vectors: Vectors, count: int) -> npt.NDArray[np.float32]:
    """Draw `count` of the vectors, or all, by a fixed seed; in the order of their rows."""
    n = vectors.shape[0]
    return vectors[np.sort(np.random.default_rng(0).choice(n, min(count, n), replace=False))]
