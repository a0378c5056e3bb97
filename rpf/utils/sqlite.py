"""SQLite files: connections for reading, and for writing a private file; transactions, and a check of tables."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_SECONDS = 60  # to wait while SQLite recovers or deletes its log
POLL_SECONDS = 0.02


@contextmanager
def open_read_only(path: Path, timeout: float = BUSY_SECONDS) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection to a file in WAL mode, for one call in one thread.

    Raises sqlite3.Error when the file is missing or malformed.
    """
    path = path.parent.resolve() / path.name
    options, mode = "mode=ro", "NORMAL"
    if not os.access(path.parent, os.W_OK):
        # SQLite cannot create the log's index here. Without a log nothing changes; the log of a killed writer is read
        # by an index in memory, which needs a VFS without locks.
        if not path.with_name(f"{path.name}-wal").exists():
            options += "&immutable=1"
        elif not path.with_name(f"{path.name}-shm").exists():
            options, mode = options + "&vfs=unix-none", "EXCLUSIVE"
    uri = f"{path.as_uri()}?{options}"
    with closing(sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)) as connection:
        connection.executescript(
            f"PRAGMA locking_mode = {mode}; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON"
        )
        yield connection


def check_tables(connection: sqlite3.Connection, file: str, *allowed: Mapping[str, str]) -> None:
    """Raise ValueError unless a database has one of these sets of tables (name -> statement) and nothing else: no view,
    trigger or virtual table."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence'").fetchall()
    if len(rows) != len(dict(rows)) or dict(rows) not in allowed:
        raise ValueError(f"{file} has other tables than expected")


def open_private(path: Path, tables: Sequence[str], timeout: float) -> sqlite3.Connection:
    """Open a file in WAL mode for writing; create it, readable by its owner only, with these tables.

    timeout: seconds to wait for other writers. Raises OSError and sqlite3.Error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives its log the same permissions
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
    try:
        connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON")
        _set_wal(connection, timeout)
        if not has_tables(connection):
            with transaction(connection):
                for statement in () if has_tables(connection) else tables:  # another process may have been faster
                    connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all changes of the block, or none."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def _set_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Set WAL mode; the change does not wait for other connections by itself."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= deadline:  # Python 3.10 has no error codes
                raise
            time.sleep(POLL_SECONDS)


def has_tables(connection: sqlite3.Connection) -> bool:
    """Return whether a file has its tables; it is empty for a moment while another process creates it."""
    return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
