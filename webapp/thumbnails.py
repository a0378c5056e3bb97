"""Small pictures, made once from large ones and kept on disk under the SHA-256 of the large one's bytes."""

import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from rpf.files import write_atomic

KEY = re.compile(r"[0-9a-f]{64}")
STRIPES = 64


class Thumbnails:
    """A cache in a folder. Its files never change: another picture has another key."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when it is first needed."""
        self.folder = folder
        # A lock for every 64th of the keys, so that threads that want one thumbnail at once make it once.
        # Other processes may make it too; they write the same bytes.
        self._locks = [Lock() for _ in range(STRIPES)]

    def get(self, key: str, side: int, make: Callable[[], bytes]) -> Path:
        """The file of the thumbnail, `make()` written there if it is not there yet.

        `key` is the picture's SHA-256 in hex (ValueError otherwise), `side` its size in pixels.
        What `make` raises passes through, and nothing is kept.
        """
        if not KEY.fullmatch(key):
            raise ValueError("The key of a thumbnail is a SHA-256 in hex.")
        path = self.folder / f"{key}-{side:d}.webp"
        if not path.exists():
            with self._locks[int(key, 16) % STRIPES]:
                if not path.exists():
                    self.folder.mkdir(parents=True, exist_ok=True)
                    write_atomic(path, make())
        return path
