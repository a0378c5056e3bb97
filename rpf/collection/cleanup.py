"""Cleanup of a collection's folder: files of ours that the manifest does not name."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from rpf.collection import manifest as manifests
from rpf.collection import recovery
from rpf.collection.manifest import Manifest
from rpf.collection.segments import FOLDER

_TEMPORARY = "|".join(re.escape(name) for name in (manifests.FILE, recovery.FILE))
_LEFTOVERS = re.compile(rf"tombstones-\d+\.npy|\.({_TEMPORARY})\..*\.tmp")
_OLD_INDEX = "index"  # where collections of format 1 had search indexes


def clear(folder: Path, manifest: Manifest) -> int:
    """Delete the leftovers in the collection's folder and return how many there were."""
    leftovers = [path for path in folder.iterdir() if _LEFTOVERS.fullmatch(path.name)]
    leftovers = [path for path in leftovers if path.name != manifest.tombstones]
    leftovers += [path for path in (folder / FOLDER).iterdir() if path.name not in manifest.segments]
    for path in leftovers:
        delete(path)
    return len(leftovers) + _delete_old_indexes(folder / _OLD_INDEX)


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
