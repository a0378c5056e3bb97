"""A collection too damaged to be opened: what is whole stays, the rest is noted as lost and set aside.

In this order, so that a crash anywhere leaves what can be mended again: the list of the lost items is written
(lost.json), then the manifest is swapped for one without the damaged segments, which opens; then the next clearing
deletes those. The list stays until its items are embedded anew.
"""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from rpf.collection.items import Item, ItemTable, every_row
from rpf.collection.manifest import Manifest, damaged, write_manifest
from rpf.collection.reader import open_tombstones
from rpf.collection.segments import open_segment
from rpf.utils.arrays import write_array
from rpf.utils.files import sync_folder, write_atomic
from rpf.utils.text import usable_text

FILE = "lost.json"


@dataclass(frozen=True)
class Lost:
    """An item whose vectors could not be read."""

    id: int
    path: str
    labels: dict[str, int]


@dataclass(frozen=True)
class DamageReport:
    """What is whole of a collection, and what is not."""

    whole: Manifest  # without what is damaged; its tombstones are still to be written
    removed: set[int]  # of the items in the segments that are whole
    gone: set[int]  # the rows whose vectors cannot be read
    lost: list[Lost]  # those of them that were not removed
    damage: list[str]  # a line each; nothing is damaged if there is none


def survey(folder: Path, manifest: Manifest) -> DamageReport:
    """Look at the files that make the collection in `folder`; no embeddings are read.

    Raises CollectionError where nothing can be mended: the table of items cannot be read, or the system refuses.
    """
    folder = folder.resolve()
    try:
        rows, retired = every_row(folder)
        damage, there, segments = _readable(folder, manifest)
        unreadable = bool(damage)
        try:
            removed = set(open_tombstones(folder, manifest).tolist())
        except (FileNotFoundError, ValueError) as error:
            damage.append(f"The list of removed items cannot be read ({_why(error)}): some of them are back.")
            removed = _replaced(rows[item_id] for item_id in sorted(there) if item_id in rows)
    except (OSError, sqlite3.Error, ValueError) as error:
        raise damaged(folder, _why(error)) from error
    if not removed <= there and not unreadable:
        damage.append("The list of removed items names some that are not there.")
    # Rows that no segment explains are those of the damaged ones; or of an append that a crash cut off, whose pictures
    # were to become items as well.
    gone = rows.keys() - there - retired if unreadable else set()
    living = {rows[item_id].path for item_id in there - removed if item_id in rows} - {""}
    lost = [rows[item_id] for item_id in sorted(gone - removed) if rows[item_id].path not in living]
    superseded = _replaced(lost)
    removed &= there
    count = len(there) - len(removed)
    if count != manifest.count and not damage:
        damage.append(f"The manifest counts {manifest.count} items where there are {count}.")
    return DamageReport(
        replace(manifest, generation=manifest.generation + 1, count=count, segments=segments, tombstones=""),
        removed,
        gone,
        [Lost(item.id, item.path, item.labels) for item in lost if item.id not in superseded],
        damage,
    )


def quarantine_damage(folder: Path, manifest: Manifest, table: ItemTable) -> tuple[Manifest, list[str]]:
    """Put a manifest that opens in the place of one that does not; returns the one that is now on disk, and what was
    damaged. For the writer. Raises OSError, sqlite3.Error, CollectionError."""
    found = survey(folder, manifest)
    if not found.damage:
        return manifest, []
    if found.lost:
        write_lost(folder, {lost.id: lost for lost in (*read_lost(folder), *found.lost)}.values())
    table.retire(found.gone)  # their ids are not given again, and a snapshot opened before can still answer
    whole = found.whole
    if found.removed:
        whole = replace(whole, tombstones=f"tombstones-{whole.generation}.npy")
        write_array(folder / whole.tombstones, np.int64, (len(found.removed),), [np.array(sorted(found.removed))])
        sync_folder(folder)
    write_manifest(folder, whole)
    return whole, found.damage


def read_lost(folder: Path) -> list[Lost]:
    """The items that wait to be embedded anew. What is not such a list, as only a stranger writes, counts as none."""
    try:
        data = json.loads((folder / FILE).read_bytes())
        lost = [Lost(item_id, path, dict(labels)) for item_id, path, labels in data]
    except (OSError, ValueError, TypeError, RecursionError):
        return []
    return [own for own in lost if _sound(own)]


def write_lost(folder: Path, lost: Iterable[Lost]) -> None:
    """Replace the list of items that wait to be embedded anew; an empty one is deleted."""
    if listed := [astuple(own) for own in lost]:
        write_atomic(folder / FILE, json.dumps(listed).encode())
    else:
        (folder / FILE).unlink(missing_ok=True)
        sync_folder(folder)


def _readable(folder: Path, manifest: Manifest) -> tuple[list[str], set[int], tuple[str, ...]]:
    """What is wrong with segments, the ids in the others, and the names of those. Raises OSError where the system
    refuses (no permission, a failing disk): then it is not known what is damaged."""
    damage: list[str] = []
    there: set[int] = set()
    names: list[str] = []
    for name in manifest.segments:
        try:
            ids = open_segment(folder, name, len(manifest.spec.attributes), manifest.spec.dim).ids.tolist()
            if not there.isdisjoint(ids):
                raise ValueError("an id is in two segments")
        except (FileNotFoundError, ValueError) as error:
            damage.append(f"Segment {name} cannot be read: {_why(error)}.")
        else:
            names.append(name)
            there.update(ids)
    return damage, there, tuple(names)


def _replaced(items: Iterable[Item]) -> set[int]:
    """Of the items, by ascending id, those whose path a later one has: it took their place."""
    newest: dict[str, int] = {}
    replaced: set[int] = set()
    for item in items:
        if item.path and item.path in newest:
            replaced.add(newest[item.path])
        newest[item.path] = item.id
    return replaced


def _sound(lost: Lost) -> bool:
    numbers = (lost.id, *lost.labels.values())
    texts = (lost.path, *lost.labels)
    return all(type(number) is int for number in numbers) and all(
        isinstance(text, str) and usable_text(text) for text in texts
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{Path(error.filename).name}: {error.strerror}"
    return str(error)
