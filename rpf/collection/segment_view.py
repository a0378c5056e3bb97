"""Segment view: the live items of several segments as one table, and their merge into one segment."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.collection.manifest import CollectionSpec
from rpf.collection.segments import ROW_BATCH_SIZE, SEGMENTS_FOLDER, Segment, open_segment, write_arrays
from rpf.utils.arrays import Array

SAMPLE_ROWS = 64
VALUE_TOLERANCE = 0.02  # between values of 32-bit and of stored embeddings

# From embeddings (n, A, D) and the ids (n,) of their items to values (n, A, V).
ClassifyVectors = Callable[[npt.NDArray[np.floating], npt.NDArray[np.int64]], npt.NDArray[np.floating]]


class SegmentView:
    """The live items of several segments as one table, in ascending order of id."""

    def __init__(self, spec: CollectionSpec, segments: Sequence[Segment], removed: npt.NDArray[np.int64]) -> None:
        """Sort the items by id. Raises ValueError if an id occurs twice or a removed one does not occur."""
        self.spec, self._segments = spec, segments
        none = np.empty(0, np.int64)
        ids = np.concatenate([none, *(segment.ids for segment in segments)])
        sizes = np.array([len(segment.ids) for segment in segments], np.int64)
        which = np.repeat(np.arange(len(segments), dtype=np.int32), sizes)
        where = np.concatenate([none, *(np.arange(len(segment.ids)) for segment in segments)])
        if not (ids[1:] > ids[:-1]).all():  # imported ids may come in any order
            order = np.argsort(ids, kind="stable")
            ids, which, where = ids[order], which[order], where[order]
            if (ids[1:] == ids[:-1]).any():
                raise ValueError("an id is in two segments")
        live = ~np.isin(ids, removed)
        if len(ids) - live.sum() != len(removed):
            raise ValueError("the tombstones name items that are not there")
        self.ids: npt.NDArray[np.int64] = ids[live]
        self.ids.setflags(write=False)
        self._which, self._where = which[live], where[live]

    def vectors(self, row: int) -> npt.NDArray[np.float16]:
        """Return (A, D) of one row, a view."""
        return self._segments[self._which[row]].embeddings[:, self._where[row]]

    def take(self, attribute: int, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.float16]:
        """Return (n, D) of these rows: a view if they are contiguous in one segment, else a copy."""
        which, where = self._which[rows], self._where[rows]
        if len(which) == 0:
            raise ValueError("no rows")
        if (which == which[0]).all():
            vectors = self._segments[which[0]].embeddings[attribute]
            contiguous = where[-1] - where[0] == len(where) - 1 and (np.diff(where) == 1).all()
            return vectors[where[0] : where[-1] + 1] if contiguous else vectors[where]
        out = np.empty((len(which), self.spec.dim), np.float16)
        return _gather([segment.embeddings[attribute] for segment in self._segments], which, where, out)

    def chunks(self, attribute: int, size: int = ROW_BATCH_SIZE) -> Iterator[tuple[slice, npt.NDArray[np.float16]]]:
        """Yield (rows, (n, D)) for all rows in order, `size` at a time."""
        for start in range(0, len(self.ids), size):
            rows = slice(start, min(start + size, len(self.ids)))
            yield rows, self.take(attribute, rows)

    def boxes(self, row: int) -> npt.NDArray[np.int32] | None:
        """Return (A, 4) of one row; None if unknown."""
        boxes = self._segments[self._which[row]].boxes
        if boxes is None or not boxes[self._where[row]].any():
            return None
        return np.array(boxes[self._where[row]])

    def all_boxes(self) -> npt.NDArray[np.int32] | None:
        """Return (N, A, 4) of all rows, zeros where unknown; None if none is known."""
        if all(segment.boxes is None for segment in self._segments):
            return None
        out = np.zeros((len(self.ids), len(self.spec.attributes), 4), np.int32)
        return _gather([segment.boxes for segment in self._segments], self._which, self._where, out)

    def presence(self, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.float16]:
        """Return (n, A) of these rows, NaN where unknown."""
        which, where = self._which[rows], self._where[rows]
        out = np.full((len(which), len(self.spec.attributes)), np.nan, np.float16)
        return _gather([segment.presence for segment in self._segments], which, where, out)

    def all_presence(self) -> npt.NDArray[np.float16] | None:
        """Return (N, A) of all rows, NaN where unknown; None if none is known."""
        presence = self.presence(slice(None))
        return None if np.isnan(presence).all() else presence

    @cached_property
    def value_count(self) -> int:
        """Return V of the widest segment; 0 if no segment has value probabilities."""
        return max((segment.values.shape[2] for segment in self._segments if segment.values is not None), default=0)

    def values(self, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.float16]:
        """Return (n, A, V) of these rows, NaN where unknown."""
        which, where = self._which[rows], self._where[rows]
        out = np.full((len(which), len(self.spec.attributes), self.value_count), np.nan, np.float16)
        for number, segment in enumerate(self._segments):
            if segment.values is not None:
                inside = which == number
                out[inside, :, : segment.values.shape[2]] = segment.values[where[inside]]
        return out

    def all_values(self) -> npt.NDArray[np.float16] | None:
        """Return (N, A, V) of all rows, NaN where unknown; None if none is known."""
        return self.values(slice(None)) if self.value_count else None

    def has_values_of(self, classify: ClassifyVectors) -> bool:
        """Tell whether all rows have values, and those of a sample are what `classify` gives."""
        if not self.value_count or np.isnan(self.values(slice(None))[:, :, 0]).any():
            return False
        rows = np.unique(np.linspace(0, len(self.ids) - 1, SAMPLE_ROWS).astype(np.int64))
        return np.allclose(self.values(rows), classify(self._embeddings(rows), self.ids[rows]), atol=VALUE_TOLERANCE)

    def classify(self, classify: ClassifyVectors) -> npt.NDArray[np.float16]:
        """Recompute the values (N, A, V) of all rows."""
        batches = (slice(start, start + ROW_BATCH_SIZE) for start in range(0, len(self.ids), ROW_BATCH_SIZE))
        return np.concatenate([classify(self._embeddings(rows), self.ids[rows]).astype(np.float16) for rows in batches])

    def _embeddings(self, rows: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.float16]:
        """Return (n, A, D) of these rows, a copy."""
        return np.stack([self.take(attribute, rows) for attribute in range(len(self.spec.attributes))], axis=1)


def _gather(
    arrays: Sequence[Array | None], which: npt.NDArray[np.int32], where: npt.NDArray[np.int64], out: Array
) -> Array:
    """Copy the rows `where` of the arrays number `which` into `out`, as far as the segments have such arrays."""
    for number, array in enumerate(arrays):
        if array is not None:
            inside = which == number
            out[inside] = array[where[inside]]
    return out


def open_live_rows(
    folder: Path, names: Sequence[str], spec: CollectionSpec, removed: set[int]
) -> tuple[SegmentView, set[int]]:
    """Open the live items of some segments; return also the removed ones whose vectors they have."""
    segments = [open_segment(folder, name, spec) for name in names]
    dropped = removed & {item_id for segment in segments for item_id in segment.ids.tolist()}
    return SegmentView(spec, segments, np.array(sorted(dropped), np.int64)), dropped


def write_merged(collection: Path, name: str, rows: SegmentView, values: npt.NDArray[np.float16] | None) -> None:
    """Write the live items of several segments as one, with these values (n, A, V)."""
    shape = len(rows.spec.attributes), len(rows.ids), rows.spec.dim
    blocks = (block for attribute in range(shape[0]) for _, block in rows.chunks(attribute))
    folder = collection / SEGMENTS_FOLDER / name
    write_arrays(folder, shape, rows.ids, blocks, rows.all_boxes(), rows.all_presence(), values)
