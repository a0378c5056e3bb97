"""The thread that works on batches: one in all processes of an installation, by a file lock.

The other processes wait for the lock, and go on where it ended when its process does, however that ends. Lines are done
a few at a time, and every few seconds the collection is free for other writers.
"""

import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from rpf.engine import SearchEngine
from rpf.errors import CollectionBusy, RPFError
from rpf.ingest.product_writer import ProductWriter
from rpf.products.product import Name, Product
from rpf.utils.locks import locked
from webapp.api.jobs import Job, JobStore
from webapp.engine_loader import EngineLoader, NotReady, StartFailed

log = logging.getLogger(__name__)
LINES_AT_ONCE = 32  # between two saves of how far the job is
HOLD_SECONDS = 2.0  # after which the collection's lock is released for a moment
PAUSE_SECONDS = 0.3  # of that moment: longer than other writers wait between two tries
POLL_SECONDS = 0.5
LOCK_SECONDS = 2.0  # to wait for another writer of the collection at a time
EXPIRY_SECONDS = 3600.0
STOP_SECONDS = 10.0
MAX_LINE_BYTES = 2**20
Problems = list[tuple[int, str]]


class BatchLine(BaseModel):
    """A line of a batch: a product to put, or the id of one to delete."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    put: Product | None = None
    delete: Name | None = None


class _WorkerStopped(Exception):
    """Work interrupted by the end of the process."""


class JobWorker:
    """Worker of one process. Never start it in gunicorn's master: threads do not survive a fork."""

    def __init__(self, store: JobStore, loader: EngineLoader) -> None:
        self._store, self._loader = store, loader
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._next_expiry = 0.0

    def start(self) -> None:
        """Start the thread; later calls wake it up."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self) -> bool:
        """End the work after its current step; another start goes on with it. Return False if that takes too long."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._store.is_used:
                    with locked(self._store.folder, wait=0):
                        self._work()
            except (CollectionBusy, _WorkerStopped):  # another process works
                pass
            except Exception:
                log.exception("Batches cannot be worked on")
            self._pause()

    def _pause(self) -> None:
        self._wake.wait(POLL_SECONDS)
        self._wake.clear()

    def _work(self) -> None:
        """Work on jobs until the process ends."""
        while not self._stopping.is_set():
            if time.monotonic() >= self._next_expiry:
                self._store.delete_expired()
                self._next_expiry = time.monotonic() + EXPIRY_SECONDS
            job = self._store.next()
            if job is None:
                self._pause()
                continue
            try:
                self._advance(job, self._loader.engine)
            except (NotReady, StartFailed):
                self._pause()
            except CollectionBusy:
                continue
            except RPFError as error:
                self._fail(job, str(error))
            except _WorkerStopped:
                raise
            except Exception:
                log.exception("A batch has failed")
                self._fail(job, "Something went wrong on our side. See the server's log.")

    def _fail(self, job: Job, detail: str) -> None:
        job.state, job.detail = "failed", detail
        self._store.save(job)

    def _advance(self, job: Job, engine: SearchEngine) -> None:
        """Hold the collection for a few seconds, and do as many lines of the job as fit in; or finish it."""
        with (
            ProductWriter(engine.settings, job.collection, engine.background_embedder, LOCK_SECONDS) as writer,
            self._store.lines(job.id).open("rb") as file,
        ):
            file.seek(job.place)
            released = time.monotonic() + HOLD_SECONDS
            while job.done < job.total:
                lines = [line for _ in range(LINES_AT_ONCE) if (line := read_line(file))]
                problems = list(self._apply(job, writer, lines))
                job.done += len(lines)
                job.place = file.tell()
                job.state = "running"
                self._store.save(job, problems)
                if time.monotonic() >= released:
                    break
            if job.done >= job.total:
                writer.finish(self._progress)
                job.state = "done"
                self._store.save(job)
        self._stopping.wait(PAUSE_SECONDS)

    def _apply(self, job: Job, writer: ProductWriter, lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
        """Put and delete what some lines say, in their order; yield what is wrong with which line."""
        parsed: list[tuple[int, BatchLine]] = []
        for number, line in enumerate(lines, job.done + 1):
            if not line.strip():
                continue
            try:
                parsed.append((number, parse_line(line)))
            except ValueError as error:
                yield number, str(error)
        for steps in _steps(parsed):
            if steps[0][1].put is None:
                job.deleted += len(writer.delete([line.delete for _, line in steps if line.delete is not None]))
                continue
            products = [line.put for _, line in steps if line.put is not None]
            for (number, _), outcome in zip(steps, writer.put(products, self._progress), strict=True):
                setattr(job, outcome.change, getattr(job, outcome.change) + 1)
                yield from ((number, f"{problem.source}: {problem.why}") for problem in outcome.problems)

    def _progress(self, phase: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _WorkerStopped


def read_line(file: BinaryIO) -> bytes:
    """Read a line. Of one that is too long, return the beginning, and skip the rest."""
    line = part = file.readline(MAX_LINE_BYTES + 1)
    while len(part) > MAX_LINE_BYTES and not part.endswith(b"\n"):
        part = file.readline(MAX_LINE_BYTES + 1)
    return line


def parse_line(line: bytes) -> BatchLine:
    """Parse a line of a batch. Raises ValueError, which says what is wrong with it in a sentence."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"The line has more than {MAX_LINE_BYTES // 2**20} MB.")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("The line is not valid JSON.") from None
    if not isinstance(value, dict) or len(value) != 1 or not {"put", "delete"}.intersection(value):
        raise ValueError('The line is neither {"put": PRODUCT} nor {"delete": ID}.')
    try:
        parsed = BatchLine.model_validate_json(line)
    except ValidationError as error:
        raise ValueError(describe_problem(error)) from None
    if parsed.put is None and parsed.delete is None:
        raise ValueError('The line is neither {"put": PRODUCT} nor {"delete": ID}.')
    return parsed


def describe_problem(error: ValidationError) -> str:
    """Return the first problem of a record, with its field."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the product'}: {first['msg']}"


def _steps(parsed: Sequence[tuple[int, BatchLine]]) -> Iterator[list[tuple[int, BatchLine]]]:
    """Yield runs of lines of one kind, in which no id occurs twice."""
    for _, run in groupby(parsed, key=lambda pair: pair[1].put is None):
        step: dict[str, tuple[int, BatchLine]] = {}
        for number, line in run:
            product_id = line.delete or (line.put.id if line.put else "")
            if product_id in step:
                yield list(step.values())
                step = {}
            step[product_id] = (number, line)
        if step:
            yield list(step.values())
