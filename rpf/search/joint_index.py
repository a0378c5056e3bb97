"""One index over all attributes together: their principal components side by side in one row of each item.

A query has its components, times the weight, where an attribute is chosen, and zeros elsewhere: its inner product with
a row estimates the weighted mean of the chosen attributes, whichever they are. A vector index proposes rows by their
heads, the first components of each attribute; all components, in 16 bits, rank these proposals again; the best are
rescored by whole embeddings (rpf.search.two_stage).

Rows that are added are few at first: each of them is a proposal, so that only their components have to be written.
Once they are more than MAX_ADDED_SHARE, the vector index takes them in.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

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
from rpf.utils.files import link_or_copy

MAX_PROPOSED_SHARE = 1 / 8  # of the rows; to rank all of them is as fast as to propose more
PART = 8  # columns
MAX_ADDED_SHARE = 1 / 100  # of the rows in the vector index
ADDED = "added-{}.npy"  # for each attribute, components of rows that the vector index lacks

Components = npt.NDArray[np.float16]  # (n, d) of one attribute


class Row(NamedTuple):
    """The components of a query in the chosen attributes."""

    attributes: Sequence[int]  # (a,)
    components: list[npt.NDArray[np.float32]]  # (a,) of (d,), times the share of the weight


class Heads:
    """The first components of some attributes side by side (n, d), as rpf.search.base.Vectors.

    Zeros fill the columns up to a multiple of PART, as some methods cut rows into equal parts.
    """

    def __init__(self, components: Sequence[Components], widths: Sequence[int], label: str = "") -> None:
        """components: (n, d) of each attribute; widths: how many of its d are taken."""
        self._components, self._ends, self.label = components, np.cumsum([0, *widths]).tolist(), label

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self._components[0]), math.ceil(self._ends[-1] / PART) * PART

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        heads = np.zeros((len(self._components[0][rows, :1]), self.shape[1]), np.float32)
        for values, (start, end) in zip(self._components, pairwise(self._ends), strict=True):
            heads[:, start:end] = values[rows, : end - start]
        return heads

    def query(self, row: Row) -> npt.NDArray[np.float32]:
        """Return a query (d,) for these columns."""
        query = np.zeros(self.shape[1], np.float32)
        for attribute, values in zip(row.attributes, row.components, strict=True):
            start, end = self._ends[attribute : attribute + 2]
            query[start:end] = values[: end - start]
        return query


class JointIndex(CandidateIndex):
    """A vector index of inner products over the heads of rows, and the components of each attribute."""

    def __init__(self, index: VectorIndex, attributes: int) -> None:
        """index: empty, as `make_index` makes it; attributes: how many."""
        self._index, self._attributes, self.title = index, attributes, index.title
        self._folder: Path | None = None  # with the files of the vector index as it is
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
        self._axes, self._widths = [axes for axes, _ in principal], [needed for _, needed in principal]
        self._label = getattr(columns[0], "label", "vectors")  # AttributeVectors have one
        self._components = self._project(columns)
        self._added = [components[:0] for components in self._components]
        self._index.build(self._heads(self._components))
        for single, components in zip(self._singles, self._components, strict=False):
            single.build(_whole(components))

    def candidates(self, search: CandidateSearch, oversampling: Oversampling) -> npt.NDArray[np.int64] | None:
        """Propose rows, and return those with the best estimates; all that pass are ranked where these are fewer."""
        row = self._row(search.vectors, search.attributes, search.shares)
        n, passing = self._count(), search.passing
        total = n if passing is None else int(passing.sum())
        rescored = math.ceil(search.k * oversampling.rescored)
        if rescored >= total:
            return None
        wanted = math.ceil(search.k * oversampling.proposed)
        proposed = wanted if passing is None else math.ceil(PASSING_MARGIN * wanted * n / total)
        if proposed <= min(MAX_PROPOSED_SHARE * n, total, self.max_depth):
            rows = self._propose(row, proposed)
            if passing is not None:
                rows = rows[passing[rows]]
            if len(rows) >= wanted:
                return self._best(rows, self._estimates(rows, row), rescored)
        rows = np.arange(n) if passing is None else np.flatnonzero(passing)
        return self._best(rows, self._estimates(None if passing is None else rows, row), rescored)

    def ranks(self, queries: npt.NDArray[np.float32], targets: Sequence[Target], depth: int) -> list[Ranks]:
        """Rank by the vector index, and by the components."""
        ranks = []
        for attributes, rows in targets:
            shares = np.full(len(attributes), 1 / len(attributes), np.float32)
            row = self._row(queries[attributes], attributes.tolist(), shares)
            proposed = np.full(self._count(), depth + 1)
            ids = self._propose(row, depth)
            proposed[ids] = 1 + np.arange(len(ids))
            estimates = self._estimates(None, row)
            ranks.append(Ranks(proposed[rows], 1 + np.searchsorted(np.sort(-estimates), -estimates[rows])))
        return ranks

    def save(self, folder: Path) -> None:
        """Write for each attribute axes (d, D) and components (n, d); widths.npy (A,), and the vector indexes.

        Files that did not change are linked. Components of rows that the vector index lacks are in files beside them.
        """
        if self._folder:
            for path in self._folder.rglob("*"):
                if path.is_file() and not path.match(ADDED.format("*")):
                    target = folder / path.relative_to(self._folder)
                    target.parent.mkdir(exist_ok=True)
                    link_or_copy(path, target)
        else:
            self._save_all(folder)
        for attribute, added in enumerate(self._added):
            if len(added):
                write_array(folder / ADDED.format(attribute), np.float16, added.shape, [added])
        self._folder = folder

    def _save_all(self, folder: Path) -> None:
        write_array(folder / "widths.npy", np.int64, (self._attributes,), [np.array(self._widths)])
        for attribute, (axes, components) in enumerate(zip(self._axes, self._components, strict=True)):
            write_array(folder / f"axes-{attribute}.npy", np.float32, axes.shape, [axes])
            write_array(folder / f"components-{attribute}.npy", np.float16, components.shape, [components])
        for name, index in self._named_indexes():
            (folder / name).mkdir()
            index.save(folder / name)

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Map the arrays, and open the vector indexes."""
        root = folder.resolve()
        self._axes, self._components, self._added, self._label, self._folder = [], [], [], "", root
        for attribute in range(self._attributes):
            axes = map_array(root, root / f"axes-{attribute}.npy", np.float32, (None, shape[1]))
            path = root / ADDED.format(attribute)
            added = np.empty((0, len(axes)), np.float16)
            if path.exists():
                added = map_array(root, path, np.float16, (None, len(axes)))
            path = root / f"components-{attribute}.npy"
            self._axes.append(axes)
            self._added.append(added)
            self._components.append(map_array(root, path, np.float16, (shape[0] - len(added), len(axes))))
        self._widths = map_array(root, root / "widths.npy", np.int64, (self._attributes,)).tolist()
        if not all(0 < width <= len(axes) for width, axes in zip(self._widths, self._axes, strict=True)):
            raise ValueError("widths.npy is malformed")
        parts = [self._heads(self._components), *map(_whole, self._components)]
        for (name, index), heads in zip(self._named_indexes(), parts, strict=False):
            index.open(root / name, (len(self._components[0]), heads.shape[1]))

    def add(self, columns: Sequence[Vectors]) -> bool:
        """Project more vectors onto the same components."""
        more = [np.concatenate(both) for both in zip(self._added, self._project(columns), strict=True)]
        if not self._index.needs_server and len(more[0]) <= MAX_ADDED_SHARE * len(self._components[0]):
            self._added = more
            return True
        if not self._index.add(self._heads(more)):
            return False
        for single, components in zip(self._singles, more, strict=False):
            single.add(_whole(components))
        self._components = [np.concatenate(both) for both in zip(self._components, more, strict=True)]
        self._added, self._folder = [components[:0] for components in more], None
        return True

    def discard(self) -> None:
        """Discard the vector index."""
        self._index.discard()

    def _count(self) -> int:
        return len(self._components[0]) + len(self._added[0])

    def _named_indexes(self) -> list[tuple[str, VectorIndex]]:
        return [("index", self._index), *((f"single-{at}", index) for at, index in enumerate(self._singles))]

    def _project(self, columns: Sequence[Vectors]) -> list[Components]:
        return [project(axes, vectors).astype(np.float16) for axes, vectors in zip(self._axes, columns, strict=True)]

    def _heads(self, components: Sequence[Components]) -> Heads:
        return Heads(components, self._widths, self._label)

    def _row(self, vectors: npt.NDArray[np.float32], attributes: Sequence[int], shares: npt.NDArray[np.float32]) -> Row:
        chosen = zip(vectors, attributes, shares, strict=True)
        return Row(attributes, [share * (self._axes[attribute] @ vector) for vector, attribute, share in chosen])

    def _propose(self, row: Row, count: int) -> npt.NDArray[np.int64]:
        """Return rows that the vector indexes propose, best first, and behind them all that they lack."""
        if self._singles and len(row.attributes) == 1:
            single, (attribute,) = Row([0], row.components), row.attributes
            rows = self._singles[attribute].propose(_whole(self._components[attribute]).query(single), count)
        else:
            rows = self._index.propose(self._heads(self._components).query(row), count)
        return np.append(rows, np.arange(len(self._components[0]), self._count()))

    def _estimates(self, rows: npt.NDArray[np.int64] | None, row: Row) -> npt.NDArray[np.float32]:
        """Estimate the scores of rows (m,), of all if None."""
        if rows is None:
            return np.concatenate([_estimate(part, None, row) for part in (self._components, self._added)])
        indexed = len(self._components[0])
        is_added = rows >= indexed
        estimates = np.empty(len(rows), np.float32)
        estimates[~is_added] = _estimate(self._components, rows[~is_added], row)
        estimates[is_added] = _estimate(self._added, rows[is_added] - indexed, row)
        return estimates

    def _best(
        self, rows: npt.NDArray[np.int64], estimates: npt.NDArray[np.float32], count: int
    ) -> npt.NDArray[np.int64]:
        if count >= len(rows):
            return rows
        return rows[torch.topk(torch.from_numpy(estimates), count, sorted=False).indices.numpy()]


def _estimate(
    components: Sequence[Components], rows: npt.NDArray[np.int64] | None, row: Row
) -> npt.NDArray[np.float32]:
    """Estimate the scores of rows (m,), of all if None, by the components of each attribute."""
    estimates = np.zeros(len(components[0]) if rows is None else len(rows), np.float32)
    for attribute, query in zip(row.attributes, row.components, strict=True):
        for start in range(0, len(estimates), ROW_BATCH_SIZE):
            part = slice(start, start + ROW_BATCH_SIZE)
            chosen = components[attribute]
            values = chosen[part] if rows is None else np.take(chosen, rows[part], axis=0)
            estimates[part] += products(values, query)
    return estimates


def _whole(components: Components) -> Heads:
    """Return all components of one attribute."""
    return Heads([components], [components.shape[1]])
