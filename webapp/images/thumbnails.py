"""Thumbnail cache on disk, keyed by the SHA-256 of the original's bytes."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from rpf.utils.files import UNWRITABLE, write_atomic
from webapp.images.uploads import DIGEST

log = logging.getLogger(__name__)
LOCK_STRIPES = 64
VERSION = 2  # of decoding: colour profiles are applied since 2


class Thumbnails:
    """Thumbnail cache in a folder. Files never change: another image has another key."""

    def __init__(self, folder: Path) -> None:
        """Make a cache; its folder is created when first needed."""
        self.folder = folder
        # Threads that want the same thumbnail encode it once. Other processes may encode it too: the same bytes.
        self._locks = [Lock() for _ in range(LOCK_STRIPES)]
        self._warned = False

    def get(self, key: str, side: int, encode: Callable[[], bytes], frame: str = "") -> bytes:
        """Return the cached thumbnail, else `encode()`, cached where the folder can be written.

        `key` is the original's SHA-256 in hex (ValueError otherwise), `side` the thumbnail's size in pixels, `frame`
        the name of the frame that it fills.
        """
        if not DIGEST.fullmatch(key):
            raise ValueError("The key of a thumbnail is a SHA-256 in hex.")
        path = self.folder / f"{key}-{side:d}{frame and f'-{frame}'}-v{VERSION}.webp"
        with suppress(OSError):
            return path.read_bytes()
        with self._locks[int(key, 16) % LOCK_STRIPES]:
            with suppress(OSError):
                return path.read_bytes()
            data = encode()
            self._save(path, data)
        return data

    def _save(self, path: Path, data: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data)
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            if not self._warned:
                log.warning("Thumbnails cannot be saved in %s: %s", self.folder, error.strerror)
            self._warned = True
