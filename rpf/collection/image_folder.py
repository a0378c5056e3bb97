"""Image folder of a collection: the files that its items may be."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rpf.errors import CollectionError
from rpf.utils.files import file_hash


@dataclass(frozen=True)
class ImageFolder:
    """Image folder, and the folders outside of it that links in it may lead into.

    A collection may come from a stranger: its files never widen what may be read, only the settings of this
    installation do (RPF_IMAGE_ROOTS).
    """

    root: Path  # resolved; it need not exist
    linked: tuple[Path, ...] = ()

    def find(self, path: str) -> Path | None:
        """Return the file of an image, its links followed; None if it is missing, not a file, or out of reach."""
        try:
            real = (self.root / path).resolve(strict=True)
            return real if is_below(real, (self.root, *self.linked)) and real.is_file() else None
        except (OSError, RuntimeError, ValueError):  # missing; a loop of links; a NUL in the name
            return None

    def is_missing(self, path: str) -> bool:
        """Return whether an image is missing. One that cannot be read (permissions, a failing disk) is not."""
        try:
            return not stat.S_ISREG(os.stat(self.root / path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except (OSError, ValueError):
            return False

    def matches(self, path: str, size: int, sha256: str) -> bool | None:
        """Return whether an image has this size and hash; None if it cannot be read."""
        real = self.find(path)
        try:
            return None if real is None else real.stat().st_size == size and file_hash(real) == sha256
        except OSError:
            return None

    def relative_names(self, path: Path) -> list[str]:
        """Return the names of any path within the image folder: links followed, and as given."""
        candidates = (Path(os.path.realpath(path.parent), path.name), Path(os.path.abspath(path)))
        return [name.relative_to(self.root).as_posix() for name in candidates if name.is_relative_to(self.root)]

    def require(self, name: str) -> None:
        """Raise CollectionError, about the collection `name`, if the folder itself is gone."""
        if not self.root.is_dir():
            raise CollectionError(
                'The image folder "%(root)s" of the collection %(name)s is not there. If it was moved: '
                "rpf relocate %(name)s NEWFOLDER",
                root=self.root, name=name,
            )  # fmt: skip


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Return whether a resolved path lies in one of the folders."""
    return any(path.is_relative_to(os.path.realpath(folder)) for folder in folders)
