"""Removing items from a collection: by id, by the path of the image or a folder, or because the image is gone."""

from collections.abc import Sequence
from pathlib import Path

from rpf.collection import Writer
from rpf.collection.image_folder import ImageFolder
from rpf.errors import UnknownItem
from rpf.ingest.reconcile import find_missing


def remove(writer: Writer, given: Sequence[str], missing: bool = False) -> dict[int, str]:
    """Remove the items that are given (`17` is an id, `./17` a path), and with `missing` those whose images are gone.

    What was given is remembered, so that indexing leaves it out; a missing image may come back. Returns the paths of
    the removed items by id. Raises UnknownItem, CollectionError; then nothing is changed.
    """
    images = ImageFolder(writer.manifest.spec.image_root(writer.folder))
    paths = {item_id: path for path, (item_id, _, _) in writer.known().items()}
    chosen: set[int] = set()
    for text in given:
        if text.isascii() and text.isdecimal():
            chosen.add(int(text))
        else:
            chosen |= _by_path(images, paths, text, writer.folder.name)
    gone = set(find_missing(images, writer)) - chosen if missing else set()
    writer.remove(sorted(chosen), remember=True)
    writer.remove(sorted(gone))
    return {item_id: paths.get(item_id, "") for item_id in sorted(chosen | gone)}


def _by_path(images: ImageFolder, paths: dict[int, str], text: str, name: str) -> set[int]:
    """Return the ids of the item with this path, or of those below it; seen from here first, then as it is listed."""
    places = [*images.names(Path(text)), *images.names(images.root / text)] if text else []
    for place in places:
        below = "" if place == "." else f"{place}/"
        if ids := {item_id for item_id, path in paths.items() if path and (path == place or path.startswith(below))}:
            return ids
    template = 'The collection %(name)s has no item with the path "%(path)s" or below it.'
    raise UnknownItem(template, path=text, name=name)
