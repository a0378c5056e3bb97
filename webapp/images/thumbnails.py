"""Small pictures, made once from large ones and kept on disk under the SHA-256 of the large one's bytes."""

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from rpf.utils.files import UNWRITABLE, write_atomic

log = logging.getLogger(__name__)
KEY = re.compile(r"[0-9a-f]{64}")
STRIPES = 64
VERSION = 2  # of how images are decoded: by their colour profiles since 2


class Thumbnails:
    """A cache in a folder. Its files never change: another picture has another key."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when it is first needed."""
        self.folder = folder
        # A lock for every 64th of the keys, so that threads that want one thumbnail at once make it once.
        # Other processes may make it too; they write the same bytes.
        self._locks = [Lock() for _ in range(STRIPES)]
        self._warned = False

    def get(self, key: str, side: int, make: Callable[[], bytes]) -> bytes:
        """Return the thumbnail: the file of an earlier call, else `make()`, which is kept where the folder can be
        written.

        `key` is the image's SHA-256 in hex (ValueError otherwise), `side` its size in pixels.
        What `make` raises passes through, and nothing is kept.
        """
        if not KEY.fullmatch(key):
            raise ValueError("The key of a thumbnail is a SHA-256 in hex.")
        path = self.folder / f"{key}-{side:d}-v{VERSION}.webp"
        with suppress(OSError):
            return path.read_bytes()
        with self._locks[int(key, 16) % STRIPES]:
            with suppress(OSError):
                return path.read_bytes()
            data = make()
            self._keep(path, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            if not self._warned:
                log.warning("Thumbnails cannot be kept in %s: %s", self.folder, error.strerror)
            self._warned = True
