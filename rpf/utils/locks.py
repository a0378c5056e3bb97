"""Lock of a collection: one process at a time writes it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpf.errors import CollectionBusy

LOCK_FILE = "lock"
POLL_SECONDS = 0.1


@contextmanager
def locked(folder: Path, wait: float) -> Iterator[None]:
    """Create `folder` and hold its lock; the system releases it when the process ends, however it ends.

    Raises CollectionBusy if another process still holds it after `wait` seconds.
    """
    deadline = time.monotonic() + wait
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        if _taken(handle, folder / LOCK_FILE):
            break
        os.close(handle)
        if time.monotonic() >= deadline:
            raise CollectionBusy(
                "The collection %(name)s is being written by another process. Try again when that has finished, or "
                "give --wait SECONDS.",
                name=folder.name,
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Return whether a process holds the lock of a folder; False where that cannot be told."""
    try:
        handle = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return not _taken(handle, folder / LOCK_FILE)
    finally:
        os.close(handle)


def _taken(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # If the folder was deleted and created again meanwhile, other processes take another lock.
    return path.exists() and os.path.samestat(os.fstat(handle), os.stat(path))
