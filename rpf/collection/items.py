"""The items table, in SQLite.

A row changes only where its image was moved, then in its path and labels. A removed item keeps its row until an hour
after its vectors were dropped, so that a snapshot opened before can still answer. WAL, because a reader of a rollback
journal waits for commits and, opened read-only, cannot get past the journal of a killed writer.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rpf.collection import originals
from rpf.collection.manifest import damaged
from rpf.errors import CollectionError
from rpf.utils.sqlite import BUSY_SECONDS, check_tables, open_read_only, transaction
from rpf.utils.text import usable_text

ITEMS_FILE = "items.sqlite"
MAX_ID = 2**53 - 1  # the largest integer that every reader of JSON keeps exactly
RETIRED_SECONDS = 3600  # that the row of a removed item outlives its vectors
_TABLES = {
    "items": "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, sha256 TEXT NOT NULL, "
    "bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, labels TEXT NOT NULL)",
    # Ids whose vectors are gone, and since when (Unix seconds): never given again.
    "retired": "CREATE TABLE retired (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
    # Images that were removed on purpose: indexing leaves them out.
    "removed": "CREATE TABLE removed (sha256 TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
    **originals.TABLES,
}
_EARLIER_TABLES = [{name: _TABLES[name] for name in list(_TABLES)[:count]} for count in (2, 3)]
_COLUMNS = "id, path, sha256, bytes, width, height, labels"


@dataclass(frozen=True)
class NewItem:
    """An item to be added."""

    path: str  # posix, relative to the collection's image root; "" if there is no image
    sha256: str  # of the file
    bytes: int  # of the file
    width: int  # pixels of the image as `open_image` gives it (upright; the largest are reduced)
    height: int
    labels: dict[str, int]  # attribute key -> value


@dataclass(frozen=True)
class Item(NewItem):
    """An item of a collection."""

    id: int


def check_item_tables(connection: sqlite3.Connection) -> None:
    """Raise ValueError unless the database has our tables and nothing else."""
    check_tables(connection, ITEMS_FILE, _TABLES, *_EARLIER_TABLES)


def last_id(folder: Path) -> int:
    """Return the largest id that was ever given, 0 if none was. Raises CollectionError for a damaged table."""
    try:
        with open_read_only(folder / ITEMS_FILE) as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
            return int(row[0]) if row else 0
    except (sqlite3.Error, ValueError) as error:
        raise _unreadable(folder, error) from error


def read_items(folder: Path, ids: Sequence[int]) -> dict[int, Item]:
    """Return the items with these ids, as far as they have rows. Raises CollectionError for a damaged table."""
    query = f"SELECT {_COLUMNS} FROM items WHERE id IN (SELECT value FROM json_each(?))"
    try:
        with open_read_only(folder / ITEMS_FILE) as connection:
            return {row[0]: _item(row) for row in connection.execute(query, [json.dumps(ids)])}
    except (sqlite3.Error, ValueError, RecursionError) as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, why: object) -> CollectionError:
    return CollectionError("The items of the collection %(name)s cannot be read: %(why)s.", name=folder.name, why=why)


def read_rows(folder: Path) -> tuple[dict[int, Item], set[int]]:
    """Return all well-formed rows by id, and the retired ids.

    Raises sqlite3.Error or ValueError for a database that is missing or damaged.
    """
    rows: dict[int, Item] = {}
    with open_read_only(folder / ITEMS_FILE) as connection:
        check_item_tables(connection)
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise ValueError(f"{ITEMS_FILE}: {' '.join(result.split())}")
        for row in connection.execute(f"SELECT {_COLUMNS} FROM items"):
            with suppress(ValueError, RecursionError):
                rows[row[0]] = _item(row)
        retired = {row[0] for row in connection.execute("SELECT id FROM retired")}
    return rows, retired


def _item(row: tuple[Any, ...]) -> Item:
    """Convert a row to an item. SQLite columns hold any type, so each value is checked."""
    item_id, path, sha256, size, width, height, labels = row
    texts = all(isinstance(value, str) for value in (path, sha256, labels))
    if not texts or not all(isinstance(value, int) for value in (size, width, height)):
        raise ValueError(f"the row of item {item_id} is malformed")
    values = json.loads(labels)
    if not isinstance(values, dict) or not all(type(value) is int for value in values.values()):
        raise ValueError(f"the labels of item {item_id} are malformed")
    return Item(path, sha256, size, width, height, values, item_id)


def _labels(labels: Mapping[str, int]) -> str:
    return json.dumps({key: int(value) for key, value in labels.items()})


class ItemTable:
    """The items table of the writer. Raises sqlite3.Error, OSError and CollectionError."""

    def __init__(self, folder: Path, new: bool = False) -> None:
        """With `new`, create missing tables; otherwise a file without them is damaged, or ids would be given again."""
        self._connection = sqlite3.connect(folder / ITEMS_FILE, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._connection.execute("PRAGMA trusted_schema = OFF")
            if new and not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                with self.transaction():
                    for statement in _TABLES.values():
                        self._connection.execute(statement)
            check_item_tables(self._connection)
            # FULL, because the manifest must never outlive the rows it counts on, not even when the power fails.
            self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            tables = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
            with self.transaction():
                for name in _TABLES.keys() - tables:
                    self._connection.execute(_TABLES[name])
        except (ValueError, sqlite3.DatabaseError) as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):  # such as a full disk
                raise
            raise damaged(folder, error) from error

    def close(self) -> None:
        self._connection.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all changes of the block, or none."""
        return transaction(self._connection)

    def insert(self, items: Sequence[NewItem], ids: Sequence[int] | None) -> list[int]:
        """Add rows, under these ids or the next ones, and return the ids.

        Raises CollectionError for an id that is out of range or was given before, and for a text SQLite cannot hold.
        """
        if ids is None:
            row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
            first = row[0] + 1 if row else 1
            ids = range(first, first + len(items))
        new_ids = [int(item_id) for item_id in ids]
        used = "SELECT 1 FROM items WHERE id = ? UNION SELECT 1 FROM retired WHERE id = ?"
        for item_id, item in zip(new_ids, items, strict=True):
            if not 0 <= item_id <= MAX_ID:
                raise CollectionError("The id %(id)d is not in 0 to %(last)d.", id=item_id, last=MAX_ID)
            if not usable_text(item.path):
                raise CollectionError('The path "%(path)s" cannot be stored.', path=item.path)
            if self._connection.execute(used, (item_id, item_id)).fetchone():
                raise CollectionError("The id %(id)d was given before.", id=item_id)
            self._connection.execute(
                f"INSERT INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item_id, item.path, item.sha256, item.bytes, item.width, item.height, _labels(item.labels)),
            )
        return new_ids

    def insert_fingerprints(self, ids: Sequence[int], fingerprints: Sequence[bytes]) -> None:
        """Find out which of these items, in their order, are near-duplicates of others; inside a transaction."""
        self._originals.insert(ids, fingerprints)

    def without_fingerprint(self) -> list[tuple[int, str]]:
        """Return (id, path) of the items whose near-duplicates were never looked for, in the order of their ids."""
        known = "SELECT id FROM originals UNION ALL SELECT id FROM copies"
        query = f"SELECT id, path FROM items WHERE path <> '' AND id NOT IN ({known}) ORDER BY id"
        return self._connection.execute(query).fetchall()

    @cached_property
    def _originals(self) -> originals.Originals:
        return originals.Originals(self._connection)

    def retire(self, ids: Iterable[int]) -> None:
        """Record that the vectors of these items are about to be dropped, or are lost."""
        now = int(time.time())
        with self.transaction():
            self._connection.executemany("INSERT OR IGNORE INTO retired VALUES (?, ?)", [(item, now) for item in ids])

    def clean(self, known: set[int]) -> None:
        """Delete the rows of other items than these: leftovers of a crashed append, and rows retired long ago."""
        query = "SELECT id FROM items LEFT JOIN retired USING (id) WHERE at IS NULL OR at < ?"
        with self.transaction():
            rows = self._connection.execute(query, (int(time.time()) - RETIRED_SECONDS,))
            leftovers = [row for row in rows if row[0] not in known]
            self._connection.executemany("DELETE FROM items WHERE id = ?", leftovers)
            if leftovers:
                originals.delete_leftovers(self._connection)

    def move(self, moves: Mapping[int, tuple[str, Mapping[str, int]]]) -> None:
        """Give items other paths, and other labels where there are any, in one transaction."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE items SET path = ?, labels = coalesce(?, labels) WHERE id = ?",
                [(path, _labels(labels) if labels else None, item_id) for item_id, (path, labels) in moves.items()],
            )

    def remember(self, ids: Iterable[int]) -> None:
        """Record the images of these items as removed on purpose."""
        query = "INSERT OR IGNORE INTO removed SELECT sha256 FROM items WHERE id = ? AND sha256 <> ''"
        with self.transaction():
            self._connection.executemany(query, [(item_id,) for item_id in ids])

    def forget(self, hashes: Iterable[str]) -> None:
        """Drop images from those removed on purpose; inside a transaction."""
        self._connection.executemany("DELETE FROM removed WHERE sha256 = ?", [(sha256,) for sha256 in hashes])

    def remembered(self) -> frozenset[str]:
        """Return the hashes of the images that were removed on purpose."""
        return frozenset(sha256 for (sha256,) in self._connection.execute("SELECT sha256 FROM removed"))

    def files(self) -> Iterator[tuple[int, str, int, str]]:
        """Yield (id, path, bytes, sha256) of every row, also of removed items."""
        yield from self._connection.execute("SELECT id, path, bytes, sha256 FROM items ORDER BY id")
