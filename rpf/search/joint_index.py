"""One index over all attributes together: their principal components side by side in one row of each item.

A query has its components, times the weight, where an attribute is chosen, and zeros elsewhere: its inner product with
a row estimates the weighted mean of the chosen attributes, whichever they are. A vector index proposes rows by their
heads, the first components of each attribute; all components, in 16 bits, rank these proposals again; the best are
rescored by whole embeddings (rpf.search.two_stage).
"""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.search.base import (
    PASSING_MARGIN,
    ROW_BATCH_SIZE,
    CandidateIndex,
    CandidateSearch,
    Oversampling,
    Ranks,
    Target,
    VectorIndex,
    Vectors,
)
from rpf.search.exact import products
from rpf.search.principal_axes import principal_axes, project
from rpf.utils.arrays import map_array, write_array

MAX_PROPOSED_SHARE = 1 / 8  # of the rows; to rank all of them is as fast as to propose more
PART = 8


class RowParts:
    """Some columns of rows (n, d), as rpf.search.base.Vectors."""

    def __init__(
        self, rows: npt.NDArray[np.float16], columns: slice | npt.NDArray[np.int64], label: str = "vectors"
    ) -> None:
        self._rows, self._columns, self.label = rows, columns, label

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self._rows), self._rows[:1, self._columns].shape[1]

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return self._rows[rows][:, self._columns].astype(np.float32)


class JointIndex(CandidateIndex):
    """A vector index of inner products over rows of components."""

    def __init__(self, index: VectorIndex, attributes: int) -> None:
        """index: empty, as `make_index` makes it; attributes: how many."""
        self._index, self._attributes, self.title = index, attributes, index.title
        self._singles = [index.single() for _ in range(attributes)] if index.single else []
        for each in (index, *self._singles):
            each.is_joint = True

    @property
    def max_depth(self) -> float:
        """Return how many rows the vector index can return."""
        return self._index.max_neighbours

    def build(self, columns: Sequence[Vectors]) -> None:
        """Compute the components of each attribute, and index them."""
        principal = [principal_axes(vectors) for vectors in columns]
        self._axes, self._heads = [axes for axes, _ in principal], [needed for _, needed in principal]
        self._rows = self._project(columns)
        self._index.build(self._head(self._rows, columns))
        for single, places in zip(self._singles, self._places, strict=False):
            single.build(RowParts(self._rows, places))

    def candidates(self, search: CandidateSearch, oversampling: Oversampling) -> npt.NDArray[np.int64] | None:
        """Propose rows, and return those with the best estimates; all are ranked where too many would be proposed."""
        query = self._query(search.vectors, search.attributes, search.shares)
        total = len(self._rows) if search.passing is None else int(search.passing.sum())
        rescored = math.ceil(search.k * oversampling.rescored)
        if rescored >= total:
            return None
        wanted = math.ceil(search.k * oversampling.proposed)
        margin = 1.0 if search.passing is None else PASSING_MARGIN * len(self._rows) / total
        if margin * wanted <= min(MAX_PROPOSED_SHARE * len(self._rows), self.max_depth):
            rows = self._propose(query, search.attributes, math.ceil(margin * wanted))
            if search.passing is not None:
                rows = rows[search.passing[rows]]
            if len(rows) >= min(wanted, total):
                return self._best(rows, self._estimates(rows, query), rescored)
        rows = np.arange(len(self._rows)) if search.passing is None else np.flatnonzero(search.passing)
        estimates = self._estimates(None if search.passing is None else rows, query)
        return self._best(rows, estimates, rescored)

    def ranks(self, queries: npt.NDArray[np.float32], targets: Sequence[Target], depth: int) -> list[Ranks]:
        """Rank by the vector index, and by the components."""
        ranks = []
        for attributes, rows in targets:
            shares = np.full(len(attributes), 1 / len(attributes), np.float32)
            query = self._query(queries[attributes], attributes.tolist(), shares)
            proposed = np.full(len(self._rows), depth + 1)
            ids = self._propose(query, attributes.tolist(), depth)
            proposed[ids] = 1 + np.arange(len(ids))
            estimates = self._estimates(None, query)
            ranks.append(Ranks(proposed[rows], 1 + np.searchsorted(np.sort(-estimates), -estimates[rows])))
        return ranks

    def save(self, folder: Path) -> None:
        """Write heads.npy (A,), axes-<attribute>.npy (d, D), rows.npy (n, sum of d) and the vector index."""
        write_array(folder / "heads.npy", np.int64, (self._attributes,), [np.array(self._heads)])
        for attribute, axes in enumerate(self._axes):
            write_array(folder / f"axes-{attribute}.npy", np.float32, axes.shape, [axes])
        write_array(folder / "rows.npy", np.float16, self._rows.shape, [self._rows])
        (folder / "index").mkdir()
        self._index.save(folder / "index")
        for attribute, single in enumerate(self._singles):
            (folder / f"single-{attribute}").mkdir()
            single.save(folder / f"single-{attribute}")

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Map the arrays, and open the vector index."""
        root = folder.resolve()
        paths = [root / f"axes-{attribute}.npy" for attribute in range(self._attributes)]
        self._axes = [map_array(root, path, np.float32, (None, shape[1])) for path in paths]
        self._heads = map_array(root, root / "heads.npy", np.int64, (self._attributes,)).tolist()
        if not all(0 < head <= len(axes) for head, axes in zip(self._heads, self._axes, strict=True)):
            raise ValueError("heads.npy is malformed")
        self._rows = map_array(root, root / "rows.npy", np.float16, (shape[0], self._width))
        self._index.open(root / "index", (shape[0], self._head_width))
        for attribute, single in enumerate(self._singles):
            single.open(root / f"single-{attribute}", (shape[0], len(self._axes[attribute])))

    def add(self, columns: Sequence[Vectors]) -> bool:
        """Project more vectors onto the same components."""
        more = self._project(columns)
        if not self._index.add(self._head(more, columns)):
            return False
        for single, places in zip(self._singles, self._places, strict=False):
            single.add(RowParts(more, places))
        self._rows = np.concatenate([self._rows, more])
        return True

    def discard(self) -> None:
        """Discard the vector index."""
        self._index.discard()

    @property
    def _head_width(self) -> int:
        """Return the columns of the heads; zeros fill them up, as some methods cut rows into equal parts."""
        return math.ceil(sum(self._heads) / PART) * PART

    @property
    def _width(self) -> int:
        return self._head_width + sum(map(len, self._axes)) - sum(self._heads)

    @cached_property
    def _places(self) -> list[npt.NDArray[np.int64]]:
        """Return for each attribute the columns (d,) of its components: the heads of all, then the other ones."""
        places, head, tail = [], 0, self._head_width
        for axes, needed in zip(self._axes, self._heads, strict=True):
            rest = len(axes) - needed
            places.append(np.r_[head : head + needed, tail : tail + rest])
            head, tail = head + needed, tail + rest
        return places

    def _project(self, columns: Sequence[Vectors]) -> npt.NDArray[np.float16]:
        rows = np.zeros((columns[0].shape[0], self._width), np.float16)
        for axes, vectors, places in zip(self._axes, columns, self._places, strict=True):
            rows[:, places] = project(axes, vectors)
        return rows

    def _head(self, rows: npt.NDArray[np.float16], columns: Sequence[Vectors]) -> RowParts:
        label = getattr(columns[0], "label", "vectors")  # AttributeVectors have one
        return RowParts(rows, slice(self._head_width), label)

    def _propose(self, query: npt.NDArray[np.float32], attributes: Sequence[int], count: int) -> npt.NDArray[np.int64]:
        """Return rows that the vector indexes propose, best first."""
        if self._singles and len(attributes) == 1:
            return self._singles[attributes[0]].propose(query[self._places[attributes[0]]], count)
        return self._index.propose(query[: self._head_width], count)

    def _query(
        self, vectors: npt.NDArray[np.float32], attributes: Sequence[int], shares: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        query = np.zeros(self._width, np.float32)
        for vector, attribute, share in zip(vectors, attributes, shares, strict=True):
            query[self._places[attribute]] = share * (self._axes[attribute] @ vector)
        return query

    def _estimates(self, rows: npt.NDArray[np.int64] | None, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Estimate the scores of rows (m,), of all if None."""
        count = len(self._rows) if rows is None else len(rows)
        estimates = np.empty(count, np.float32)
        for start in range(0, count, ROW_BATCH_SIZE):
            part = slice(start, start + ROW_BATCH_SIZE)
            vectors = self._rows[part] if rows is None else np.take(self._rows, rows[part], axis=0)
            estimates[part] = products(vectors, query)
        return estimates

    def _best(
        self, rows: npt.NDArray[np.int64], estimates: npt.NDArray[np.float32], count: int
    ) -> npt.NDArray[np.int64]:
        if count >= len(rows):
            return rows
        return rows[torch.topk(torch.from_numpy(estimates), count, sorted=False).indices.numpy()]
