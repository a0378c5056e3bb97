"""One vector index for each attribute: candidates are the nearest in any chosen one."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.search.base import CandidateIndex, CandidateSearch, Oversampling, Ranks, Target, VectorIndex, Vectors


class AttributeIndexes(CandidateIndex):
    """The indexes of one method, in the order of the attributes."""

    def __init__(self, indexes: Sequence[VectorIndex]) -> None:
        self._indexes = indexes
        self.title = indexes[0].title

    @property
    def max_depth(self) -> float:
        """Return how many neighbours an index can return."""
        return self._indexes[0].max_neighbours

    def build(self, columns: Sequence[Vectors]) -> None:
        """Build each index."""
        for index, vectors in zip(self._indexes, columns, strict=True):
            index.build(vectors)

    def candidates(self, search: CandidateSearch, oversampling: Oversampling) -> npt.NDArray[np.int64] | None:
        """Join the nearest rows of the chosen attributes."""
        wanted, passing = math.ceil(search.k * oversampling.proposed), search.passing
        if wanted > self.max_depth:
            return None
        pairs = [(self._indexes[at], vector) for at, vector in zip(search.attributes, search.vectors, strict=True)]
        if passing is None:
            lists = [index.search(vector[None], wanted).ids[0] for index, vector in pairs]
            return np.unique(np.concatenate([ids[ids >= 0] for ids in lists]))
        lists = [index.search_passing(vector, wanted, passing) for index, vector in pairs]
        if min(map(len, lists)) < min(wanted, passing.sum()):
            return None
        return np.unique(np.concatenate(lists))

    def ranks(self, queries: npt.NDArray[np.float32], targets: Sequence[Target], depth: int) -> list[Ranks]:
        """Rank by the best rank in any of the target's attributes."""
        lists = [index.search(query[None], depth).ids[0] for index, query in zip(self._indexes, queries, strict=True)]
        n = max(int(max(target.rows.max() for target in targets)), *(int(ids.max()) for ids in lists)) + 1
        ranks = np.full((len(lists), n), depth + 1)
        for line, ids in zip(ranks, lists, strict=True):
            line[ids[ids >= 0]] = 1 + np.flatnonzero(ids >= 0)
        best = [ranks[target.attributes][:, target.rows].min(axis=0) for target in targets]
        return [Ranks(one, np.ones_like(one)) for one in best]

    def save(self, folder: Path) -> None:
        """Write each index into a folder: 0, 1, ..."""
        for attribute, index in enumerate(self._indexes):
            (folder / str(attribute)).mkdir()
            index.save(folder / str(attribute))

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Open each index."""
        for attribute, index in enumerate(self._indexes):
            index.open(folder / str(attribute), shape)

    def add(self, columns: Sequence[Vectors]) -> bool:
        """Add to each index; all of them can grow, or none."""
        return all(index.add(vectors) for index, vectors in zip(self._indexes, columns, strict=True))

    def discard(self) -> None:
        """Discard each index."""
        for index in self._indexes:
            index.discard()
