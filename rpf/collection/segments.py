"""Segments: the embeddings of some items in memory-mapped files that never change."""

import errno
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.collection.items import NewItem
from rpf.collection.manifest import CollectionSpec
from rpf.errors import CollectionError
from rpf.utils.arrays import Array, map_array, write_array
from rpf.utils.files import sync_folder

SEGMENTS_FOLDER = "segments"
ROW_BATCH_SIZE = 8192
MERGE_FANOUT = 32  # this many segments of about one size are merged into one
MAX_SIZE_RATIO = 2  # a segment is merged with the newer ones while it is at most this many times as large as they are
SMALL_ITEMS = 4096  # are rewritten in less than a second
NORM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Segment:
    """n items, in ascending order of id."""

    ids: npt.NDArray[np.int64]  # (n,)
    embeddings: npt.NDArray[np.float16]  # (A, n, D), a memory map
    boxes: npt.NDArray[np.int32] | None  # (n, A, 4), a memory map; zeros where unknown
    presence: npt.NDArray[np.float16] | None  # (n, A), a memory map; NaN where unknown


def open_segment(collection: Path, name: str, spec: CollectionSpec) -> Segment:
    """Map a segment of the collection in the (resolved) folder and read its ids.

    Raises FileNotFoundError if it is missing, ValueError if it is malformed.
    """
    folder = collection / SEGMENTS_FOLDER / name
    ids = np.array(map_array(collection, folder / "ids.npy", np.int64, (None,)))
    if ids[0] < 0 or not (ids[1:] > ids[:-1]).all():
        raise ValueError(f"the ids of segment {name} are not ascending")
    attributes, n = len(spec.attributes), len(ids)
    embeddings = map_array(collection, folder / "embeddings.npy", np.float16, (attributes, n, spec.dim))
    boxes = _map_optional(collection, folder / "boxes.npy", np.int32, (n, attributes, 4))
    presence = _map_optional(collection, folder / "applicable.npy", np.float16, (n, attributes))
    return Segment(ids, embeddings, boxes, presence)


def _map_optional(collection: Path, path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> Array | None:
    """Map an array that a segment need not have. Raises as `map_array`, FileNotFoundError if the segment is gone."""
    if path.exists():
        return map_array(collection, path, dtype, shape)
    if not path.parent.exists():  # deleted meanwhile, which is not the same as never having had the array
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    return None


def write_segment(
    collection: Path,
    name: str,
    ids: Sequence[int],
    embeddings: npt.NDArray[np.floating],
    boxes: npt.NDArray[np.integer] | None,
    presence: npt.NDArray[np.floating] | None,
) -> None:
    """Write n items in any order of id as a segment; embeddings are (n, A, D)."""
    order = np.argsort(ids)
    count, attributes, dim = embeddings.shape
    _write(
        collection / SEGMENTS_FOLDER / name,
        (attributes, count, dim),
        np.array(ids, np.int64)[order],
        (embeddings[order, attribute] for attribute in range(attributes)),
        None if boxes is None else boxes[order],
        None if presence is None else presence[order],
    )


def write_merged(collection: Path, name: str, rows: "SegmentView") -> None:
    """Write the live items of several segments as one."""
    shape = len(rows.spec.attributes), len(rows.ids), rows.spec.dim
    blocks = (block for attribute in range(shape[0]) for _, block in rows.chunks(attribute))
    _write(collection / SEGMENTS_FOLDER / name, shape, rows.ids, blocks, rows.all_boxes(), rows.all_presence())


def _write(
    folder: Path,
    shape: tuple[int, int, int],
    ids: npt.NDArray[np.int64],
    blocks: Iterable[Array],
    boxes: npt.NDArray[np.integer] | None,
    presence: npt.NDArray[np.floating] | None,
) -> None:
    """Write a segment under a temporary name, sync it, and rename it.

    `shape` is (A, n, D); `blocks` are its (m, D) parts in that order, attribute by attribute.
    """
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    write_array(temporary / "ids.npy", np.int64, ids.shape, [ids])
    write_array(temporary / "embeddings.npy", np.float16, shape, blocks)
    if boxes is not None:
        write_array(temporary / "boxes.npy", np.int32, boxes.shape, [boxes])
    if presence is not None:
        write_array(temporary / "applicable.npy", np.float16, presence.shape, [presence])
    sync_folder(temporary)
    temporary.rename(folder)
    sync_folder(folder.parent)


def check_arrays(
    spec: CollectionSpec,
    items: Sequence[NewItem],
    embeddings: npt.NDArray[np.floating],
    boxes: npt.NDArray[np.integer] | None,
    presence: npt.NDArray[np.floating] | None,
) -> None:
    """Raise CollectionError unless these are (n, A, D) unit vectors, (n, A, 4) integers and (n, A) numbers from 0 to 1
    or NaN, for n items."""
    n, attributes = len(items), len(spec.attributes)
    for what, array, kinds, shape in (
        ("embeddings", embeddings, "f", (n, attributes, spec.dim)),
        ("boxes", boxes, "iu", (n, attributes, 4)),
        ("presence probabilities", presence, "f", (n, attributes)),
    ):
        if array is not None and (array.shape != shape or array.dtype.kind not in kinds):
            raise CollectionError(
                "The %(what)s have %(dtype)s %(have)s where the shape %(want)s is expected.",
                what=what,
                dtype=array.dtype,
                have=array.shape,
                want=shape,
            )
    if presence is not None and ((presence < 0) | (presence > 1)).any():
        raise CollectionError("The presence probabilities are not from 0 to 1.")
    norms = np.linalg.norm(embeddings.astype(np.float32), axis=2)
    bad = np.argwhere(~(np.abs(norms - 1) <= NORM_TOLERANCE))  # negated so that NaN is rejected too
    if len(bad):
        item, attribute = bad[0]
        raise CollectionError(
            "The embedding of %(path)s for %(attribute)s is not a unit vector.",
            path=items[item].path,
            attribute=spec.attributes[attribute],
        )


def count_mergeable(sizes: Sequence[int]) -> int:
    """Return how many of the newest segments, of these sizes in items, an append has to merge; 0 if none.

    These are the segments after the last one of a higher order of magnitude than the newest, if MERGE_FANOUT or more.
    However many small batches are appended, there are never more than some dozens of segments, and each vector is
    written a few times in all.
    """
    orders = [int(math.log(size, MERGE_FANOUT)) for size in reversed(sizes)]
    length = next((at for at, order in enumerate(orders) if order > orders[0]), len(orders))
    return length if length >= MERGE_FANOUT else 0


def count_small(sizes: Sequence[int]) -> int:
    """Return how many of the newest segments, of these sizes in items, to merge at the end of a command; 0 if none.

    These are all from the first that is not much larger than those after it together. A few items added to a large
    collection stay in a separate segment, and a vector is written again only when it moves to a segment half as
    large again.
    """
    newer = np.cumsum([0, *sizes[:0:-1]])[::-1]  # items after each segment
    for at, (size, after) in enumerate(zip(sizes[:-1], newer, strict=False)):
        if size <= MAX_SIZE_RATIO * after or size + after <= SMALL_ITEMS:
            return len(sizes) - at
    return 0


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
