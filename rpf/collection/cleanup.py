"""Clearing away what a crash left: files of ours that the manifest does not name."""

import re
import shutil
from pathlib import Path

from rpf.collection import manifest as manifests
from rpf.collection import recovery
from rpf.collection.manifest import INDEX, Manifest
from rpf.collection.segments import FOLDER

_TEMPORARY = "|".join(re.escape(name) for name in (manifests.FILE, recovery.FILE))
_LEAVINGS = re.compile(rf"tombstones-\d+\.npy|\.({_TEMPORARY})\..*\.tmp")


def clear(folder: Path, manifest: Manifest) -> int:
    """Delete the leavings in the collection's folder and return how many there were."""
    left = [path for path in folder.iterdir() if _LEAVINGS.fullmatch(path.name) and path.name != manifest.tombstones]
    for own, named in ((FOLDER, manifest.segments), (INDEX, (manifest.index,))):
        if (folder / own).is_dir():
            left += [path for path in (folder / own).iterdir() if path.name not in named]
    for path in left:
        delete(path)
    return len(left)


def delete(path: Path) -> None:
    """Delete a file, or a folder in such a way that no reader opens what is left of it."""
    if path.is_dir() and not path.is_symlink():
        gone = path.with_name(f"{path.name}.old")
        path.rename(gone)
        shutil.rmtree(gone)
    else:
        path.unlink(missing_ok=True)  # damage may have been first
