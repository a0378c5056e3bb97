"""One attribute's vectors of a collection, read on demand."""

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection
from rpf.utils.progress import Progress


class AttributeVectors:
    """The vectors of some rows of a collection, as rpf.search.base.Vectors."""

    def __init__(
        self,
        collection: Collection,
        attribute: int,
        rows: npt.NDArray[np.int64] | None = None,
        progress: Progress = lambda phase, done, total: None,
    ) -> None:
        """Choose the rows (n,) of the collection, all if None; `progress` counts the vectors of all attributes."""
        self.label = f"{collection.name}_{collection.manifest.spec.attributes[attribute]}"
        self._collection, self._attribute, self._progress = collection, attribute, progress
        self._rows = np.arange(len(collection)) if rows is None else rows

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._rows), self._collection.manifest.spec.dim

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        stored = np.array(self._collection.take(self._attribute, self._rows[rows]))
        vectors = torch.from_numpy(stored).float().numpy()
        if isinstance(rows, slice):
            items, attributes = len(self._collection), len(self._collection.manifest.spec.attributes)
            done = self._attribute * items + rows.indices(len(self._rows))[1]
            self._progress("building the index", done, attributes * items)
        return vectors
