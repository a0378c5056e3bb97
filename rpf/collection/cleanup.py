"""Cleanup of a collection's folder: files of ours that the manifest does not name."""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from rpf.collection.manifest import MANIFEST_FILE, Manifest, read_manifest
from rpf.collection.segments import SEGMENTS_FOLDER
from rpf.errors import CollectionError

STAGING_FOLDER = "re-embedding"  # in the collection's folder: its items as a collection of another checkpoint

# Format 1 listed in lost.json what the items table lists now.
_LEFTOVERS = re.compile(rf"tombstones-\d+\.npy|\.({re.escape(MANIFEST_FILE)}|lost\.json)\..*\.tmp|lost\.json")


def clear(folder: Path, manifest: Manifest) -> int:
    """Delete the leftovers in the collection's folder and return how many there were."""
    leftovers = [
        path for path in folder.iterdir() if _LEFTOVERS.fullmatch(path.name) and path.name != manifest.tombstones
    ]
    leftovers += [path for path in (folder / SEGMENTS_FOLDER).iterdir() if path.name not in manifest.segments]
    old = folder / "index"  # where collections of format 1 had search indexes, and somebody may have put other files
    if old.is_dir() and not old.is_symlink():
        leftovers += [path for path in old.iterdir() if re.fullmatch(r"\d{10}(\.tmp|\.old)*", path.name)]
    leftovers += folder.glob(f"{STAGING_FOLDER}.old*")
    with suppress(CollectionError):  # there is none
        if read_manifest(folder / STAGING_FOLDER)[0].spec.checkpoint == manifest.spec.checkpoint:  # the swap was made
            leftovers.append(folder / STAGING_FOLDER)
    for path in leftovers:
        delete(path)
    with suppress(OSError):  # it is missing, or holds something else
        old.rmdir()
    return len(leftovers)


def delete(path: Path) -> None:
    """Delete a file, or a folder in such a way that no reader opens what is left of it."""
    if path.is_dir() and not path.is_symlink():
        doomed = path.with_name(f"{path.name}.old")
        path.rename(doomed)
        shutil.rmtree(doomed)
    else:
        path.unlink(missing_ok=True)  # damage may have been first
