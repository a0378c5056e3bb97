"""The lock that lets one process at a time write a collection."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpf.errors import CollectionError

FILE = "lock"
_POLL = 0.1  # seconds


@contextmanager
def locked(folder: Path, wait: float) -> Iterator[None]:
    """Make `folder` and hold its lock; the system lets go of it when the process dies, however it dies.

    Raises CollectionError if another process still holds it after `wait` seconds.
    """
    deadline = time.monotonic() + wait
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        if _taken(handle, folder / FILE):
            break
        os.close(handle)
        if time.monotonic() >= deadline:
            raise CollectionError(
                "The collection %(name)s is being written by another process. Try again when that has finished, or "
                "give --wait SECONDS.",
                name=folder.name,
            )
        time.sleep(_POLL)
    try:
        yield
    finally:
        os.close(handle)


def _taken(handle: int, path: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # If the folder was deleted and made anew meanwhile, this is not the lock that others take.
    return path.exists() and os.path.samestat(os.fstat(handle), os.stat(path))
