"""Reconciling a collection with its image folder: images that were moved, and images that are gone."""

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rpf.collection import Writer
from rpf.collection.image_folder import ImageFolder
from rpf.errors import CollectionError
from rpf.utils.files import file_hash
from rpf.utils.progress import Progress

READERS = 4

Known = dict[str, tuple[int, int, str]]  # path -> (id, bytes, sha256), as of Writer.known()


@dataclass(frozen=True)
class Moves:
    """Images of an image folder that need not be embedded."""

    moved: dict[str, int] = field(default_factory=dict)  # path -> the item that has its image there now
    kept: set[str] = field(default_factory=set)  # hashed on the way, and unchanged


def find_moves(images: ImageFolder, known: Known, paths: Sequence[str], progress: Progress) -> Moves:
    """Find the items whose images lie under other paths now, among `paths`: by size, then by hash.

    An item has lost its image if the file is gone or is another one by now; a copy of an image that is still where it
    was moves nothing. Of several items of the same image the lowest id comes first. Only files with the size of a lost
    image are read, so that an unchanged folder costs a look at each file's size.
    """
    sizes = {path: size for path in paths if (size := _size(images, path)) is not None} if known else {}
    resized = {path for path, size in sizes.items() if path in known and known[path][1] != size}
    present, wanted = set(paths), set(sizes.values())
    lost = resized | {
        path for path, (_, size, _) in known.items() if size in wanted and path not in present and images.lacks(path)
    }
    wanted = {known[path][1] for path in lost if known[path][2]}
    candidates = [path for path, size in sizes.items() if size in wanted]
    hashes = _hashes(images, candidates, progress)
    kept = {path for path, sha256 in hashes.items() if path in known and known[path][2] == sha256}
    lost |= {path for path in hashes if path in known} - kept
    homeless: dict[str, list[int]] = defaultdict(list)  # sha256 -> ids, the lowest last
    for item_id, _, sha256 in sorted((known[path] for path in lost), reverse=True):
        homeless[sha256].append(item_id)
    moved = {
        path: homeless[sha256].pop() for path, sha256 in hashes.items() if path not in kept and homeless.get(sha256)
    }
    return Moves(moved, kept)


def find_missing(images: ImageFolder, writer: Writer, present: Collection[str] = ()) -> list[int]:
    """Return the ids of the items whose images are gone; `present` are paths that need no look.

    Raises CollectionError where the folder itself is gone or all images are: that is a wrong folder, or a disk that is
    not mounted today.
    """
    images.require(writer.folder.name)
    if sys.getfilesystemencoding() != "utf-8":  # names that are not ASCII would all count as gone
        raise CollectionError("Whether images are missing cannot be told in this locale; set PYTHONUTF8=1.")
    known = {path: item_id for path, (item_id, _, sha256) in writer.known().items() if sha256}
    missing = [item_id for path, item_id in known.items() if path not in present and images.lacks(path)]
    if known and len(missing) == len(known):
        raise CollectionError(
            'None of the %(count)d images of the collection %(name)s is in "%(root)s" any more, so nothing is removed. '
            'If that is right, delete the folder "%(folder)s", or index under another name.',
            count=len(known), name=writer.folder.name, root=images.root, folder=writer.folder,
        )  # fmt: skip
    return missing


def _size(images: ImageFolder, path: str) -> int | None:
    try:
        return os.stat(images.root / path).st_size
    except (OSError, ValueError):
        return None


def _hashes(images: ImageFolder, paths: Sequence[str], progress: Progress) -> dict[str, str]:
    """Return the sha256 of the files that can be read."""

    def hashed(path: str) -> str | None:
        file = images.find(path)
        try:
            return None if file is None else file_hash(file)
        except OSError:
            return None

    hashes: dict[str, str] = {}
    with ThreadPoolExecutor(READERS) as pool:
        for done, (path, sha256) in enumerate(zip(paths, pool.map(hashed, paths), strict=True), 1):
            progress("looking for moved images", done, len(paths))
            if sha256 is not None:
                hashes[path] = sha256
    return hashes
