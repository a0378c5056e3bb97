"""Segments: the embeddings of some items in memory-mapped files that never change."""

import errno
import math
import os
import shutil
from collections.abc import Iterable, Sequence
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
    values: npt.NDArray[np.float16] | None  # (n, A, V), a memory map; NaN where unknown


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
    values = _map_optional(collection, folder / "values.npy", np.float16, (n, attributes, None))
    return Segment(ids, embeddings, boxes, presence, values)


def _map_optional(collection: Path, path: Path, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> Array | None:
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
    values: npt.NDArray[np.floating] | None,
) -> None:
    """Write n items in any order of id as a segment; embeddings are (n, A, D)."""
    order = np.argsort(ids)
    count, attributes, dim = embeddings.shape
    write_arrays(
        collection / SEGMENTS_FOLDER / name,
        (attributes, count, dim),
        np.array(ids, np.int64)[order],
        (embeddings[order, attribute] for attribute in range(attributes)),
        None if boxes is None else boxes[order],
        None if presence is None else presence[order],
        None if values is None else values[order],
    )


def write_arrays(
    folder: Path,
    shape: tuple[int, int, int],
    ids: npt.NDArray[np.int64],
    blocks: Iterable[Array],
    boxes: npt.NDArray[np.integer] | None,
    presence: npt.NDArray[np.floating] | None,
    values: npt.NDArray[np.floating] | None,
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
    if values is not None:
        write_array(temporary / "values.npy", np.float16, values.shape, [values])
    sync_folder(temporary)
    temporary.rename(folder)
    sync_folder(folder.parent)


def check_arrays(
    spec: CollectionSpec,
    items: Sequence[NewItem],
    embeddings: npt.NDArray[np.floating],
    boxes: npt.NDArray[np.integer] | None,
    presence: npt.NDArray[np.floating] | None,
    values: npt.NDArray[np.floating] | None,
) -> None:
    """Raise CollectionError unless these are (n, A, D) unit vectors, (n, A, 4) integers, and (n, A) and (n, A, V)
    numbers from 0 to 1 or NaN, for n items."""
    n, attributes = len(items), len(spec.attributes)
    for what, array, kinds, shape in (
        ("embeddings", embeddings, "f", (n, attributes, spec.dim)),
        ("boxes", boxes, "iu", (n, attributes, 4)),
        ("presence probabilities", presence, "f", (n, attributes)),
        ("value probabilities", values, "f", (n, attributes, values.shape[-1] if values is not None else 0)),
    ):
        if array is not None and (array.shape != shape or array.dtype.kind not in kinds):
            raise CollectionError(
                "The %(what)s have %(dtype)s %(have)s where the shape %(want)s is expected.",
                what=what,
                dtype=array.dtype,
                have=array.shape,
                want=shape,
            )
    for what, probabilities in (("presence", presence), ("value", values)):
        if probabilities is not None and ((probabilities < 0) | (probabilities > 1)).any():
            raise CollectionError("The %(what)s probabilities are not from 0 to 1.", what=what)
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
