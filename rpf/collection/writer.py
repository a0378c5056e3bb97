"""Writing a collection: one writer at a time, and a crash leaves the old or the new state.

Every change goes the same way: rows in one SQLite transaction, files under names never used before, all synced; then
the manifest is swapped; then what it no longer names is deleted. Whatever a crash leaves behind is in no manifest.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from rpf.collection.cleanup import clear, delete
from rpf.collection.create import find_or_make
from rpf.collection.items import ItemTable, NewItem
from rpf.collection.manifest import (
    FORMAT,
    INDEX,
    Manifest,
    collection_folder,
    damaged,
    parse_manifest,
    read_manifest,
    usable_text,
    write_manifest,
)
from rpf.collection.reader import open_tombstones
from rpf.collection.recovery import quarantine_damage
from rpf.collection.segments import (
    FOLDER,
    Segment,
    SegmentView,
    check_arrays,
    mergeable,
    open_segment,
    untidy,
    write_segment,
)
from rpf.errors import CollectionError, RPFError, UnknownItem
from rpf.utils.arrays import write_array
from rpf.utils.files import sync_files, sync_folder
from rpf.utils.locks import locked


class Writer:
    """The one writer of a collection, in one thread. A context manager.

    Every method raises CollectionError when the collection cannot be written (a full disk, no permission); after that,
    and after an interrupt, it does nothing more.
    """

    def __init__(
        self,
        folder: Path,
        *,
        checkpoint: str,
        attributes: Sequence[str],
        dim: int,
        root: str,
        title: str = "",
        wait: float = 0.0,
        mend: bool = False,
    ) -> None:
        """Make the collection, or open it and clear away what a crash left (`cleared` says how many files); `title` is
        for a new one. With `mend`, what is damaged in it is set aside (see rpf.collection.recovery), and `damage` says
        what that was.

        Raises CollectionError if another process still writes it after `wait` seconds, if it is damaged, or if it was
        made with another checkpoint, attributes, dim or image root.
        """
        collection_folder(folder.parent, folder.name)
        new = Manifest(FORMAT, 0, checkpoint, tuple(attributes), dim, 0, root, (), "", title)
        try:
            parse_manifest(asdict(new))
        except ValueError as error:
            template = "The collection %(name)s cannot be made: %(why)s."
            raise CollectionError(template, name=folder.name, why=error) from error
        self.folder = folder.resolve()
        self._broken = False
        with ExitStack() as undo, self._change():
            undo.enter_context(locked(self.folder, wait))
            self.manifest = find_or_make(self.folder, new)
            self._table = ItemTable(self.folder)
            undo.callback(self._table.close)
            self.damage: list[str] = []
            if mend:
                self.manifest, self.damage = quarantine_damage(self.folder, self.manifest, self._table)
            self._load()
            self.cleared = clear(self.folder, self.manifest)
            self._close = undo.pop_all()

    @classmethod
    def existing(cls, folder: Path, wait: float = 0.0, mend: bool = False) -> "Writer":
        """The writer of a collection that is there already. Raises UnknownCollection and as `Writer`."""
        known = read_manifest(folder)[0]
        return cls(
            folder,
            checkpoint=known.checkpoint,
            attributes=known.attributes,
            dim=known.dim,
            root=known.root,
            wait=wait,
            mend=mend,
        )

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the lock."""
        self._close.close()

    def append(
        self,
        items: Sequence[NewItem],
        embeddings: npt.NDArray[np.floating],
        boxes: npt.NDArray[np.integer] | None,
        applicable: npt.NDArray[np.floating] | None = None,
        ids: Sequence[int] | None = None,
        removing: Sequence[int] = (),
        forget: bool = False,
    ) -> list[int]:
        """Add items and, in the same step, remove others (those that they replace); returns the new ids.

        embeddings (n, A, D), unit vectors; boxes (n, A, 4) left, top, right, bottom, zeros where unknown; applicable
        (n, A) how likely the garment has that part, 0 to 1, NaN where unknown; `ids` are taken as they are if given,
        else the next ones; `forget` drops the images from `removed_images`. Raises CollectionError for arrays that are
        malformed and ids that were given before (to removed items too), UnknownItem for one in `removing` that is not
        live.
        """
        if not items:
            self.remove(removing)
            return []
        check_arrays(self.manifest, items, embeddings, boxes, applicable)
        if ids is not None and len(ids) != len(items):
            raise CollectionError("%(ids)d ids were given for %(items)d items.", ids=len(ids), items=len(items))
        gone = self._checked_live(removing)
        with self._change():
            name = self._next_name()
            with self._table.transaction():
                given = self._table.insert(items, ids)
                if forget:
                    self._table.forget(item.sha256 for item in items)
                self._write(name, given, embeddings, boxes, applicable)
            self._live.update(given)
            self._publish((*self.manifest.segments, name), self._removed | gone)
            while count := mergeable([self._sizes[name] for name in self.manifest.segments]):
                self._merge(self.manifest.segments[-count:])
        return given

    def remove(self, ids: Sequence[int], remember: bool = False) -> None:
        """Remove items; `remember` adds their images to `removed_images`. Their vectors stay on disk until `compact`.

        Raises UnknownItem for one that is not live.
        """
        gone = self._checked_live(ids)
        if gone:
            with self._change():
                if remember:  # before the swap: after a crash the same call can be made again
                    self._table.remember(gone)
                self._publish(self.manifest.segments, self._removed | gone)

    def move(self, moves: Mapping[int, tuple[str, Mapping[str, int]]]) -> None:
        """Give items the paths, and the labels if any, that their images have now; an item that had such a path is
        removed. Raises UnknownItem for one that is not live, CollectionError for a path that cannot be stored."""
        if not moves:
            return
        self._checked_live(tuple(moves))
        for path, _ in moves.values():
            if not usable_text(path):
                raise CollectionError("The path %(path)r cannot be stored.", path=path)
        new_paths = {path for path, _ in moves.values()}
        # First, or a crash could leave two items with one path.
        self.remove([known[0] for path, known in self.known().items() if path in new_paths and known[0] not in moves])
        with self._change():
            self._table.move(moves)

    def relocate(self, root: str) -> None:
        """Name another image folder, absolute or relative to the collection's folder."""
        with self._change():
            self._publish(self.manifest.segments, self._removed, root=root)

    def removed_images(self) -> frozenset[str]:
        """Return the hashes of the images that were removed on purpose, which indexing leaves out."""
        with self._change():
            return self._table.remembered()

    def compact(self) -> None:
        """Merge the segments into one, without the vectors of removed items."""
        if len(self.manifest.segments) > 1 or self._removed:
            with self._change():
                self._merge(self.manifest.segments)

    def merge_small_segments(self) -> None:
        """Merge the newest segments, at a cost in proportion to what was added since they were last merged."""
        if count := untidy([self._sizes[name] for name in self.manifest.segments]):
            with self._change():
                self._merge(self.manifest.segments[-count:])

    def put_index(self, make: Callable[[Path], None] | None) -> None:
        """Give the collection the index that `make` writes into an empty folder, or none, in the place of the old one.

        Items never change under their ids, so that an index stays true whatever is added, removed or merged. What
        `make` raises leaves everything as it was.
        """
        name = ""
        if make is not None:
            name = self._next_name()
            temporary = self.folder / INDEX / f"{name}.tmp"
            with self._change():
                shutil.rmtree(temporary, ignore_errors=True)
                temporary.mkdir(parents=True)
            try:
                make(temporary)
            except BaseException as error:
                shutil.rmtree(temporary, ignore_errors=True)
                if isinstance(error, OSError):
                    raise self._unwritten(error) from error
                raise
            with self._change():
                sync_files(temporary)
                temporary.rename(temporary.with_name(name))
                sync_folder(temporary.parent)
        with self._change():
            old = self.manifest.index
            self._publish(self.manifest.segments, self._removed, index=name)
            if old:
                delete(self.folder / INDEX / old)

    def known(self) -> dict[str, tuple[int, int, str]]:
        """path -> (id, bytes, sha256) of the live items."""
        with self._change():
            return {
                path: (item_id, size, sha256)
                for item_id, path, size, sha256 in self._table.files()
                if item_id in self._live
            }

    @contextmanager
    def _change(self) -> Iterator[None]:
        """What fails inside leaves this object behind the disk or ahead of it, so that it cannot be used again."""
        if self._broken:
            raise CollectionError("Writing %(name)s has failed before; open it again.", name=self.folder.name)
        self._broken = True
        try:
            yield
        except RPFError:  # all are raised before anything is changed
            self._broken = False
            raise
        except (OSError, sqlite3.Error) as error:
            raise self._unwritten(error) from error
        self._broken = False

    def _unwritten(self, error: Exception) -> CollectionError:
        return CollectionError("The collection %(name)s cannot be written: %(why)s.", name=self.folder.name, why=error)

    def _load(self) -> None:
        """Take in which items there are, and delete the rows of others."""
        try:
            segments = [self._segment(name) for name in self.manifest.segments]
            removed = open_tombstones(self.folder, self.manifest)
            rows = SegmentView(segments, removed)
        except (OSError, ValueError) as error:
            raise damaged(self.folder, error) from error
        self._sizes = {name: len(segment.ids) for name, segment in zip(self.manifest.segments, segments, strict=True)}
        self._live: set[int] = set(rows.ids.tolist())
        self._removed: set[int] = set(removed.tolist())  # and still in a segment
        self._table.clean(self._live | self._removed)

    def _checked_live(self, ids: Sequence[int]) -> set[int]:
        gone = {int(item_id) for item_id in ids}
        for item_id in sorted(gone - self._live):
            raise UnknownItem("There is no item %(id)d in the collection %(name)s.", id=item_id, name=self.folder.name)
        return gone

    def _next_name(self) -> str:
        return f"{self.manifest.generation + 1:010d}"

    def _segment(self, name: str) -> Segment:
        return open_segment(self.folder, name, len(self.manifest.attributes), self.manifest.dim)

    def _write(
        self,
        name: str,
        ids: Sequence[int],
        embeddings: npt.NDArray[np.floating],
        boxes: npt.NDArray[np.integer] | None,
        applicable: npt.NDArray[np.floating] | None,
    ) -> None:
        order = np.argsort(np.array(ids, np.int64))
        write_segment(
            self.folder,
            name,
            (embeddings.shape[1], len(ids), embeddings.shape[2]),
            np.array(ids, np.int64)[order],
            (embeddings[order, attribute] for attribute in range(embeddings.shape[1])),
            None if boxes is None else boxes[order],
            None if applicable is None else applicable[order],
        )
        self._sizes[name] = len(ids)

    def _publish(
        self, segments: tuple[str, ...], removed: set[int], index: str | None = None, root: str | None = None
    ) -> None:
        """Swap the manifest, and delete what the new one does not name; index and root stay unless others are given."""
        old = self.manifest
        tombstones = old.tombstones
        if removed != self._removed:
            tombstones = f"tombstones-{old.generation + 1}.npy" if removed else ""
        if tombstones not in ("", old.tombstones):
            write_array(self.folder / tombstones, np.int64, (len(removed),), [np.array(sorted(removed))])
            sync_folder(self.folder)
        count = sum(self._sizes[name] for name in segments) - len(removed)
        self.manifest = replace(
            old,
            generation=old.generation + 1,
            count=count,
            segments=segments,
            tombstones=tombstones,
            index=old.index if index is None else index,
            root=old.root if root is None else root,
        )
        write_manifest(self.folder, self.manifest)
        self._live -= removed
        self._removed = removed
        for name in set(old.segments) - set(segments):
            delete(self.folder / FOLDER / name)
            del self._sizes[name]
        if old.tombstones not in ("", tombstones):
            delete(self.folder / old.tombstones)

    def _merge(self, names: Sequence[str]) -> None:
        """Put one segment, without the vectors of removed items, in the place of these."""
        segments = [self._segment(name) for name in names]
        dropped = self._removed & {item_id for segment in segments for item_id in segment.ids.tolist()}
        rows = SegmentView(segments, np.array(sorted(dropped), np.int64))
        self._table.retire(dropped)  # before the swap: a row that is neither known nor retired would be deleted
        kept = tuple(name for name in self.manifest.segments if name not in names)
        if len(rows.ids):
            name, attributes = self._next_name(), len(self.manifest.attributes)
            blocks = (block for attribute in range(attributes) for _, block in rows.chunks(attribute))
            shape = attributes, len(rows.ids), self.manifest.dim
            write_segment(self.folder, name, shape, rows.ids, blocks, rows.all_boxes(), rows.all_applicable())
            self._sizes[name] = len(rows.ids)
            kept = (*kept, name)
        self._publish(kept, self._removed - dropped)
