"""Ingest pipeline, from images to a collection: read, hash, decode, embed, append; resumable at any point."""

import hashlib
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from rpf.collection import ImageFolder, NewItem, Writer
from rpf.errors import BadImage, CheckpointError
from rpf.images.decode import open_image, read
from rpf.images.near_duplicates import fingerprint
from rpf.inference.interface import Embedder
from rpf.ingest.reconcile import KnownFiles, find_missing, find_moves
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress
from rpf.utils.text import usable_text

BATCH_SIZE = 32
MAX_BATCH_PIXELS = 64_000_000  # of decoded images, about 200 MB
DECODER_THREADS = 4


@dataclass(frozen=True)
class ImageRecord:
    """An image to be ingested."""

    path: str  # posix, relative to the image folder
    labels: dict[str, int] = field(default_factory=dict)  # attribute key -> value


@dataclass
class IngestReport:
    """Results by image."""

    added: int = 0
    unchanged: int = 0
    moved: int = 0  # known under another path
    left_out: int = 0  # removed on purpose before
    pruned: int = 0  # items that were removed because their images are missing
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (path, why)
    seconds: float = 0.0


def ingest(
    writer: Writer,
    images: Sequence[ImageRecord],
    embedder: Embedder,
    progress: Progress,
    *,
    batch_size: int = BATCH_SIZE,
    linked: tuple[Path, ...] = (),
    again: bool = False,
    prune: bool = False,
) -> IngestReport:
    """Bring images of the image folder into the collection.

    Unchanged images keep their items, by path, size and hash; moved ones keep their id, changed ones get a new id.
    Images that were removed on purpose are left out, or brought back with `again`. Items of other images stay; with
    `prune`, those whose images are missing are removed. Each batch is one step: after Ctrl-C or kill -9 the same call
    resumes after the last whole batch. Raises CollectionError.
    """
    started = time.monotonic()
    folder = ImageFolder(writer.manifest.spec.image_root(writer.folder), linked)
    labels = {image.path: image.labels for image in images if usable_text(image.path)}
    known = writer.known()
    moved, unchanged = find_moves(folder, known, list(labels), progress)
    writer.move({item_id: (path, labels[path]) for path, item_id in moved.items()})
    missing = find_missing(folder, writer, labels) if prune else []
    writer.remove(missing)
    settled = unchanged | moved.keys()
    report = embed_images(
        writer,
        [image for image in images if image.path not in settled],
        embedder,
        progress,
        batch_size=batch_size,
        linked=linked,
        known=writer.known() if moved or missing else known,
        left_out=frozenset() if again else writer.removed_images(),
        forget=again,
    )
    _add_fingerprints(writer, folder, batch_size, progress)
    report.unchanged += len(unchanged)
    report.moved, report.pruned = len(moved), len(missing)
    report.seconds = time.monotonic() - started
    return report


def embed_images(
    writer: Writer,
    images: Sequence[ImageRecord],
    embedder: Embedder,
    progress: Progress,
    *,
    known: KnownFiles,
    batch_size: int = BATCH_SIZE,
    linked: tuple[Path, ...] = (),
    left_out: Collection[str] = frozenset(),
    forget: bool = False,
) -> IngestReport:
    """Embed and append the images that are not among the `known` files.

    New images with a hash in `left_out` are left out; with `forget`, appended ones no longer count as removed.
    """
    require_checkpoint(writer, embedder)
    report = IngestReport()
    folder = ImageFolder(writer.manifest.spec.image_root(writer.folder), linked)
    images = list({image.path: image for image in images}.values())
    load = partial(load_image, folder, known, left_out)
    for batch in load_batches(load, images, batch_size, partial(progress, "indexing")):
        _append(writer, embedder, batch, known, forget, report)
    return report


def _add_fingerprints(writer: Writer, folder: ImageFolder, batch_size: int, progress: Progress) -> None:
    """Look for near-duplicates of the items of earlier versions, which did not do so."""
    items = {path: item_id for item_id, path in writer.without_fingerprint()}
    load, images = partial(load_image, folder, {}, ()), [ImageRecord(path) for path in items]
    for batch in load_batches(load, images, batch_size, partial(progress, "comparing")) if items else ():
        loaded = {items[path]: outcome.image for path, outcome in batch if isinstance(outcome, LoadedImage)}
        writer.add_fingerprints({item_id: fingerprint(image) for item_id, image in loaded.items()})


def require_checkpoint(writer: Writer, embedder: Embedder) -> None:
    """Raise CheckpointError if the collection was made with another checkpoint."""
    if writer.manifest.spec.checkpoint != embedder.checkpoint_hash:
        raise CheckpointError(
            'The collection "%(name)s" was made with another checkpoint. Give that one by --checkpoint, or embed the '
            "collection again with: rpf re-embed %(name)s",
            name=writer.folder.name,
        )


def merge_small_segments(writer: Writer, progress: Progress) -> None:
    """Merge the segments that were appended."""
    progress("merging", 0, 1)
    writer.merge_small_segments()
    progress("merging", 1, 1)


class LoadedImage(NamedTuple):
    """An image in memory, and its item to be."""

    item: NewItem
    image: Image.Image


Outcome = LoadedImage | Literal["unchanged", "removed"] | OSError | BadImage  # "removed": on purpose, before
Batch = list[tuple[str, Outcome]]  # path, outcome


def load_batches(
    load: Callable[[ImageRecord], Outcome],
    images: Sequence[ImageRecord],
    batch_size: int,
    progress: Callable[[int, int], None],
) -> Iterator[Batch]:
    """Yield the outcomes of `load` in order, `batch_size` at a time, or fewer where the images are large.

    The next batch is read while the caller works on this one; no more than that waits in memory.
    """
    with ThreadPoolExecutor(1 + min(DECODER_THREADS, usable_cores())) as pool:
        done = 0
        progress(done, len(images))
        batches = _batches(pool, load, images, batch_size)
        pending = pool.submit(next, batches, None)
        while (batch := pending.result()) is not None:
            pending = pool.submit(next, batches, None)
            yield batch
            done += len(batch)
            progress(done, len(images))


def _append(
    writer: Writer, embedder: Embedder, batch: Batch, known: KnownFiles, forget: bool, report: IngestReport
) -> None:
    """Embed the images of a batch, write them in one step, and count the outcomes."""
    loaded = [outcome for _, outcome in batch if isinstance(outcome, LoadedImage)]
    # A file that cannot be read may be back tomorrow; one that is no longer an image has lost its item.
    changed = [path for path, outcome in batch if outcome != "unchanged" and not isinstance(outcome, OSError)]
    outdated = [known[path][0] for path in changed if path in known]
    if loaded:
        images = [outcome.image for outcome in loaded]
        output = embedder.embed(images)
        writer.append(
            [outcome.item for outcome in loaded], output.embedding, output.box, output.presence, output.values,
            removing=outdated, forget=forget, fingerprints=list(map(fingerprint, images)),
        )  # fmt: skip
    else:
        writer.remove(outdated)
    outcomes = [outcome for _, outcome in batch]
    report.added += len(loaded)
    report.unchanged += outcomes.count("unchanged")
    report.left_out += outcomes.count("removed")
    report.skipped += [(path, reason(error)) for path, error in batch if isinstance(error, Exception)]


def reason(error: Exception) -> str:
    """Say why an image cannot be read, without its path."""
    return getattr(error, "strerror", None) or str(error)


def _batches(
    pool: ThreadPoolExecutor,
    load: Callable[[ImageRecord], Outcome],
    images: Sequence[ImageRecord],
    batch_size: int,
) -> Iterator[Batch]:
    remaining = iter(images)
    while True:
        batch: Batch = []
        pixels = 0
        while len(batch) < batch_size and pixels < MAX_BATCH_PIXELS:
            group = list(islice(remaining, min(DECODER_THREADS, batch_size - len(batch))))
            if not group:
                break
            outcomes = list(pool.map(load, group))
            batch += zip((image.path for image in group), outcomes, strict=True)
            pixels += sum(one.item.width * one.item.height for one in outcomes if isinstance(one, LoadedImage))
        if not batch:
            return
        yield batch


def load_image(folder: ImageFolder, known: KnownFiles, left_out: Collection[str], image: ImageRecord) -> Outcome:
    """Read a file once, hash it, and decode it if need be; or return why it cannot be an item."""
    if not usable_text(image.path):
        return OSError("Its name is not valid Unicode.")
    path = folder.find(image.path)
    if path is None:
        return _unreadable(folder.root / image.path)
    try:
        data = read(path)
        digest = hashlib.sha256(data).hexdigest()
        if image.path in known and known[image.path][1:] == (len(data), digest):
            return "unchanged"
        if digest in left_out:
            return "removed"
        decoded = open_image(data)
    except (OSError, BadImage) as error:
        return error
    return LoadedImage(NewItem(image.path, digest, len(data), *decoded.size, image.labels), decoded)


def _unreadable(path: Path) -> OSError:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return OSError("There is no such file in the image folder.")
    if stat.S_ISDIR(mode):
        return OSError("The folder cannot be read.")
    if stat.S_ISREG(mode):
        return OSError("It lies outside of the image folder, or a link leads there (see --follow-links).")
    return OSError("It is no file.")
