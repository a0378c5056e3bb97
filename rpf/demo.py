"""The embedded default collection: a wardrobe that the program draws itself, so that nothing is downloaded."""

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rpf.collection import Collection
from rpf.collection.locking import locked
from rpf.collection.manifest import Manifest
from rpf.errors import CollectionError, UnknownCollection
from rpf.indexing import Embedder, Progress, Source, index

if TYPE_CHECKING:
    from rpf.data.drawn import Recipe

GARMENTS = 1200
TITLE = "Drawn wardrobe"
IMAGES = "images"
LONGEST_WAIT = 600.0  # seconds, for another process that prepares it


def prepare(folder: Path, embedder: Embedder, progress: Progress) -> None:
    """Draw and index the default collection where it is missing, unfinished or of an earlier version.

    Two processes may call this at once: the writer's lock makes the second wait, and then find the work done.
    Raises CollectionError, DatasetError.
    """
    found = _manifest(folder)
    if found and not _is_ours(found):
        return  # somebody's own collection under this name: not ours to touch
    whole = found is not None and found.checkpoint == embedder.checkpoint_hash and found.count >= GARMENTS
    try:
        # Here, because who searches photos of their own needs no drawing library.
        from rpf.data import drawn, wardrobe
    except ImportError as error:
        if whole:
            return
        raise CollectionError(
            "The drawing library cannot be loaded (%(why)s). Install what it needs: apt-get install libegl1 libgl1",
            why=error,
        ) from error
    recipe, images = drawn.Recipe(GARMENTS), folder / IMAGES
    if whole and recipe.drew(images):
        return
    with locked(folder, LONGEST_WAIT):
        _make_room(folder, embedder.checkpoint_hash, recipe)
    drawn.draw_pictures(images, recipe, progress)
    sources = [Source(drawn.name_of(seed), wardrobe.describe(seed).labels) for seed in recipe.seeds]
    report = index(
        folder,
        images,
        sources,
        embedder,
        title=TITLE,
        progress=progress,
        wait=LONGEST_WAIT,
        relative_root=IMAGES,
    )
    if report.skipped:
        path, why = report.skipped[0]
        raise CollectionError("The drawn picture %(path)s cannot be used: %(why)s", path=path, why=why)


def _manifest(folder: Path) -> Manifest | None:
    try:
        return Collection.open(folder).manifest
    except UnknownCollection:
        return None


def _is_ours(manifest: Manifest) -> bool:
    return (manifest.root, manifest.title) == (IMAGES, TITLE)


def _make_room(folder: Path, checkpoint_hash: str, recipe: "Recipe") -> None:
    """Remove the drawings of another version, and the collection of those or of other weights (or cut off)."""
    found, images = _manifest(folder), folder / IMAGES
    outdated = images.is_dir() and not recipe.drew(images) and (found is not None or recipe.is_in(images))
    if outdated or found is None or found.checkpoint != checkpoint_hash:
        (folder / "manifest.json").unlink(missing_ok=True)  # first: from here on there is no collection
        shutil.rmtree(folder / "segments", ignore_errors=True)
        for file in folder.glob("items.sqlite*"):
            file.unlink()
    if outdated:
        images.rename(folder / f".{IMAGES}.{secrets.token_hex(6)}.old")  # half-emptied, it would not be known as ours
    for old in folder.glob(f".{IMAGES}.*.old"):
        shutil.rmtree(old)
