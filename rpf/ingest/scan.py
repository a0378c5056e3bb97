"""Scan of a folder for images, with counts of the files left out."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from rpf.collection.image_folder import is_below
from rpf.errors import DatasetError
from rpf.images.decode import FORMATS

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
NO_SUFFIX = "without a suffix"
HIDDEN = "hidden"
BROKEN = "broken links"
LINKS = "links out of the folder (--follow-links)"
FAR = "links into folders that are not in RPF_IMAGE_ROOTS"
OTHER = "of other kinds"
MAX_SUFFIXES = 8  # in a description
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")  # safe to print, and short
HEAD_BYTES = 32  # that tell a format


@dataclass
class ScanResult:
    """Images of a folder, as sorted posix paths relative to it, and counts of other files by kind."""

    paths: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def find_images(folder: Path) -> list[str]:
    """Return the paths of `scan` alone."""
    return scan(folder).paths


def scan(folder: Path, linked: Sequence[Path] | None = None) -> ScanResult:
    """Find the images in a folder and all folders in it, by suffix; files without one by their first bytes.

    Hidden files and folders are left out. So are links that lead out of the folder, unless they lead into one of the
    folders `linked`. Links to folders inside are skipped: their images are found in those folders. A folder that cannot
    be listed is among the paths, so that `index` reports it. Raises DatasetError if `folder` is not a folder.
    """
    if not folder.is_dir():
        raise DatasetError(
            '"%(path)s" is a file, not a folder.' if folder.exists() else 'There is no folder "%(path)s".', path=folder
        )
    root = folder.resolve()
    reach = (root, *(linked or ()))
    result = ScanResult()
    images: list[Path] = []

    def unlisted(error: OSError) -> None:
        if Path(error.filename) == root:
            raise DatasetError('The folder "%(path)s" cannot be read: %(why)s.', path=folder, why=error.strerror)
        images.append(Path(error.filename))

    waiting, walked = [root], {root}
    while waiting:
        top = waiting.pop(0)
        for parent, folders, files in os.walk(top, onerror=unlisted):
            if top != root:  # two links may lead to the same folder, or one round in a circle
                real = Path(parent).resolve()
                if real in walked:
                    folders.clear()
                    continue
                walked.add(real)
            result.left_out[HIDDEN] += sum(name.startswith(".") for name in (*folders, *files))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for link in [path for name in folders if (path := Path(parent, name)).is_symlink()]:
                target = link.resolve()
                if target.is_relative_to(root):
                    continue
                if is_below(target, reach):
                    waiting.append(link)
                else:
                    result.left_out[LINKS if linked is None else FAR] += 1
            for path in (Path(parent, name) for name in files if not name.startswith(".")):
                if kind := _left_out(path, reach, linked is not None):
                    result.left_out[kind] += 1
                else:
                    images.append(path)
    result.paths = sorted(path.relative_to(root).as_posix() for path in images)
    return result


def describe(left_out: Counter[str]) -> str:
    """List the kinds of files left out, suffixes first, such as "12 .mov, 3 .txt, 2 hidden"; "" if there are none."""
    suffixes = [(kind, count) for kind, count in left_out.items() if _SUFFIX.fullmatch(kind)]
    suffixes.sort(key=lambda pair: (-pair[1], pair[0]))
    shown = dict(suffixes[:MAX_SUFFIXES])
    others = left_out[OTHER] + sum(count for _, count in suffixes[MAX_SUFFIXES:])
    shown |= {OTHER: others} | {kind: left_out[kind] for kind in (NO_SUFFIX, HIDDEN, BROKEN, LINKS, FAR)}
    return ", ".join(
        f"{count} {kind.replace('links', 'link', 1) if count == 1 else kind}" for kind, count in shown.items() if count
    )


def _left_out(path: Path, reach: Sequence[Path], follows: bool) -> str:
    """Return the kind of a file that is left out; "" for an image."""
    suffix = path.suffix.lower()
    if suffix and suffix not in SUFFIXES:
        return suffix if _SUFFIX.fullmatch(suffix) else OTHER
    if path.is_symlink():
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return BROKEN
        if not is_below(target, reach):
            return FAR if follows else LINKS
    return "" if suffix or _looks_like_image(path) else NO_SUFFIX


def _looks_like_image(path: Path) -> bool:
    """Return whether a file begins like an image of a format that can be read."""
    try:
        if not path.is_file():  # opening a pipe would block
            return False
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    if head.startswith(b"BM") and any(head[6:10]):  # two letters are too few: a text may begin with them
        return False
    Image.init()
    accepts = [Image.OPEN[name][1] for name in FORMATS]
    return any(accept is not None and accept(head) is True for accept in accepts)
