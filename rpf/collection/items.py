"""The items' table in SQLite.

A row changes only where its image was moved, then in its path and labels. A removed item keeps its row until an hour
after its vectors were dropped, so that a snapshot opened before can still answer. WAL, because a reader of a rollback
journal waits for commits and, opened read-only, cannot get past the journal of a killed writer.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpf.collection.manifest import damaged
from rpf.errors import CollectionError
from rpf.utils.text import usable_text

FILE = "items.sqlite"
MAX_ID = 2**53 - 1  # the largest integer that every reader of JSON keeps exactly
GRACE = 3600  # seconds
BUSY = 60  # seconds to wait for the moments in which SQLite recovers or deletes its log
_AT_ONCE = 500
_TABLES = {
    "items": "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, sha256 TEXT NOT NULL, "
    "bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, labels TEXT NOT NULL)",
    # The ids whose vectors are gone, and since when (Unix seconds): they are not given again.
    "retired": "CREATE TABLE retired (id INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
    # The images that were removed on purpose: indexing leaves them out.
    "removed": "CREATE TABLE removed (sha256 TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID",
}
_EARLIER_TABLES = {name: _TABLES[name] for name in ("items", "retired")}  # in collections made before `removed`
_COLUMNS = "id, path, sha256, bytes, width, height, labels"


@dataclass(frozen=True)
class NewItem:
    """An item to be added."""

    path: str  # posix, relative to the collection's image root; "" if there is no picture
    sha256: str  # of the file
    bytes: int  # of the file
    width: int  # pixels of the picture as `open_image` gives it (upright; the largest are reduced)
    height: int
    labels: dict[str, int]  # attribute key -> value


@dataclass(frozen=True)
class Item:
    """An item of a collection: a NewItem that has its id."""

    id: int
    path: str
    sha256: str
    bytes: int
    width: int
    height: int
    labels: dict[str, int]


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to the items of the collection in `folder`, for one call in one thread.

    Raises sqlite3.Error when the file is missing or malformed.
    """
    path = folder.resolve() / FILE
    options, mode = "mode=ro", "NORMAL"
    if not os.access(folder, os.W_OK):
        # Where SQLite cannot make the log's index, which every writer has: without a log nothing changes, and the log
        # of a killed writer is read by an index in memory, which locks that do nothing allow.
        if not path.with_name(f"{FILE}-wal").exists():
            options += "&immutable=1"
        elif not path.with_name(f"{FILE}-shm").exists():
            options, mode = options + "&vfs=unix-none", "EXCLUSIVE"
    connection = sqlite3.connect(f"{path.as_uri()}?{options}", uri=True, timeout=BUSY, isolation_level=None)
    try:
        connection.execute(f"PRAGMA locking_mode = {mode}")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        yield connection
    finally:
        connection.close()


def check_tables(connection: sqlite3.Connection) -> None:
    """Raise ValueError unless the database has our tables and nothing else: no view, trigger or virtual table."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence'").fetchall()
    if len(rows) != len(dict(rows)) or dict(rows) not in (_TABLES, _EARLIER_TABLES):
        raise ValueError(f"{FILE} has other tables than expected")


def last_id(folder: Path) -> int:
    """Return the largest id that was ever given, 0 if none was. Raises CollectionError for a damaged table."""
    try:
        with reading(folder) as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
            return int(row[0]) if row else 0
    except (sqlite3.Error, ValueError) as error:
        raise _unreadable(folder, error) from error


def fetch(folder: Path, ids: Sequence[int]) -> dict[int, Item]:
    """The items with these ids, as far as they have rows. Raises CollectionError for a damaged table."""
    found: dict[int, Item] = {}
    try:
        with reading(folder) as connection:
            for start in range(0, len(ids), _AT_ONCE):
                part = ids[start : start + _AT_ONCE]
                marks = ",".join("?" * len(part))
                for row in connection.execute(f"SELECT {_COLUMNS} FROM items WHERE id IN ({marks})", part):
                    found[row[0]] = _item(row)
    except (sqlite3.Error, ValueError, RecursionError) as error:
        raise _unreadable(folder, error) from error
    return found


def _unreadable(folder: Path, why: object) -> CollectionError:
    return CollectionError("The items of the collection %(name)s cannot be read: %(why)s.", name=folder.name, why=why)


def every_row(folder: Path) -> tuple[dict[int, Item], set[int]]:
    """All rows that are well-formed, by id, and the ids that are retired. For who looks for damage.

    Raises sqlite3.Error or ValueError for a database that is missing or damaged.
    """
    rows: dict[int, Item] = {}
    with reading(folder) as connection:
        check_tables(connection)
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise ValueError(f"{FILE}: {' '.join(said.split())}")
        for row in connection.execute(f"SELECT {_COLUMNS} FROM items"):
            with suppress(ValueError, RecursionError):
                rows[row[0]] = _item(row)
        retired = {row[0] for row in connection.execute("SELECT id FROM retired")}
    return rows, retired


def _item(row: tuple[Any, ...]) -> Item:
    """A row as an item. SQLite's columns hold any type, so each is looked at."""
    item_id, path, sha256, size, width, height, labels = row
    texts = all(isinstance(value, str) for value in (path, sha256, labels))
    if not texts or not all(isinstance(value, int) for value in (size, width, height)):
        raise ValueError(f"the row of item {item_id} is malformed")
    values = json.loads(labels)
    if not isinstance(values, dict) or not all(type(value) is int for value in values.values()):
        raise ValueError(f"the labels of item {item_id} are malformed")
    return Item(item_id, path, sha256, size, width, height, values)


def _labels(labels: Mapping[str, int]) -> str:
    return json.dumps({key: int(value) for key, value in labels.items()})


class ItemTable:
    """The table as the writer uses it. Raises sqlite3.Error and OSError as they come, and CollectionError."""

    def __init__(self, folder: Path, new: bool = False) -> None:
        """`new` makes the tables, if need be; else a file without them is damaged: ids would be given again."""
        self._connection = sqlite3.connect(folder / FILE, timeout=BUSY, isolation_level=None)
        try:
            self._connection.execute("PRAGMA trusted_schema = OFF")
            if new and not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                with self.transaction():
                    for statement in _TABLES.values():
                        self._connection.execute(statement)
            check_tables(self._connection)
            self._connection.execute("PRAGMA journal_mode = WAL")
            # The manifest must never outlive the rows it counts on, not even when the power fails.
            self._connection.execute("PRAGMA synchronous = FULL")
            if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'removed'").fetchone():
                self._connection.execute(_TABLES["removed"])
        except (ValueError, sqlite3.DatabaseError) as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):  # such as a full disk
                raise
            raise damaged(folder, error) from error

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is done inside, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def insert(self, items: Sequence[NewItem], ids: Sequence[int] | None) -> list[int]:
        """Add rows, under these ids or the next ones, and return the ids.

        Raises CollectionError for an id that is out of range or was given before, and for a text SQLite cannot hold.
        """
        if ids is None:
            row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
            first = row[0] + 1 if row else 1
            ids = range(first, first + len(items))
        given = [int(item_id) for item_id in ids]
        for item_id, item in zip(given, items, strict=True):
            if not 0 <= item_id <= MAX_ID:
                raise CollectionError("The id %(id)d is not in 0 to %(last)d.", id=item_id, last=MAX_ID)
            if not usable_text(item.path):
                raise CollectionError('The path "%(path)s" cannot be stored.', path=item.path)
            if self._connection.execute("SELECT 1 FROM retired WHERE id = ?", (item_id,)).fetchone():
                raise CollectionError("The id %(id)d was given before.", id=item_id)
            values = (item_id, item.path, item.sha256, item.bytes, item.width, item.height, _labels(item.labels))
            try:
                self._connection.execute(f"INSERT INTO items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            except sqlite3.IntegrityError as error:
                raise CollectionError("The id %(id)d was given before.", id=item_id) from error
        return given

    def retire(self, ids: Iterable[int]) -> None:
        """Note that the vectors of these removed items are about to be dropped."""
        now = int(time.time())
        with self.transaction():
            self._connection.executemany("INSERT OR IGNORE INTO retired VALUES (?, ?)", [(item, now) for item in ids])

    def clean(self, known: set[int]) -> None:
        """Delete the rows that are not of known items: those a crashed append left, and those retired long ago."""
        query = "SELECT id FROM items LEFT JOIN retired USING (id) WHERE at IS NULL OR at < ?"
        with self.transaction():
            rows = self._connection.execute(query, (int(time.time()) - GRACE,)).fetchall()
            left = [row for row in rows if row[0] not in known]
            self._connection.executemany("DELETE FROM items WHERE id = ?", left)

    def move(self, moves: Mapping[int, tuple[str, Mapping[str, int]]]) -> None:
        """Give items other paths, and other labels where there are any: all of them, or none."""
        with self.transaction():
            self._connection.executemany(
                "UPDATE items SET path = ?, labels = coalesce(?, labels) WHERE id = ?",
                [(path, _labels(labels) if labels else None, item_id) for item_id, (path, labels) in moves.items()],
            )

    def remember(self, ids: Iterable[int]) -> None:
        """Note the images of these items as removed on purpose."""
        query = "INSERT OR IGNORE INTO removed SELECT sha256 FROM items WHERE id = ? AND sha256 <> ''"
        with self.transaction():
            self._connection.executemany(query, [(item_id,) for item_id in ids])

    def forget(self, hashes: Iterable[str]) -> None:
        """Drop images from those removed on purpose. Within a transaction."""
        self._connection.executemany("DELETE FROM removed WHERE sha256 = ?", [(sha256,) for sha256 in hashes])

    def remembered(self) -> frozenset[str]:
        """Return the hashes of the images that were removed on purpose."""
        return frozenset(sha256 for (sha256,) in self._connection.execute("SELECT sha256 FROM removed"))

    def files(self) -> Iterator[tuple[int, str, int, str]]:
        """(id, path, bytes, sha256) of every row, those of removed items among them."""
        yield from self._connection.execute("SELECT id, path, bytes, sha256 FROM items ORDER BY id")
