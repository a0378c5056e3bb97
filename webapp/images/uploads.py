"""Uploaded pictures: kept for a day under the SHA-256 of their bytes, and never listed."""

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

DAY = 24 * 3600.0
HOUR = 3600.0
DIGEST = re.compile(r"[0-9a-f]{64}")


class UploadExpired(RPFError):
    """An upload that has been deleted, or never was."""


class UploadsUnwritable(OSError):
    """A full disk, or a folder that cannot be written."""


class Uploads:
    """A folder of uploads; several threads and processes may share it.

    The age of an upload is its file's modification time. Ages change only under the folder's lock, so that
    an upload renewed at the last moment is not swept away.
    """

    def __init__(self, folder: Path, max_age: float = DAY) -> None:
        """`max_age` in seconds; the folder is made when it is first needed."""
        self.folder = folder
        self.max_age = max_age
        self._next_sweep = 0.0

    def save(self, data: bytes) -> str:
        """Keep the bytes for `max_age` from now, the same bytes anew, and return their SHA-256 in hex.

        Raises UploadsUnwritable.
        """
        digest = hashlib.sha256(data).hexdigest()
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
        """The bytes saved under `digest`. UploadExpired when they are too old, deleted, or never were there."""
        if DIGEST.fullmatch(digest):
            try:
                with open(self.folder / digest, "rb") as file:
                    if self._age(os.fstat(file.fileno())) < self.max_age:
                        return file.read()
            except (FileNotFoundError, PermissionError):  # another user's, if it is there at all
                pass
        raise UploadExpired(
            "This picture is no longer here: uploads are deleted after %(hours)d hours. Please choose it again.",
            hours=round(self.max_age / HOUR),
        )

    def sweep(self) -> None:
        """Delete the uploads that are too old, and what interrupted writes left behind. `save` calls it hourly."""
        self._next_sweep = time.monotonic() + min(HOUR, self.max_age)
        with self._locked(), os.scandir(self.folder) as entries:
            for entry in entries:
                limit = self._limit(entry.name)
                with suppress(FileNotFoundError):  # somebody else may tidy here too
                    if limit is not None and self._age(entry.stat(follow_symlinks=False)) >= limit:
                        os.unlink(entry.path)

    def keep_swept(self) -> None:
        """Sweep from time to time for as long as the process lives, whether anybody uploads or not."""

        def forever() -> None:
            while True:
                with suppress(OSError):  # a full disk, say; the next time may do
                    self.sweep()
                time.sleep(min(HOUR, self.max_age) / 4)

        threading.Thread(target=forever, name="sweep", daemon=True).start()

    def _limit(self, name: str) -> float | None:
        """The age in seconds at which a file of that name goes; None for files that are not ours."""
        if DIGEST.fullmatch(name):
            return self.max_age
        return HOUR if name.endswith(".tmp") else None

    @staticmethod
    def _age(status: os.stat_result) -> float:
        return time.time() - status.st_mtime

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.folder / ".lock", "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
