"""Removal of items from a collection: by id, by the path of the image or a folder, or because the image is missing."""

from collections.abc import Sequence
from pathlib import Path

from rpf.collection import ImageFolder, Writer
from rpf.errors import UnknownItem
from rpf.ingest.reconcile import find_missing


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
