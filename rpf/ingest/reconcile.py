"""Reconciliation of a collection with its image folder: moved and missing images, removal, relocation."""

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rpf.collection import ImageFolder, Writer
from rpf.errors import CollectionError, DatasetError, UnknownItem
from rpf.utils.files import file_hash
from rpf.utils.progress import Progress
from rpf.utils.text import format_examples

READER_THREADS = 4

KnownFiles = dict[str, tuple[int, int, str]]  # path -> (id, bytes, sha256), as of Writer.known()
T = TypeVar("T")


def find_moves(
    images: ImageFolder, known: KnownFiles, paths: Sequence[str], progress: Progress
) -> tuple[dict[str, int], set[str]]:
    """Find the items whose images lie under other paths now, among `paths`: by size, then by hash.

    Returns path -> the item that has its image there now; and those of the hashed paths whose image is unchanged.

    An item has lost its image if the file is missing or has changed; a copy of an image that is still in its place
    moves nothing. Of several items of the same image the lowest id comes first. Only files with the size of a lost
    image are read, so that an unchanged folder costs one stat for each file.
    """
    sizes = {path: size for path in paths if (size := _size(images, path)) is not None} if known else {}
    resized = {path for path, size in sizes.items() if path in known and known[path][1] != size}
    present, wanted = set(paths), set(sizes.values())
    lost = resized | {
        path
        for path, (_, size, _) in known.items()
        if size in wanted and path not in present and images.is_missing(path)
    }
    wanted = {known[path][1] for path in lost if known[path][2]}
    candidates = [path for path, size in sizes.items() if size in wanted]
    results = map_files(lambda path: _hash(images, path), candidates, progress, "looking for moved images")
    hashes = {path: sha256 for path, sha256 in results.items() if sha256 is not None}
    unchanged = {path for path, sha256 in hashes.items() if path in known and known[path][2] == sha256}
    lost |= {path for path in hashes if path in known} - unchanged
    homeless: dict[str, list[int]] = defaultdict(list)  # sha256 -> ids, the lowest last
    for item_id, _, sha256 in sorted((known[path] for path in lost), reverse=True):
        homeless[sha256].append(item_id)
    moved = {
        path: homeless[sha256].pop()
        for path, sha256 in hashes.items()
        if path not in unchanged and homeless.get(sha256)
    }
    return moved, unchanged


def find_missing(images: ImageFolder, writer: Writer, present: Collection[str] = ()) -> list[int]:
    """Return the ids of the items whose images are missing; `present` are paths that need no check.

    Raises CollectionError where the folder itself or all images are missing: that is a wrong folder, or a disk that is
    not mounted today.
    """
    images.require(writer.folder.name)
    if sys.getfilesystemencoding() != "utf-8":  # names that are not ASCII would all count as missing
        raise CollectionError("Missing images cannot be told in this locale; set PYTHONUTF8=1.")
    known = {path: item_id for path, (item_id, _, sha256) in writer.known().items() if sha256}
    missing = [item_id for path, item_id in known.items() if path not in present and images.is_missing(path)]
    if known and len(missing) == len(known):
        raise CollectionError(
            'None of the %(count)d images of the collection %(name)s is in "%(root)s" any more, so nothing is removed. '
            'If that is right, delete the folder "%(folder)s", or index under another name.',
            count=len(known), name=writer.folder.name, root=images.root, folder=writer.folder,
        )  # fmt: skip
    return missing


def relocate(
    writer: Writer, folder: Path, progress: Progress, *, partial: bool = False, linked: tuple[Path, ...] = ()
) -> list[str]:
    """Make `folder` the image folder of the collection if it holds its images, by size and hash.

    Returns the paths whose images are missing in the folder, or differ. Images that were missing before may be missing.
    Where the old folder is gone, nobody knows which were: then, and for any other difference, `partial` accepts the
    rest. Raises CollectionError if the folder does not hold the images, DatasetError if it does not exist; then nothing
    is changed.
    """
    if not folder.is_dir():
        raise DatasetError('There is no folder "%(path)s".', path=folder)
    before = ImageFolder(writer.manifest.spec.image_root(writer.folder), linked)
    after = ImageFolder(folder.resolve(), linked)
    files = {path: (size, sha256) for path, (_, size, sha256) in writer.known().items() if sha256}
    missing = [path for path, same in compare_images(after, files, progress).items() if not same]
    facts = {"root": folder, "count": len(files), "name": writer.folder.name}
    if files and len(missing) == len(files):
        raise CollectionError(
            '"%(root)s" has none of the %(count)d images of the collection %(name)s %(examples)s.',
            **facts,
            examples=format_examples(missing, len(missing)),
        )
    lost = [path for path in missing if before.matches(path, *files[path])] if before.root.is_dir() else missing
    if lost and not partial:
        raise CollectionError(
            '"%(root)s" lacks %(lost)d of the %(count)d images of the collection %(name)s, or has others under '
            "their paths %(examples)s. Put them there, or give --partial to go on without them.",
            **facts, lost=len(lost), examples=format_examples(lost, len(lost)),
        )  # fmt: skip
    carried = after.root.is_relative_to(writer.folder)  # it moves with the collection's folder
    writer.relocate(os.path.relpath(after.root, writer.folder) if carried else str(after.root))
    return missing


def remove(writer: Writer, names: Sequence[str], missing: bool = False) -> dict[int, str]:
    """Remove the named items (`17` is an id, `./17` a path), and with `missing` those whose images are missing.

    Indexing leaves named images out from then on; a missing image may come back. Returns the paths of the removed items
    by id. Raises UnknownItem, CollectionError; then nothing is changed.
    """
    images = ImageFolder(writer.manifest.spec.image_root(writer.folder))
    paths = {item_id: path for path, (item_id, _, _) in writer.known().items()}
    chosen = set().union(*(_find(images, paths, name, writer.folder.name) for name in names))
    gone = set(find_missing(images, writer)) - chosen if missing else set()
    writer.remove(sorted(chosen), remember=True)
    writer.remove(sorted(gone))
    return {item_id: paths.get(item_id, "") for item_id in sorted(chosen | gone)}


def _find(images: ImageFolder, paths: dict[int, str], name: str, collection: str) -> set[int]:
    """Return the id itself, or the ids of the items with this path or below it.

    A path is relative to the current folder, else to the image folder.
    """
    if name.isascii() and name.isdecimal():
        return {int(name)}
    names = [*images.relative_names(Path(name)), *images.relative_names(images.root / name)] if name else []
    for place in names:
        below = "" if place == "." else f"{place}/"
        if ids := {item_id for item_id, path in paths.items() if path and (path == place or path.startswith(below))}:
            return ids
    raise UnknownItem(
        'The collection %(name)s has no item with the path "%(path)s" or below it.', path=name, name=collection
    )


def compare_images(
    images: ImageFolder, files: Mapping[str, tuple[int, str]], progress: Progress
) -> dict[str, bool | None]:
    """Return by path whether an image still has its (bytes, sha256); None if it cannot be read."""
    return map_files(lambda path: images.matches(path, *files[path]), list(files), progress, "checking the images")


def map_files(function: Callable[[str], T], paths: Sequence[str], progress: Progress, phase: str) -> dict[str, T]:
    """Apply a function that reads a file to each path, in several threads; return the results by path."""
    results: dict[str, T] = {}
    with ThreadPoolExecutor(READER_THREADS) as pool:
        for path, result in zip(paths, pool.map(function, paths), strict=True):
            results[path] = result
            progress(phase, len(results), len(paths))
    return results


def _size(images: ImageFolder, path: str) -> int | None:
    try:
        return os.stat(images.root / path).st_size
    except (OSError, ValueError):
        return None


def _hash(images: ImageFolder, path: str) -> str | None:
    file = images.find(path)
    try:
        return None if file is None else file_hash(file)
    except OSError:
        return None
