"""Collection writer: one process at a time, and a crash leaves the old state or the new one.

Each change writes rows in one SQLite transaction and files under new names, syncs them, swaps the manifest, and deletes
the files that it no longer names. No manifest names the leftovers of a crash.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from rpf.collection.cleanup import clear, delete
from rpf.collection.create import check_name_and_spec, find_or_create
from rpf.collection.items import ItemTable, NewItem
from rpf.collection.manifest import CollectionSpec, Manifest, damaged, read_manifest, reporting, write_manifest
from rpf.collection.reader import open_tombstones, write_tombstones
from rpf.collection.recovery import quarantine_damage
from rpf.collection.segment_view import ClassifyVectors, SegmentView, open_live_rows, write_merged
from rpf.collection.segments import (
    SEGMENTS_FOLDER,
    check_arrays,
    count_mergeable,
    count_small,
    open_segment,
    write_segment,
)  # fmt: skip
from rpf.errors import CollectionError, RPFError, UnknownItem
from rpf.utils.locks import locked
from rpf.utils.text import usable_text


class Writer(AbstractContextManager["Writer"]):
    """Exclusive writer of a collection, for one thread: a context manager, opened by `Writer.open`.

    Every method raises CollectionError when the collection cannot be written (a full disk, no permission); after that,
    and after an interrupt, the writer refuses further use.
    """

    def __init__(self, folder: Path, manifest: Manifest, table: ItemTable, damage: list[str]) -> None:
        """Load the ids of the items, and delete other rows. Raises CollectionError for a damaged collection."""
        self.folder, self.manifest = folder, manifest
        self.damage = damage  # what was quarantined
        self.cleared = 0  # leftovers that were deleted
        self._table = table
        self._broken = False
        self._close = ExitStack()
        try:
            segments = [open_segment(folder, name, manifest.spec) for name in manifest.segments]
            removed = open_tombstones(folder, manifest)
            rows = SegmentView(manifest.spec, segments, removed)
        except (OSError, ValueError) as error:
            raise damaged(folder, error) from error
        self._sizes = {name: len(segment.ids) for name, segment in zip(manifest.segments, segments, strict=True)}
        self.live_ids: set[int] = set(rows.ids.tolist())  # of the items; for others to read
        self._removed: set[int] = set(removed.tolist())  # and still in a segment
        if not manifest.incomplete:
            table.clean(self.live_ids | self._removed)

    @classmethod
    def open(
        cls, folder: Path, spec: CollectionSpec | None = None, *, wait: float = 0.0, repair: bool = False
    ) -> "Writer":
        """Lock the collection and delete what a crash left; with a spec, create it if it does not exist.

        With `repair`, what is damaged is quarantined (see rpf.collection.recovery). A collection of format 1 gets a
        uuid. Raises CollectionError if another process still writes it after `wait` seconds, if it is damaged, or if
        it has other facts than `spec`; UnknownCollection if there is none and no spec.
        """
        if spec is None:
            read_manifest(folder)  # before the lock, which would make the folder
        else:
            check_name_and_spec(folder, spec)
        folder = folder.resolve()
        with ExitStack() as resources, reporting(folder):
            resources.enter_context(locked(folder, wait))
            manifest = find_or_create(folder, spec)
            table = ItemTable(folder)
            resources.callback(table.close)
            manifest, damage = quarantine_damage(folder, manifest, table) if repair else (manifest, [])
            writer = cls(folder, manifest, table, damage)
            if not manifest.uuid:
                writer._publish()
            writer.cleared = clear(folder, writer.manifest)
            writer._close = resources.pop_all()
        return writer

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock."""
        self._close.close()

    def append(
        self,
        items: Sequence[NewItem],
        embeddings: npt.NDArray[np.floating],
        boxes: npt.NDArray[np.integer] | None,
        presence: npt.NDArray[np.floating] | None = None,
        values: npt.NDArray[np.floating] | None = None,
        ids: Sequence[int] | None = None,
        removing: Sequence[int] = (),
        forget: bool = False,
        fingerprints: Sequence[bytes] = (),
    ) -> list[int]:
        """Add items and, in the same step, remove others (those that they replace). Returns the new ids.

        embeddings (n, A, D), unit vectors; boxes (n, A, 4) left, top, right, bottom, zeros where unknown; presence
        (n, A) and values (n, A, V) probabilities, NaN where unknown; `ids` are used as they are if given, else the next
        ones; `forget` drops the images from `removed_images`; fingerprints: of all images (see
        rpf.images.near_duplicates), or none. Raises CollectionError for malformed arrays and for ids that were given
        before (to removed items too), UnknownItem for one in `removing` that is not live.
        """
        if not items:
            self.remove(removing)
            return []
        check_arrays(self.manifest.spec, items, embeddings, boxes, presence, values)
        if ids is not None and len(ids) != len(items):
            raise CollectionError("%(ids)d ids were given for %(items)d items.", ids=len(ids), items=len(items))
        removed = self._require_live(removing)
        with self._change():
            name = f"{self.manifest.generation + 1:010d}"
            with self._table.transaction():
                new_ids = self._table.insert(items, ids)
                if forget:
                    self._table.forget(item.sha256 for item in items)
                if fingerprints:
                    self._table.insert_fingerprints(new_ids, fingerprints)
                write_segment(self.folder, name, new_ids, embeddings, boxes, presence, values)
            self._sizes[name] = len(items)
            self.live_ids.update(new_ids)
            self._publish((*self.manifest.segments, name), self._removed | removed)
            if self.manifest.incomplete:  # these items no longer wait to be re-embedded
                paths = {item.path for item in items}
                self._table.retire(item_id for item_id, path in self._waiting() if path in paths)
            while count := count_mergeable([self._sizes[name] for name in self.manifest.segments]):
                self._merge(self.manifest.segments[-count:])
        return new_ids

    def remove(self, ids: Sequence[int], remember: bool = False) -> None:
        """Remove items; `remember` adds their images to `removed_images`. Their vectors stay on disk until `optimize`.

        Raises UnknownItem for one that is not live.
        """
        if removed := self._require_live(ids):
            with self._change():
                if remember:  # before the swap: after a crash the same call can be made again
                    self._table.remember(removed)
                self._publish(self.manifest.segments, self._removed | removed)

    def move(self, moves: Mapping[int, tuple[str, Mapping[str, int]]]) -> None:
        """Change the paths, and the labels if any, of items whose images were moved. Other items under the new paths
        are removed. Raises UnknownItem for one that is not live, CollectionError for a path that cannot be stored."""
        self._require_live(tuple(moves))
        paths = {path for path, _ in moves.values()}
        for path in paths:
            if not usable_text(path):
                raise CollectionError("The path %(path)r cannot be stored.", path=path)
        if moves:
            # First, or a crash could leave two items with one path.
            self.remove([entry[0] for path, entry in self.known().items() if path in paths and entry[0] not in moves])
            with self._change():
                self._table.move(moves)

    def relocate(self, root: str) -> None:
        """Set another image folder, absolute or relative to the collection's folder."""
        with self._change():
            self._publish(spec=replace(self.manifest.spec, root=root))

    def removed_images(self) -> frozenset[str]:
        """Return the hashes of the images that were removed on purpose, which indexing leaves out."""
        with self._change():
            return self._table.remembered()

    def without_fingerprint(self) -> list[tuple[int, str]]:
        """Return (id, path) of the items that were added without a fingerprint, in the order of their ids."""
        with self._change():
            return [row for row in self._table.without_fingerprint() if row[0] in self.live_ids]

    def add_fingerprints(self, fingerprints: Mapping[int, bytes]) -> None:
        """Add the fingerprints of items that have none."""
        with self._change():
            with self._table.transaction():
                self._table.insert_fingerprints(tuple(fingerprints), tuple(fingerprints.values()))
            self._publish()

    def optimize(self, classify: ClassifyVectors | None = None) -> None:
        """Merge the segments into one, without removed items; `classify` gives the items' values, where they differ."""
        with self._change():
            rows, _ = open_live_rows(self.folder, self.manifest.segments, self.manifest.spec, self._removed)
            if len(self.manifest.segments) > 1 or self._removed or (classify and not rows.has_values_of(classify)):
                self._merge(self.manifest.segments, classify)

    def replace_embeddings(self, source: "Writer") -> None:
        """Swap the embeddings of all items for those under their ids in `source`, and take its checkpoint, attributes
        and dimension. Items that it lacks are removed. Raises UnknownItem for an id that is not live."""
        ids = self._require_live(tuple(source.live_ids))
        changes = {key: getattr(source.manifest.spec, key) for key in ("checkpoint", "attributes", "dim")}
        with self._change():
            rows, _ = open_live_rows(source.folder, source.manifest.segments, source.manifest.spec, source._removed)
            self._table.retire(self._removed | (self.live_ids - ids))  # as in `_merge`
            self.live_ids = ids
            self._publish(self._write(rows), set(), spec=replace(self.manifest.spec, **changes))

    def merge_small_segments(self) -> None:
        """Merge the newest segments, at a cost in proportion to what was added since the last merge."""
        if count := count_small([self._sizes[name] for name in self.manifest.segments]):
            with self._change():
                self._merge(self.manifest.segments[-count:])

    def complete(self) -> None:
        """Give up the items that still wait to be re-embedded."""
        if self.manifest.incomplete:
            with self._change():
                self._table.retire(item_id for item_id, _ in self._waiting())
                self._publish(incomplete=False)

    def known(self) -> dict[str, tuple[int, int, str]]:
        """Return path -> (id, bytes, sha256) of the live items."""
        with self._change():
            return {
                path: (item_id, size, sha256)
                for item_id, path, size, sha256 in self._table.files()
                if item_id in self.live_ids
            }

    @contextmanager
    def _change(self) -> Iterator[None]:
        """After a failure the in-memory state may differ from the disk; the writer refuses further use."""
        if self._broken:
            raise CollectionError("Writing %(name)s has failed before; open it again.", name=self.folder.name)
        self._broken = True
        with reporting(self.folder):
            try:
                yield
            except RPFError:  # all are raised before anything is changed
                self._broken = False
                raise
        self._broken = False

    def _require_live(self, ids: Sequence[int]) -> set[int]:
        wanted = {int(item_id) for item_id in ids}
        for item_id in sorted(wanted - self.live_ids):
            raise UnknownItem("There is no item %(id)d in the collection %(name)s.", id=item_id, name=self.folder.name)
        return wanted

    def _waiting(self) -> list[tuple[int, str]]:
        """Return (id, path) of all rows without vectors, retired ones too."""
        stored = self.live_ids | self._removed
        return [(item_id, path) for item_id, path, _, _ in self._table.files() if item_id not in stored]

    def _publish(
        self, segments: tuple[str, ...] | None = None, removed: set[int] | None = None, **changes: Any
    ) -> None:
        """Swap the manifest, with these changes, and delete the files that the new one does not name."""
        old = self.manifest
        segments = old.segments if segments is None else segments
        removed = self._removed if removed is None else removed
        tombstones = old.tombstones
        if removed != self._removed:
            tombstones = write_tombstones(self.folder, old.generation + 1, removed)
        self.manifest = replace(
            old,
            generation=old.generation + 1,
            count=sum(self._sizes[name] for name in segments) - len(removed),
            segments=segments,
            tombstones=tombstones,
            uuid=old.uuid or uuid4().hex,
            **changes,
        )
        write_manifest(self.folder, self.manifest)
        self.live_ids -= removed
        self._removed = removed
        for name in set(old.segments) - set(segments):
            delete(self.folder / SEGMENTS_FOLDER / name)
            del self._sizes[name]
        if old.tombstones not in ("", tombstones):
            delete(self.folder / old.tombstones)

    def _merge(self, names: Sequence[str], classify: ClassifyVectors | None = None) -> None:
        """Replace these segments by one without the vectors of removed items."""
        rows, dropped = open_live_rows(self.folder, names, self.manifest.spec, self._removed)
        self._table.retire(dropped)  # before the swap: a row that is neither known nor retired would be deleted
        remaining = tuple(name for name in self.manifest.segments if name not in names)
        self._publish((*remaining, *self._write(rows, classify)), self._removed - dropped)

    def _write(self, rows: SegmentView, classify: ClassifyVectors | None = None) -> tuple[str, ...]:
        """Write a segment of these items, if any, and return its name for the manifest."""
        if not len(rows.ids):
            return ()
        name = f"{self.manifest.generation + 1:010d}"
        write_merged(self.folder, name, rows, rows.classify(classify) if classify else rows.all_values())
        self._sizes[name] = len(rows.ids)
        return (name,)
