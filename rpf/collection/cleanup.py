"""Cleanup of a collection's folder: files of ours that the manifest does not name."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from rpf.collection.manifest import MANIFEST_FILE, Manifest
from rpf.collection.segments import SEGMENTS_FOLDER

# Format 1 listed in lost.json what the items table lists now.
_LEFTOVERS = re.compile(rf"tombstones-\d+\.npy|\.({re.escape(MANIFEST_FILE)}|lost\.json)\..*\.tmp|lost\.json")
_OLD_INDEXES = "index"  # where collections of format 1 had search indexes


def clear(folder: Path, manifest: Manifest) -> int:
    """Delete the leftovers in the collection's folder and return how many there were."""
    leftovers = [path for path in folder.iterdir() if _LEFTOVERS.fullmatch(path.name)]
    leftovers = [path for path in leftovers if path.name != manifest.tombstones]
    leftovers += [path for path in (folder / SEGMENTS_FOLDER).iterdir() if path.name not in manifest.segments]
    for path in leftovers:
        delete(path)
    return len(leftovers) + _delete_old_indexes(folder / _OLD_INDEXES)


def delete(path: Path) -> None:
    """Delete a file, or a folder in such a way that no reader opens what is left of it."""
    if path.is_dir() and not path.is_symlink():
        doomed = path.with_name(f"{path.name}.old")
        path.rename(doomed)
        shutil.rmtree(doomed)
    else:
        path.unlink(missing_ok=True)  # damage may have been first


def _delete_old_indexes(folder: Path) -> int:
    """Delete the search indexes of a collection of format 1, and nothing else that somebody has put there."""
    if folder.is_symlink() or not folder.is_dir():
        return 0
    indexes = [path for path in folder.iterdir() if re.fullmatch(r"\d{10}(\.tmp|\.old)*", path.name)]
    for path in indexes:
        delete(path)
    with suppress(OSError):  # it holds something else
        folder.rmdir()
    return len(indexes)
