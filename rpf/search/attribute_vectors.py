"""One attribute's vectors of a collection, read as they are asked for."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection


class AttributeVectors:
    """The vectors of some rows of a collection, as rpf.search.base.Vectors."""

    def __init__(
        self,
        collection: Collection,
        attribute: int,
        rows: npt.NDArray[np.int64] | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> None:
        """rows (n,) of the collection, all if None; `tell` hears how far a reader has come."""
        self._collection = collection
        self._attribute = attribute
        self._rows = np.arange(len(collection)) if rows is None else rows
        self._tell = tell or (lambda done: None)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self._rows), self._collection.manifest.spec.dim

    def __getitem__(self, rows: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        wanted = self._rows[rows]
        found = torch.from_numpy(np.array(self._collection.take(self._attribute, wanted))).float().numpy()
        if isinstance(rows, slice):
            self._tell(rows.indices(len(self._rows))[1])
        return found
