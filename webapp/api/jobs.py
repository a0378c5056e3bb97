"""Batches of changes that wait for the worker: their state in SQLite, their lines in a file each."""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from uuid import uuid4

from rpf.errors import Overloaded
from rpf.utils.files import sync_folder
from rpf.utils.sqlite import open_private, transaction

JOBS_FOLDER = "jobs"
JOBS_FILE = "jobs.sqlite"
MAX_WAITING_JOBS = 32  # unfinished ones, of all keys
MAX_PROBLEMS = 1000  # that are stored of one job
MAX_DETAIL_LENGTH = 500  # characters of one
KEPT_SECONDS = 7 * 24 * 3600
LEFTOVER_SECONDS = 3600  # after which a file without a job is one of a process that was killed
BUSY_SECONDS = 10.0
_TABLES = (
    # place: in bytes, of the first line that is not done; done: the number of lines before it.
    "CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, collection TEXT NOT NULL, "
    "state TEXT NOT NULL, detail TEXT NOT NULL DEFAULT '', time REAL NOT NULL, total INTEGER NOT NULL, "
    "done INTEGER NOT NULL DEFAULT 0, place INTEGER NOT NULL DEFAULT 0, added INTEGER NOT NULL DEFAULT 0, "
    "changed INTEGER NOT NULL DEFAULT 0, unchanged INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, "
    "problem_count INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE problems (job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, line INTEGER NOT NULL, "
    "detail TEXT NOT NULL)",
    "CREATE INDEX problems_of_job ON problems (job)",
)
_UNFINISHED = "state IN ('waiting', 'running')"


@dataclass
class Job:
    """A batch and how far it is."""

    number: int
    id: str
    collection: str
    state: str
    detail: str
    total: int  # lines
    done: int  # lines
    place: int  # bytes
    added: int
    changed: int
    unchanged: int
    deleted: int
    problem_count: int

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed")


_COLUMNS = ", ".join(one.name for one in fields(Job))


class JobStore:
    """Jobs of an installation, for threads and processes."""

    def __init__(self, instance: Path) -> None:
        """Use a folder in the folder `instance`; the first job creates it."""
        self.folder = instance / JOBS_FOLDER

    @property
    def is_used(self) -> bool:
        """Return whether there ever was a job."""
        return (self.folder / JOBS_FILE).exists()

    @contextmanager
    def upload(self) -> Iterator[tuple[str, Path]]:
        """Yield a new id, and the file for the lines of its job, which is deleted unless `add` takes it."""
        with closing(self._open()) as connection:
            (waiting,) = connection.execute(f"SELECT count(*) FROM jobs WHERE {_UNFINISHED}").fetchone()
        if waiting >= MAX_WAITING_JOBS:
            raise Overloaded("Too many batches are waiting; please try again in a moment.")
        job_id = uuid4().hex
        path = self.folder / f".{job_id}.tmp"
        try:
            yield job_id, path
        finally:
            path.unlink(missing_ok=True)

    def add(self, job_id: str, uploaded: Path, collection: str, total: int) -> None:
        """Add a job whose lines are in the file, which was written and synced."""
        uploaded.rename(self.lines(job_id))
        sync_folder(self.folder)
        with closing(self._open()) as connection, transaction(connection):
            connection.execute(
                "INSERT INTO jobs (id, collection, state, time, total) VALUES (?, ?, 'waiting', ?, ?)",
                (job_id, collection, time.time(), total),
            )

    def lines(self, job_id: str) -> Path:
        """Return the file of a job's lines, which exists until it is finished."""
        return self.folder / f"{job_id}.jsonl"

    def get(self, job_id: str) -> tuple[Job, list[tuple[int, str]]] | None:
        """Return a job, and its problems by line; None if there is none, or not any more."""
        if not self.is_used:
            return None
        with closing(self._open()) as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", [job_id]).fetchone()
            if row is None:
                return None
            query = "SELECT line, detail FROM problems WHERE job = ? ORDER BY line, rowid LIMIT ?"
            return Job(*row), connection.execute(query, (row[0], MAX_PROBLEMS)).fetchall()

    def next(self) -> Job | None:
        """Return the oldest job that is not finished."""
        with closing(self._open()) as connection:
            query = f"SELECT {_COLUMNS} FROM jobs WHERE {_UNFINISHED} ORDER BY number LIMIT 1"
            row = connection.execute(query).fetchone()
        return Job(*row) if row else None

    def save(self, job: Job, problems: Sequence[tuple[int, str]] = ()) -> None:
        """Save how far a job is, with new problems, in one step. Of a finished one the lines are deleted."""
        with closing(self._open()) as connection, transaction(connection):
            room = max(0, MAX_PROBLEMS - job.problem_count)
            connection.executemany(
                "INSERT INTO problems VALUES (?, ?, ?)",
                [(job.number, line, detail[:MAX_DETAIL_LENGTH]) for line, detail in problems[:room]],
            )
            job.problem_count += len(problems)
            connection.execute(
                "UPDATE jobs SET state = ?, detail = ?, done = ?, place = ?, added = ?, changed = ?, unchanged = ?, "
                "deleted = ?, problem_count = ? WHERE number = ?",
                (
                    job.state, job.detail, job.done, job.place, job.added, job.changed, job.unchanged, job.deleted,
                    job.problem_count, job.number,
                ),
            )  # fmt: skip
        if job.finished:
            self.lines(job.id).unlink(missing_ok=True)

    def delete_expired(self) -> None:
        """Delete finished jobs that are older than KEPT_SECONDS, and what killed processes left."""
        with closing(self._open()) as connection, transaction(connection):
            connection.execute(f"DELETE FROM jobs WHERE NOT {_UNFINISHED} AND time < ?", [time.time() - KEPT_SECONDS])
            unfinished = {job_id for (job_id,) in connection.execute(f"SELECT id FROM jobs WHERE {_UNFINISHED}")}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                job_id, suffix = os.path.splitext(entry.name.lstrip("."))
                if suffix in (".jsonl", ".tmp") and job_id not in unfinished:
                    with suppress(FileNotFoundError):
                        if time.time() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                            os.unlink(entry.path)

    def _open(self) -> sqlite3.Connection:
        return open_private(self.folder / JOBS_FILE, _TABLES, BUSY_SECONDS)
