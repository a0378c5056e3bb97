"""The embedded default collection: a wardrobe that the program draws itself, so that nothing is downloaded."""

import io
import json
import shutil
from pathlib import Path

from rpf.collection import Collection
from rpf.collection.locking import locked
from rpf.errors import CollectionError, UnknownCollection
from rpf.files import write_atomic
from rpf.indexing import Embedder, Progress, Source, index

GARMENTS = 600
TITLE = "Drawn wardrobe"
IMAGES = "images"
LONGEST_WAIT = 600.0  # seconds, for another process that prepares it


def _is_complete(folder: Path, checkpoint_hash: str) -> bool:
    """Whether the drawn collection is there, whole, and made with this checkpoint."""
    try:
        manifest = Collection.open(folder).manifest
    except UnknownCollection:
        return False
    if manifest.root != IMAGES or manifest.title != TITLE:
        return True  # somebody's own collection under this name: not ours to touch
    return manifest.checkpoint == checkpoint_hash and manifest.count >= GARMENTS


def prepare(folder: Path, embedder: Embedder, progress: Progress) -> None:
    """Draw and index the default collection where it is missing or unfinished. Raises CollectionError.

    Two processes may call this at once: the writer's lock makes the second wait, and then find the work done.
    """
    if _is_complete(folder, embedder.checkpoint_hash):
        return
    _drop_other_weights(folder, embedder.checkpoint_hash)
    labels = _draw_all(folder / IMAGES, progress)
    sources = [Source(path, own) for path, own in labels.items()]
    report = index(
        folder,
        folder / IMAGES,
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


def _drop_other_weights(folder: Path, checkpoint_hash: str) -> None:
    """Make room where the collection was made with other weights (or that was cut off); the drawings stay."""
    with locked(folder, LONGEST_WAIT):
        try:
            made_with = Collection.open(folder).manifest.checkpoint
        except UnknownCollection:
            made_with = None
        if made_with != checkpoint_hash:
            (folder / "manifest.json").unlink(missing_ok=True)  # first: from here on there is no collection
            shutil.rmtree(folder / "segments", ignore_errors=True)
            for file in folder.glob("items.sqlite*"):
                file.unlink()


def _draw_all(folder: Path, progress: Progress) -> dict[str, dict[str, int]]:
    """Path -> labels of every garment; a finished folder is read, not drawn again."""
    done = folder / "labels.json"
    known = dict(json.loads(done.read_text(encoding="utf-8"))) if done.is_file() else {}
    if len(known) >= GARMENTS:
        return known
    try:
        from rpf.data.wardrobe import draw  # here, because who searches photos of their own needs no drawing library
    except ImportError as error:
        raise CollectionError(
            "The drawing library cannot be loaded (%(why)s). Install what it needs: apt-get install libegl1 libgl1",
            why=error,
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    labels = {}
    for seed in range(GARMENTS):
        progress("drawing", seed, GARMENTS)
        drawing = draw(seed)
        name = f"{seed:04}.jpg"
        out = io.BytesIO()
        drawing.picture.save(out, "JPEG", quality=92)
        write_atomic(folder / name, out.getvalue())
        labels[name] = drawing.labels
    progress("drawing", GARMENTS, GARMENTS)
    write_atomic(done, json.dumps(labels).encode())
    return labels
