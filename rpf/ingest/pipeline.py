"""Ingest pipeline, from images to a collection: read, hash, decode, embed, append; resumable at any point."""

import hashlib
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rpf.collection import NewItem, Writer
from rpf.collection.image_folder import ImageFolder
from rpf.errors import BadImage, CheckpointError
from rpf.images.decode import open_image, read
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
    moves = find_moves(folder, known, list(labels), progress)
    writer.move({item_id: (path, labels[path]) for path, item_id in moves.moved.items()})
    missing = find_missing(folder, writer, labels) if prune else []
    writer.remove(missing)
    settled = moves.unchanged | moves.moved.keys()
    report = embed_images(
        writer,
        [image for image in images if image.path not in settled],
        embedder,
        progress,
        batch_size=batch_size,
        linked=linked,
        known=writer.known() if moves.moved or missing else known,
        left_out=frozenset() if again else writer.removed_images(),
        forget=again,
    )
    report.unchanged += len(moves.unchanged)
    report.moved, report.pruned = len(moves.moved), len(missing)
    report.seconds = time.monotonic() - started
    return report


def embed_images(
    writer: Writer,
    images: Sequence[ImageRecord],
    embedder: Embedder,
    progress: Progress,
    *,
    batch_size: int = BATCH_SIZE,
    linked: tuple[Path, ...] = (),
    known: KnownFiles | None = None,
    left_out: Collection[str] = frozenset(),
    forget: bool = False,
) -> IngestReport:
    """Embed and append the images that are not among the `known` files, by default those of the collection.

    New images with a hash in `left_out` are left out; with `forget`, appended ones no longer count as removed.
    """
    require_checkpoint(writer, embedder)
    report = IngestReport()
    folder = ImageFolder(writer.manifest.spec.image_root(writer.folder), linked)
    images = list({image.path: image for image in images}.values())
    known = writer.known() if known is None else known
    load = partial(_load, folder, known, left_out)
    with ThreadPoolExecutor(1 + min(DECODER_THREADS, usable_cores())) as pool:
        progress("indexing", 0, len(images))
        batches = _batches(pool, load, images, known, batch_size)
        # The next batch is read while the model works on this one; no more than that waits in memory.
        pending = pool.submit(next, batches, None)
        while (batch := pending.result()) is not None:
            pending = pool.submit(next, batches, None)
            _append(writer, embedder, batch, forget)
            report.added += len(batch.items)
            report.unchanged += batch.unchanged
            report.left_out += batch.left_out
            report.skipped += batch.skipped
            done = report.added + report.unchanged + report.left_out + len(report.skipped)
            progress("indexing", done, len(images))
    return report


def require_checkpoint(writer: Writer, embedder: Embedder) -> None:
    """Raise CheckpointError if the collection was made with another checkpoint."""
    if writer.manifest.spec.checkpoint != embedder.checkpoint_hash:
        template = 'The collection "%(name)s" was made with another checkpoint. Give that one by --checkpoint.'
        raise CheckpointError(template, name=writer.folder.name)


def merge_small_segments(writer: Writer, progress: Progress) -> None:
    """Merge the segments that were appended."""
    progress("merging", 0, 1)
    writer.merge_small_segments()
    progress("merging", 1, 1)


@dataclass
class _Batch:
    """Some of the images, loaded."""

    items: list[NewItem] = field(default_factory=list)
    images: list[Image.Image] = field(default_factory=list)  # of the items
    outdated: list[int] = field(default_factory=list)  # ids of items whose file has changed
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unchanged: int = 0
    left_out: int = 0

    def pixels(self) -> int:
        return sum(item.width * item.height for item in self.items)

    def add(self, path: str, known: KnownFiles, outcome: "_Outcome") -> None:
        if outcome is _Known.UNCHANGED:
            self.unchanged += 1
            return
        # A file that cannot be read may be back tomorrow; one that is no longer an image has lost its item.
        if path in known and not isinstance(outcome, OSError):
            self.outdated.append(known[path][0])
        if isinstance(outcome, _LoadedImage):
            self.items.append(outcome.item)
            self.images.append(outcome.image)
        elif isinstance(outcome, _Known):
            self.left_out += 1
        else:
            why = outcome.strerror if isinstance(outcome, OSError) and outcome.strerror else str(outcome)
            self.skipped.append((path, why))


class _LoadedImage(NamedTuple):
    item: NewItem
    image: Image.Image


class _Known(Enum):
    UNCHANGED = auto()
    REMOVED = auto()  # on purpose, before


_Outcome = _LoadedImage | _Known | OSError | BadImage


def _append(writer: Writer, embedder: Embedder, batch: _Batch, forget: bool) -> None:
    """Embed a batch and write it in one step."""
    if batch.items:
        output = embedder.embed(batch.images)
        writer.append(
            batch.items, output.embedding, output.box, output.presence, removing=batch.outdated, forget=forget
        )
    else:
        writer.remove(batch.outdated)


def _batches(
    pool: ThreadPoolExecutor,
    load: Callable[[ImageRecord], _Outcome],
    images: Sequence[ImageRecord],
    known: KnownFiles,
    batch_size: int,
) -> Iterator[_Batch]:
    """Load the images, `batch_size` at a time, or fewer where they are large."""
    remaining = iter(images)
    while True:
        batch, count = _Batch(), 0
        while count < batch_size and batch.pixels() < MAX_BATCH_PIXELS:
            group = list(islice(remaining, min(DECODER_THREADS, batch_size - count)))
            if not group:
                break
            count += len(group)
            for image, outcome in zip(group, pool.map(load, group), strict=True):
                batch.add(image.path, known, outcome)
        if not count:
            return
        yield batch


def _load(folder: ImageFolder, known: KnownFiles, left_out: Collection[str], image: ImageRecord) -> _Outcome:
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
            return _Known.UNCHANGED
        if digest in left_out:
            return _Known.REMOVED
        decoded = open_image(data)
    except (OSError, BadImage) as error:
        return error
    return _LoadedImage(NewItem(image.path, digest, len(data), *decoded.size, image.labels), decoded)


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
