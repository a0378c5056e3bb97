"""The default collection: a wardrobe that the program draws itself, so that nothing is downloaded.

Each checkpoint has its own, and none is ever deleted: the first is named "wardrobe", those of other checkpoints
"wardrobe-" and the first eight digits of the checkpoint's hash.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rpf.collection import CollectionSpec, Writer
from rpf.collection.items import last_id
from rpf.collection.manifest import MANIFEST_FILE, Manifest, read_manifest
from rpf.collection.segments import SEGMENTS_FOLDER
from rpf.errors import CollectionError, UnknownCollection
from rpf.inference.interface import Embedder
from rpf.ingest.pipeline import ImageRecord, ingest, merge_small_segments
from rpf.settings import DEFAULT_COLLECTION, Settings
from rpf.utils.files import sync_folder, write_atomic
from rpf.utils.locks import locked
from rpf.utils.progress import Progress

if TYPE_CHECKING:
    from rpf.datasets.synthetic import Recipe

GARMENTS = 1200
TITLE = "Drawn wardrobe"
IMAGES = "images"
UNFINISHED = "unfinished"  # a file that exists from before the first item until all garments are indexed
MAX_WAIT_SECONDS = 600.0  # for another process that prepares it


def ensure_default_collection(settings: Settings, embedder: Embedder, progress: Progress) -> str:
    """Return the name of the default collection; draw and index it if it is missing or unfinished.

    That is RPF_COLLECTION, or the checkpoint's own. If two processes call this together, the second waits for the
    lock, and finds the work done. Raises UnknownCollection if RPF_COLLECTION names a missing collection;
    CollectionError, DatasetError.
    """
    if settings.collection != DEFAULT_COLLECTION:
        if not (settings.collections / settings.collection / MANIFEST_FILE).is_file():
            raise UnknownCollection(
                'There is no collection named "%(name)s"; make it with: rpf index %(name)s FOLDER',
                name=settings.collection,
            )
        return settings.collection
    collections = settings.collections
    try:
        name = find_default_collection(collections, embedder.checkpoint_hash)
        if name is None:
            # Imported here, because a site with another collection needs no drawing library.
            from rpf.datasets import synthetic

            recipe = synthetic.Recipe(GARMENTS)
            name = _begin(collections, embedder.checkpoint_hash, recipe)
            _draw_and_index(collections / name, embedder, recipe, progress)
        return name
    except ImportError as error:
        raise CollectionError(
            "The drawing library cannot be loaded (%(why)s). Install what it needs: apt-get install libegl1 libgl1",
            why=error,
        ) from error
    except OSError as error:
        raise CollectionError(
            'The default collection cannot be written to "%(folder)s": %(why)s. Set RPF_COLLECTIONS to a folder that '
            "can be written, or RPF_COLLECTION to an existing collection.",
            folder=collections, why=error.strerror or error,
        ) from error  # fmt: skip


def find_default_collection(collections: Path, checkpoint_hash: str) -> str | None:
    """Return the name of the checkpoint's default collection, or None if it is missing or unfinished.

    A user's own collection under such a name is used as it is. Raises CollectionError for a damaged one.
    """
    for name in _names(checkpoint_hash):
        with suppress(UnknownCollection):
            manifest = read_manifest(collections / name)[0]
            if manifest.spec.checkpoint in ("", checkpoint_hash) and _is_finished(collections / name, manifest):
                return name
    return None


def _names(checkpoint_hash: str) -> tuple[str, str]:
    return DEFAULT_COLLECTION, f"{DEFAULT_COLLECTION}-{checkpoint_hash[:8]}"


def _is_drawn(manifest: Manifest) -> bool:
    return (manifest.spec.root, manifest.spec.title) == (IMAGES, TITLE)


def _is_finished(folder: Path, manifest: Manifest) -> bool:
    """Return whether all garments were indexed once; items may have been removed since."""
    return not _is_drawn(manifest) or (not (folder / UNFINISHED).exists() and last_id(folder) >= GARMENTS)


def _begin(collections: Path, checkpoint_hash: str, recipe: "Recipe") -> str:
    """Return the first name that is free or has a beginning of the collection, marked as unfinished."""
    names = _names(checkpoint_hash)
    for name in names:
        if _can_begin(collections / name, checkpoint_hash, recipe):
            with locked(collections / name, MAX_WAIT_SECONDS):
                # Otherwise another process has finished it meanwhile.
                if find_default_collection(collections, checkpoint_hash) != name:
                    write_atomic(collections / name / UNFINISHED, b"")
            return name
    raise CollectionError(
        'The default collection of this checkpoint has no place: "%(first)s" and "%(second)s" in "%(folder)s" hold '
        "something else. Set RPF_COLLECTION to another collection, or RPF_CHECKPOINT to its former value, or move one "
        "of the two folders away.",
        first=names[0], second=names[1], folder=collections,
    )  # fmt: skip


def _can_begin(folder: Path, checkpoint_hash: str, recipe: "Recipe") -> bool:
    images = folder / IMAGES
    free = not os.path.lexists(images) or (images.is_dir() and not any(images.iterdir()))
    if not free and not recipe.drew(images):
        return False
    try:
        manifest = read_manifest(folder)[0]
    except UnknownCollection:
        segments = folder / SEGMENTS_FOLDER
        return not segments.is_dir() or not any(segments.iterdir())
    return _is_drawn(manifest) and manifest.spec.checkpoint == checkpoint_hash


def _draw_and_index(folder: Path, embedder: Embedder, recipe: "Recipe", progress: Progress) -> None:
    import wardrobe
    from rpf.datasets import synthetic

    images = folder / IMAGES
    _copy_drawings(folder.parent / DEFAULT_COLLECTION / IMAGES, images, recipe)
    synthetic.draw_images(images, recipe, progress)
    records = [ImageRecord(synthetic.image_name(seed), wardrobe.describe(seed).values) for seed in recipe.seeds]
    spec = CollectionSpec(embedder.checkpoint_hash, embedder.attributes, embedder.dim, IMAGES, TITLE)
    with Writer.open(folder, spec, wait=MAX_WAIT_SECONDS) as writer:
        report = ingest(writer, records, embedder, progress)
        merge_small_segments(writer, progress)
    if report.skipped:
        path, why = report.skipped[0]
        raise CollectionError("The drawn image %(path)s cannot be used: %(why)s", path=path, why=why)
    (folder / UNFINISHED).unlink(missing_ok=True)
    sync_folder(folder)


def _copy_drawings(source: Path, target: Path, recipe: "Recipe") -> None:
    """Copy another checkpoint's drawings of the same recipe, which is quicker than drawing them."""
    from rpf.datasets.synthetic import image_name

    if source == target or recipe.drew(target) or not recipe.drew(source):
        return
    target.mkdir(exist_ok=True)
    recipe.write(target)
    for name in map(image_name, recipe.seeds):
        with suppress(FileNotFoundError):
            write_atomic(target / name, (source / name).read_bytes())
