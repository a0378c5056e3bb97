"""Collection reader: an immutable snapshot of one generation."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.attributes import Vocabulary
from rpf.collection.image_folder import ImageFolder
from rpf.collection.items import ITEMS_FILE, Item, check_item_tables, read_items
from rpf.collection.manifest import Manifest, Stamp, damaged, read_manifest, read_stamp
from rpf.collection.originals import read_copies
from rpf.collection.segment_view import SegmentView
from rpf.collection.segments import ROW_BATCH_SIZE, open_segment
from rpf.errors import UnknownItem
from rpf.utils.arrays import map_array, write_array
from rpf.utils.files import inside, sync_folder
from rpf.utils.sqlite import open_read_only


class RecognisedValues(NamedTuple):
    """The likeliest value of each row of a collection in each attribute."""

    values: npt.NDArray[np.int16]  # (A, N)
    probabilities: npt.NDArray[np.float16]  # (A, N) of having the part, and this value; 0 where unknown


class Collection:
    """Snapshot of one generation of a collection; safe to read from several threads.

    It keeps answering for all of its items while a writer works: its vectors are mapped, so that they outlive their
    files, and the rows of removed items stay for an hour after `Writer.optimize`. (After that `item` raises UnknownItem
    for items removed since the snapshot was opened.)
    """

    def __init__(self, folder: Path, manifest: Manifest, stamp: Stamp, linked: tuple[Path, ...]) -> None:
        """Use `Collection.open`. Raises OSError, ValueError, sqlite3.Error."""
        base = folder.resolve()
        segments = [open_segment(base, name, manifest.spec) for name in manifest.segments]
        self.removed_ids = open_tombstones(base, manifest)  # their vectors are still in a segment
        rows = SegmentView(manifest.spec, segments, self.removed_ids)
        if len(rows.ids) != manifest.count:
            raise ValueError(f"it has {len(rows.ids)} items where its manifest says {manifest.count}")
        if not inside(base, base / ITEMS_FILE):
            raise ValueError(f"{ITEMS_FILE} is missing or leads outside of the collection")
        with open_read_only(folder / ITEMS_FILE) as connection:
            check_item_tables(connection)
            copies = read_copies(connection)
        self.folder, self.name = folder, folder.name
        self.manifest = manifest
        self.images = ImageFolder(manifest.spec.image_root(folder), linked)
        self.ids: npt.NDArray[np.int64] = rows.ids  # (N,) ascending, live items only, read-only
        self.knows_presence = any(segment.presence is not None for segment in segments)  # for some items at least
        self.originals = self._read_originals(copies)  # (N,) id of the first of its near-duplicates, removed or not
        self._rows, self._stamp = rows, stamp

    @classmethod
    def open(cls, folder: Path, linked: tuple[Path, ...] = ()) -> "Collection":
        """Open the newest generation without reading embeddings. `linked` is as for ImageFolder.

        Raises UnknownCollection if there is none, CollectionError if it cannot be used.
        """
        while True:
            manifest, stamp = read_manifest(folder)
            try:
                return cls(folder, manifest, stamp, linked)
            except FileNotFoundError as error:
                # A writer may have merged the segments since the manifest was read; then there is a newer one.
                if read_manifest(folder)[1] == stamp:
                    raise damaged(folder, f"{Path(error.filename or '').name} is missing") from error
            except (OSError, ValueError, sqlite3.Error) as error:
                raise damaged(folder, error) from error

    @cached_property
    def duplicate_groups(self) -> npt.NDArray[np.int64] | None:
        """Number the groups of near-duplicates: the group (N,) of each row; None where each row is one."""
        firsts, groups = np.unique(self.originals, return_inverse=True)
        return groups if len(firsts) < len(groups) else None

    def copies(self, item_id: int) -> list[int]:
        """Return the near-duplicates of an item. Raises UnknownItem."""
        row = self.row(item_id)
        return [item for item in self.ids[self.originals == self.originals[row]].tolist() if item != item_id]

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Index the attributes, in the order of the embeddings."""
        return Vocabulary(self.manifest.spec.attributes)

    def _read_originals(self, copies: dict[int, int]) -> npt.NDArray[np.int64]:
        ids = np.array(self.ids)
        if copies:
            rows = np.searchsorted(ids, list(copies))
            live = np.append(ids, -1)[rows] == list(copies)
            ids[rows[live]] = np.array(list(copies.values()), np.int64)[live]
        return ids

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self, attribute: int, size: int = ROW_BATCH_SIZE) -> Iterator[tuple[slice, npt.NDArray[np.float16]]]:
        """Yield (rows of `ids`, their (n, D) float16 vectors) for all rows in order, at most `size` at a time.

        The vectors are a view of the mapped file where the rows are contiguous in it, else a copy.
        """
        return self._rows.chunks(attribute, size)

    def take(self, attribute: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float16]:
        """Return (n, D) float16: the vectors of any rows of `ids`, in this order."""
        return self._rows.take(attribute, rows)

    def vectors(self, item_id: int) -> npt.NDArray[np.float32]:
        """Return (A, D) float32: the item's vector for each attribute. Raises UnknownItem."""
        return self._rows.vectors(self.row(item_id)).astype(np.float32)

    def boxes(self, item_id: int) -> npt.NDArray[np.int32] | None:
        """Return (A, 4) int32: left, top, right, bottom in image pixels; None if unknown. Raises UnknownItem."""
        return self._rows.boxes(self.row(item_id))

    def presence(self, item_id: int) -> npt.NDArray[np.float16] | None:
        """Return (A,) presence probabilities of the parts, 1 where unknown; None if all are. Raises UnknownItem."""
        presence = self._rows.presence(np.array([self.row(item_id)]))[0]
        return None if np.isnan(presence).all() else _probabilities(presence, unknown=1)

    @property
    def knows_values(self) -> bool:
        """Return whether values were recognised, for some items at least."""
        return bool(self._rows.value_count)

    def values(self, item_id: int) -> npt.NDArray[np.float16] | None:
        """Return (A, V) probabilities of the values, given the part; None if unknown. Raises UnknownItem."""
        values = self._rows.values(np.array([self.row(item_id)]))[0]
        return None if not values.size or np.isnan(values[:, 0]).all() else _probabilities(values, unknown=0)

    def values_of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float16]:
        """Return (n, A, V) probabilities of the values of rows of `ids`, given the part; 0 where unknown."""
        return _probabilities(self._rows.values(rows), unknown=0)

    @cached_property
    def recognised(self) -> RecognisedValues:
        """Find the likeliest value of each row in each attribute, once for all."""
        values = self.values_of(np.arange(len(self)))
        if not values.shape[2]:
            return RecognisedValues(*(np.zeros(self.presence_by_attribute.shape, kind) for kind in (np.int16, "f2")))
        best = values.argmax(axis=2)
        likelihood = np.take_along_axis(values, best[..., None], axis=2)[..., 0].T
        return RecognisedValues(best.T.astype(np.int16), likelihood * self.presence_by_attribute)

    @cached_property
    def presence_by_attribute(self) -> npt.NDArray[np.float16]:
        """Read (A, N) probabilities that each row's item has the part of each attribute; 1 where unknown."""
        return np.ascontiguousarray(_probabilities(self._rows.presence(slice(None)), unknown=1).T)

    def item(self, item_id: int) -> Item:
        """Return an item. Raises UnknownItem, CollectionError if the table is damaged."""
        return self.items([item_id])[0]

    def items(self, ids: Sequence[int]) -> list[Item]:
        """Return items in the order of the ids. Raises as `item`."""
        wanted = [int(self.ids[self.row(item_id)]) for item_id in ids]
        items = read_items(self.folder, wanted) if wanted else {}
        if missing := set(wanted) - items.keys():
            raise self._unknown(min(missing))
        return [items[item_id] for item_id in wanted]

    def live_items(self, ids: Iterable[int]) -> dict[int, Item]:
        """Return the items with these ids that are in this generation, by id. Raises CollectionError."""
        wanted = np.array(list(ids), np.int64)
        live = np.append(self.ids, -1)[np.searchsorted(self.ids, wanted)] == wanted
        return {item.id: item for item in self.items(wanted[live].tolist())}

    @property
    def root(self) -> Path:
        """Return the image folder, resolved."""
        return self.images.root

    def image_path(self, item: Item) -> Path:
        """Return the file of an item's image, its links followed. Raises UnknownItem if it may not be read."""
        path = self.images.find(item.path)
        if path is None:
            raise UnknownItem("The image of item %(id)d is not there.", id=item.id)
        return path

    def changed(self) -> bool:
        """Return whether another generation is on disk by now, or none that can be read."""
        try:
            return read_stamp(self.folder) != self._stamp  # an equal one was checked when this was opened
        except OSError:
            return True

    def row(self, item_id: int) -> int:
        """Return the place of an item in `ids`. Raises UnknownItem."""
        row = int(np.searchsorted(self.ids, item_id)) if 0 <= item_id < 2**63 else len(self.ids)
        if row == len(self.ids) or self.ids[row] != item_id:
            raise self._unknown(item_id)
        return row

    def _unknown(self, item_id: int) -> UnknownItem:
        return UnknownItem("There is no item %(id)d in the collection %(name)s.", id=item_id, name=self.name)


def _probabilities(numbers: npt.NDArray[np.float16], unknown: float) -> npt.NDArray[np.float16]:
    """Put `unknown` for NaN, and for whatever is no probability, as somebody else's collection may have it."""
    return np.where((numbers >= 0) & (numbers <= 1), numbers, np.float16(unknown))


def open_tombstones(folder: Path, manifest: Manifest) -> npt.NDArray[np.int64]:
    """Return the ids of the removed items. Raises FileNotFoundError, ValueError if the file is malformed."""
    if not manifest.tombstones:
        return np.empty(0, np.int64)
    removed = np.array(map_array(folder, folder / manifest.tombstones, np.int64, (None,)))
    if not (removed[1:] > removed[:-1]).all():
        raise ValueError("its tombstones are not ascending")
    return removed


def write_tombstones(folder: Path, generation: int, removed: set[int]) -> str:
    """Write the ids of the removed items, if any, and return the name of the file for the manifest."""
    if not removed:
        return ""
    name = f"tombstones-{generation}.npy"
    write_array(folder / name, np.int64, (len(removed),), [np.array(sorted(removed))])
    sync_folder(folder)
    return name
