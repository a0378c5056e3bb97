"""Store of uploaded images: kept for a day under the SHA-256 of their bytes, and never listed."""

import fcntl
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rpf.errors import RPFError
from rpf.utils.files import UNWRITABLE, write_atomic

HOUR_SECONDS = 3600.0
MAX_AGE_SECONDS = 24 * HOUR_SECONDS
DIGEST = re.compile(r"[0-9a-f]{64}")


class UploadExpired(RPFError):
    """Upload that was deleted, or never existed."""


class UploadsUnwritable(OSError):
    """Upload that the disk does not take: it is full, or the folder cannot be written."""


class Uploads:
    """Folder of uploads, shared by threads and processes.

    The age of an upload is its file's modification time. Ages change only under the folder's lock, so that an upload
    renewed at the last moment is not deleted.
    """

    def __init__(self, folder: Path, max_age: float = MAX_AGE_SECONDS) -> None:
        """Make a store with `max_age` in seconds; its folder is created when first needed."""
        self.folder = folder
        self.max_age = max_age
        self._next_sweep = 0.0

    def save(self, data: bytes, digest: str | None = None) -> str:
        """Save the bytes for `max_age` from now, or renew them, and return their SHA-256 in hex (`digest` if given).

        Raises UploadsUnwritable.
        """
        digest = digest or hashlib.sha256(data).hexdigest()
        path = self.folder / digest
        try:
            if time.monotonic() >= self._next_sweep:
                self.sweep()
            with self._locked():
                try:
                    os.utime(path)
                except FileNotFoundError:
                    write_atomic(path, data, 0o600)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            raise UploadsUnwritable(error.errno, error.strerror) from error
        return digest

    def read(self, digest: str) -> bytes:
        """Return the bytes saved under `digest`. Raises UploadExpired."""
        if DIGEST.fullmatch(digest):
            with (
                suppress(FileNotFoundError, PermissionError),  # another user's, if it is there at all
                open(self.folder / digest, "rb") as file,
            ):
                if time.time() - os.fstat(file.fileno()).st_mtime < self.max_age:
                    return file.read()
        raise UploadExpired(
            "This photo is no longer here: uploads are deleted after %(hours)d hours. Please choose it again.",
            hours=round(self.max_age / HOUR_SECONDS),
        )

    def sweep(self) -> None:
        """Delete expired uploads and files of interrupted writes. `save` calls it hourly."""
        self._next_sweep = time.monotonic() + min(HOUR_SECONDS, self.max_age)
        with self._locked(), os.scandir(self.folder) as entries:
            for entry in entries:
                upload = DIGEST.fullmatch(entry.name)
                if upload or entry.name.endswith(".tmp"):  # other files are not ours
                    with suppress(FileNotFoundError):  # deleted by another process
                        age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                        if age >= (self.max_age if upload else HOUR_SECONDS):
                            os.unlink(entry.path)

    def start_sweeping(self) -> None:
        """Sweep four times an hour on a separate thread, whether anybody uploads or not."""

        def sweep_forever() -> None:
            while True:
                with suppress(OSError):  # such as a full disk; tried again next time
                    self.sweep()
                time.sleep(min(HOUR_SECONDS, self.max_age) / 4)

        threading.Thread(target=sweep_forever, name="sweep", daemon=True).start()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.folder / ".lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
