"""Relocation of a collection to another image folder that holds the same images."""

import os
from pathlib import Path

from rpf.collection import ImageFolder, Writer
from rpf.errors import CollectionError, DatasetError
from rpf.ingest.reconcile import compare_images
from rpf.utils.progress import Progress
from rpf.utils.text import format_examples


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
