"""Pointing a collection to another image folder that holds the same images."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rpf.collection import Writer
from rpf.collection.image_folder import ImageFolder
from rpf.errors import CollectionError, DatasetError
from rpf.ingest.reconcile import READERS
from rpf.utils.progress import Progress
from rpf.utils.text import format_examples


@dataclass(frozen=True)
class Relocation:
    """The result of pointing a collection to another image folder."""

    items: int
    missing: list[str]  # the paths whose images are missing in the new folder, or other ones there


def relocate(
    folder: Path,
    new: Path,
    progress: Progress,
    *,
    wait: float = 0.0,
    partial: bool = False,
    linked: tuple[Path, ...] = (),
) -> Relocation:
    """Make `new` the image folder of the collection in `folder`, if it holds the images, by size and hash.

    Images that were missing before may be missing. Where the old folder is gone, nobody knows which were: then, and
    for any other difference, `partial` says that the rest is enough. Raises CollectionError if it does not hold the
    images, DatasetError if it is no folder; then nothing is changed.
    """
    if not new.is_dir():
        raise DatasetError('There is no folder "%(path)s".', path=new)
    with Writer.open(folder, wait=wait) as writer:
        before, after = ImageFolder(writer.manifest.spec.image_root(folder), linked), ImageFolder(new.resolve(), linked)
        known = {path: entry[1:] for path, entry in writer.known().items() if entry[2]}
        missing = _differing(after, known, progress)
        if known and len(missing) == len(known):
            template = '"%(root)s" has none of the %(count)d images of the collection %(name)s %(examples)s.'
            raise CollectionError(
                template, root=new, count=len(known), name=folder.name, examples=format_examples(missing, len(missing))
            )
        lost = missing
        if before.root.is_dir():
            lost = [path for path in missing if before.holds(path, *known[path])]
        if lost and not partial:
            template = (
                '"%(root)s" lacks %(lost)d of the %(count)d images of the collection %(name)s, or has others under '
                "their paths %(examples)s. Put them there, or give --partial to go on without them."
            )
            raise CollectionError(
                template,
                root=new,
                lost=len(lost),
                count=len(known),
                name=folder.name,
                examples=format_examples(lost, len(lost)),
            )
        inside = after.root.is_relative_to(writer.folder)  # it goes where the collection goes
        writer.relocate(os.path.relpath(after.root, writer.folder) if inside else str(after.root))
        return Relocation(writer.manifest.count, missing)


def _differing(images: ImageFolder, known: dict[str, tuple[int, str]], progress: Progress) -> list[str]:
    """Return the paths whose images are not the files that they were."""
    differing = []
    with ThreadPoolExecutor(READERS) as pool:
        results = pool.map(lambda path: images.holds(path, *known[path]), known)
        for done, (path, same) in enumerate(zip(known, results, strict=True), 1):
            progress("checking the images", done, len(known))
            if not same:
                differing.append(path)
    return differing
