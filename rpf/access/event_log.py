"""Log of searches and of the events about them, in SQLite; several processes may write it.

Recording never slows a search down and never fails one: a thread writes, and drops what the disk does not take. Of a
search its collection, its attributes and the ids of its results are stored, which are no personal data.
"""

import json
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from rpf.access.events import Event
from rpf.utils.sqlite import open_private, transaction

EVENTS_FILE = "events.sqlite"
DAY_SECONDS = 24 * 3600
MAX_PENDING = 4096  # searches and events that wait to be written; more are dropped
BATCH_SIZE = 512  # of them in one transaction
EXPIRY_BATCH_SIZE = 200  # searches deleted in one transaction, with their events
BUSY_SECONDS = 5.0  # to wait for another process that writes
CLOSE_SECONDS = 10.0
LOG_SECONDS = 60.0  # between two warnings
_TABLES = (
    "CREATE TABLE searches (id INTEGER PRIMARY KEY, query_id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, "
    "collection TEXT NOT NULL, attributes TEXT NOT NULL)",
    "CREATE INDEX searches_by_time ON searches (time)",
    # The pages of results of a search: the position of the first result, and the ids as JSON.
    "CREATE TABLE pages (search INTEGER NOT NULL REFERENCES searches ON DELETE CASCADE, first INTEGER NOT NULL, "
    "count INTEGER NOT NULL, ids TEXT NOT NULL, PRIMARY KEY (search, first)) WITHOUT ROWID",
    # object_id "" and position 0 where unknown, because NULLs would never be the same.
    "CREATE TABLE events (search INTEGER NOT NULL REFERENCES searches ON DELETE CASCADE, action TEXT NOT NULL, "
    "object_id TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (search, action, object_id, position)) "
    "WITHOUT ROWID",
)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordedSearch:
    """A page of results that a search showed."""

    query_id: UUID
    time: float  # Unix seconds
    collection: str
    attributes: tuple[str, ...]  # keys
    result_ids: tuple[str, ...]
    offset: int


class EventLog:
    """Recorder of searches and events for the site; it may be called by several threads."""

    def __init__(self, instance: Path, days: int) -> None:
        """Write to the folder `instance`, and delete what is older than `days`; with 0, record nothing."""
        self.path = instance / EVENTS_FILE
        self.dropped = 0  # searches and events that could not be written, for metrics
        self._days = days
        self._pending: queue.Queue[RecordedSearch | Event | threading.Event | None] = queue.Queue(MAX_PENDING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._next_warning = 0.0

    def record_query(
        self,
        query_id: UUID,
        time: float,
        collection: str,
        attributes: Iterable[str],
        result_ids: Sequence[str],
        offset: int = 0,
    ) -> None:
        """Record a page of results, whose first has the position `offset` + 1.

        The first page counts as a search; further ones are those with the same id. time: in Unix seconds; attributes:
        their keys; result_ids: as the response has them, of products or items.
        """
        self._put([RecordedSearch(query_id, time, collection, tuple(attributes), tuple(result_ids), offset)])

    def add(self, events: Sequence[Event]) -> None:
        """Record events. Those about a search that is not recorded are dropped when their turn comes."""
        self._put(events)

    def flush(self, timeout: float = CLOSE_SECONDS) -> bool:
        """Wait until all that was given so far is written or dropped; return whether it was in time."""
        reached = threading.Event()
        self._put([reached])
        return reached.wait(timeout) if self._thread else True

    def close(self, timeout: float = CLOSE_SECONDS) -> None:
        """Write what is waiting, and stop. Without it the last moments before the end of the process are lost."""
        if self._thread:
            self._put([None])
            self._thread.join(timeout)

    def _put(self, entries: Sequence[RecordedSearch | Event | threading.Event | None]) -> None:
        if not self._days:
            return
        for at, entry in enumerate(entries):
            try:
                self._pending.put_nowait(entry)
            except queue.Full:
                self._drop(len(entries) - at, "too many of them wait to be written")
                break
        if self._thread is None:
            with self._lock:
                if self._thread is None:  # not before a server's fork, which threads do not survive
                    self._thread = threading.Thread(target=self._write_forever, name="events", daemon=True)
                    self._thread.start()

    def _drop(self, count: int, why: object) -> None:
        with self._lock:
            self.dropped += count
            if time.monotonic() < self._next_warning:
                return
            self._next_warning = time.monotonic() + LOG_SECONDS
        log.warning('%d searches and events were not saved in "%s" so far: %s', self.dropped, self.path, why)

    def _write_forever(self) -> None:
        stopped = False
        while not stopped:
            batch = [self._pending.get()]
            while len(batch) < BATCH_SIZE and not self._pending.empty():
                batch.append(self._pending.get_nowait())
            entries = [entry for entry in batch if isinstance(entry, RecordedSearch | Event)]
            try:
                if entries:
                    self._write(entries)
                    entries = []
                while self._delete_expired() and self._pending.empty():
                    pass
            except (sqlite3.Error, OSError, ValueError) as error:  # ValueError: a text that SQLite cannot store
                self._drop(len(entries), error)
                self._close()
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()
            stopped = None in batch
        self._close()

    def _open(self) -> sqlite3.Connection:
        """Return the connection, a new one where the file was deleted or replaced meanwhile."""
        if self._connection and not (self.path.exists() and os.stat(self.path).st_ino == self._inode):
            self._close()
        if self._connection is None:
            self._connection = open_private(self.path, _TABLES, BUSY_SECONDS)
            self._inode = os.stat(self.path).st_ino
            self._connection.execute("PRAGMA synchronous = NORMAL")  # a power failure may lose the latest, no more
        return self._connection

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _write(self, entries: Sequence[RecordedSearch | Event]) -> None:
        connection = self._open()
        with transaction(connection):
            for entry in entries:
                if isinstance(entry, Event):
                    _insert_event(connection, entry)
                else:
                    _insert_search(connection, entry)

    def _delete_expired(self) -> bool:
        """Delete some of the searches that are too old; return whether there may be more."""
        connection = self._open()
        oldest = int(time.time()) - self._days * DAY_SECONDS
        expired = "SELECT id FROM searches WHERE time < ? LIMIT ?"
        if not connection.execute(expired, (oldest, 1)).fetchone():
            return False
        with transaction(connection):
            delete = f"DELETE FROM searches WHERE id IN ({expired})"
            return connection.execute(delete, (oldest, EXPIRY_BATCH_SIZE)).rowcount == EXPIRY_BATCH_SIZE


def _insert_search(connection: sqlite3.Connection, search: RecordedSearch) -> None:
    query_id = str(search.query_id)
    connection.execute(
        "INSERT OR IGNORE INTO searches (query_id, time, collection, attributes) VALUES (?, ?, ?, ?)",
        (query_id, int(search.time), search.collection, json.dumps(sorted(search.attributes))),
    )
    connection.execute(
        "INSERT OR IGNORE INTO pages SELECT id, ?, ?, ? FROM searches WHERE query_id = ?",
        (search.offset + 1, len(search.result_ids), json.dumps(search.result_ids), query_id),
    )


def _insert_event(connection: sqlite3.Connection, event: Event) -> None:
    row = connection.execute("SELECT id FROM searches WHERE query_id = ?", (str(event.query_id),)).fetchone()
    if row is None:
        return
    details = event.event_attributes
    object_id, shown = "", 0
    if details.object:
        for first, ids in connection.execute("SELECT first, ids FROM pages WHERE search = ?", row):
            result_ids = json.loads(ids)
            if details.object.object_id in result_ids:
                object_id = details.object.object_id
                shown = first + result_ids.index(object_id)
    position = (details.position and details.position.ordinal) or shown
    connection.execute(
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", (row[0], event.action_name, object_id, position)
    )
