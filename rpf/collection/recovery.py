"""Recovery of a damaged collection: the readable segments stay, and the items of the others wait to be re-embedded.

The items table is the list of them: while the manifest says `incomplete`, each row without a vector is an item that
waits. The manifest is swapped for one without the damaged segments first, so that the collection opens; cleanup deletes
their files then. A crash at any line leaves a collection that can be repaired again.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rpf.collection.items import Item, ItemTable, read_rows
from rpf.collection.manifest import Manifest, damaged, write_manifest
from rpf.collection.reader import Collection, open_tombstones, write_tombstones
from rpf.collection.segments import open_segment


@dataclass(frozen=True)
class DamageReport:
    """The readable part of a collection, and what is damaged."""

    readable: Manifest  # without the damaged segments; its tombstones are still to be written
    removed: set[int]  # removed items in readable segments
    superseded: set[int]  # rows without vectors that are not to be re-embedded
    damage: list[str]  # a line each


def survey_damage(folder: Path, manifest: Manifest) -> DamageReport:
    """Check the files of the collection in `folder` without reading embeddings.

    Raises CollectionError where nothing can be repaired: the items table cannot be read, or the system refuses.
    """
    folder = folder.resolve()
    try:
        rows, retired = read_rows(folder)
        damage, present, segments = _read_segments(folder, manifest)
        unreadable = bool(damage)
        try:
            removed = set(open_tombstones(folder, manifest).tolist())
        except (FileNotFoundError, ValueError) as error:
            damage.append(f"The list of removed items cannot be read ({_why(error)}): some of them are back.")
            removed = _superseded([rows[item_id] for item_id in sorted(present) if item_id in rows])
    except (OSError, sqlite3.Error, ValueError) as error:
        raise damaged(folder, _why(error)) from error
    if not removed <= present and not unreadable:
        damage.append("The list of removed items names some that do not exist.")
    incomplete = manifest.incomplete or unreadable
    lost = rows.keys() - present - retired if incomplete else set()
    live = {rows[item_id].path for item_id in present - removed if item_id in rows}
    waiting = _waiting((rows[item_id] for item_id in sorted(lost - removed)), live)
    removed &= present
    count = len(present) - len(removed)
    if count != manifest.count and not damage:
        damage.append(f"The manifest counts {manifest.count} items where there are {count}.")
    readable = replace(
        manifest,
        generation=manifest.generation + 1,
        count=count,
        segments=segments,
        tombstones="",
        incomplete=incomplete,
    )
    return DamageReport(readable, removed, lost.difference(item.id for item in waiting), damage)


def quarantine_damage(folder: Path, manifest: Manifest, table: ItemTable) -> tuple[Manifest, list[str]]:
    """Replace a manifest that does not open by one that does. Returns the manifest on disk, and what was damaged.

    Raises OSError, sqlite3.Error, CollectionError.
    """
    survey = survey_damage(folder, manifest)
    if not survey.damage:
        return manifest, []
    table.retire(survey.superseded)  # before the swap, after which the removed ones could not be told from the others
    tombstones = write_tombstones(folder, survey.readable.generation, survey.removed)
    readable = replace(survey.readable, tombstones=tombstones)
    write_manifest(folder, readable)
    return readable, survey.damage


def find_waiting(collection: Collection, rows: dict[int, Item], retired: set[int]) -> list[Item]:
    """Return the items that wait to be re-embedded, from the rows of the collection, by id."""
    if not collection.manifest.incomplete:
        return []
    live = set(collection.ids.tolist())
    lost = (rows[item_id] for item_id in sorted(rows.keys() - live - retired - {*collection.removed_ids.tolist()}))
    return _waiting(lost, {rows[item_id].path for item_id in live if item_id in rows})


def _waiting(lost: Iterable[Item], live_paths: set[str]) -> list[Item]:
    """Leave out, of rows without vectors, those whose image is the item of another row by now."""
    items = [item for item in lost if not item.path or item.path not in live_paths]
    superseded = _superseded(items)
    return [item for item in items if item.id not in superseded]


def _read_segments(folder: Path, manifest: Manifest) -> tuple[list[str], set[int], tuple[str, ...]]:
    """Return the damage of segments, the ids in the readable ones, and the names of those.

    Raises OSError where the system refuses (no permission, a failing disk): the segment may be intact.
    """
    damage: list[str] = []
    present: set[int] = set()
    names: list[str] = []
    for name in manifest.segments:
        try:
            ids = open_segment(folder, name, manifest.spec).ids.tolist()
            if not present.isdisjoint(ids):
                raise ValueError("an id is in two segments")
        except (FileNotFoundError, ValueError) as error:
            damage.append(f"Segment {name} cannot be read: {_why(error)}.")
        else:
            names.append(name)
            present.update(ids)
    return damage, present, tuple(names)


def _superseded(items: Sequence[Item]) -> set[int]:
    """Return the ids, of items by ascending id, whose path a later item has."""
    newest = {item.path: item.id for item in items}
    return {item.id for item in items if item.path and item.id != newest[item.path]}


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{Path(error.filename).name}: {error.strerror}"
    return str(error)
