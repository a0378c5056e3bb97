"""One attribute's vectors of a collection as an index holds them, read on demand."""

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.search.score import ADDED_DIMENSIONS, indexed_queries, indexed_vectors, presence_factors
from rpf.utils.progress import Progress


class AttributeVectors:
    """The vectors of some rows of a collection, as rpf.search.base.Vectors.

    Where the collection knows presence, they are those of `indexed_vectors`.
    """

    def __init__(
        self,
        collection: Collection,
        attribute: int,
        rows: npt.NDArray[np.int64] | None = None,
        progress: Progress = lambda phase, done, total: None,
    ) -> None:
        """Choose the rows (n,) of the collection, all if None; `progress` counts the vectors of all attributes."""
        self.label = collection.name
        self._collection, self._attribute, self._progress = collection, attribute, progress
        self._rows = np.arange(len(collection)) if rows is None else rows

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._rows), indexed_dimension(self._collection)

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        chosen = self._rows[rows]
        vectors = self._read(chosen)
        if self._collection.knows_presence:
            presence = self._collection.presence_by_attribute[self._attribute, chosen]
            vectors = indexed_vectors(vectors, presence_factors(presence))
        if isinstance(rows, slice):
            items, attributes = len(self._collection), len(self._collection.manifest.spec.attributes)
            done = self._attribute * items + rows.indices(len(self._rows))[1]
            self._progress("building the index", done, attributes * items)
        return vectors

    def as_queries(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the vectors of rows (m,) as queries to an index."""
        return query_vectors(self._collection, self._read(self._rows[rows]))

    def _read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        return torch.from_numpy(np.array(self._collection.take(self._attribute, rows))).float().numpy()


def indexed_dimension(collection: Collection) -> int:
    """Return the dimension of the vectors in the collection's indexes."""
    return collection.manifest.spec.dim + (ADDED_DIMENSIONS if collection.knows_presence else 0)


def query_vectors(collection: Collection, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turn the vectors (m, D) of queries into those for the collection's indexes."""
    return indexed_queries(vectors) if collection.knows_presence else vectors
