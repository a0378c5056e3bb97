"""From pictures to a collection: read, hash, decode, embed, append; resumable at any point."""

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
from rpf.collection.manifest import usable_text
from rpf.errors import BadImage
from rpf.images.decode import open_image, read
from rpf.inference.interface import Embedder
from rpf.ingest.reconcile import Known, find_missing, find_moves
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

MAX_PIXELS = 64_000_000  # decoded pictures waiting for the model, about 200 MB; a batch is cut short at this
DECODERS = 4


@dataclass(frozen=True)
class Source:
    """A picture to be indexed."""

    path: str  # posix, relative to the image folder
    labels: dict[str, int] = field(default_factory=dict)  # attribute key -> value


@dataclass
class Report:
    """What became of the sources."""

    added: int = 0
    kept: int = 0  # in the collection already, unchanged
    moved: int = 0  # in the collection already, under another path
    removed: int = 0  # left out, because they were removed on purpose before
    pruned: int = 0  # items that were removed, because their images are gone
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (path, why)
    seconds: float = 0.0


def index(
    folder: Path,
    root: Path,
    items: Sequence[Source],
    embedder: Embedder,
    *,
    title: str = "",
    batch: int = 32,
    progress: Progress | None = None,
    wait: float = 0.0,
    relative_root: str | None = None,
    again: bool = False,
    prune: bool = False,
    linked: tuple[Path, ...] = (),
    finish: Callable[[Writer], object] = lambda writer: None,
) -> Report:
    """Bring the images `items` under `root` into the collection in `folder`, which is created if need be.

    As `update` does. `relative_root` is `root` as seen from `folder`, for a collection that carries its images along;
    `wait` is how many seconds to wait for another writer; `finish` is called last, still under this one's lock.
    Raises CollectionError.
    """
    started = time.monotonic()
    tell = progress or (lambda phase, done, total: None)
    with Writer(
        folder,
        checkpoint=embedder.checkpoint_hash,
        attributes=embedder.attributes,
        dim=embedder.dim,
        root=str(root.resolve()) if relative_root is None else relative_root,
        title=title,
        wait=wait,
    ) as writer:
        report = update(writer, items, embedder, batch=batch, progress=tell, again=again, prune=prune, linked=linked)
        merge_small_segments(writer, tell)
        finish(writer)
    report.seconds = time.monotonic() - started
    return report


def update(
    writer: Writer,
    items: Sequence[Source],
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Progress,
    again: bool = False,
    prune: bool = False,
    linked: tuple[Path, ...] = (),
) -> Report:
    """Bring images into a collection that is there.

    Images whose path, size and hash are in the collection are kept, moved ones keep their id, changed ones get a new
    id. Those that were removed on purpose are left out, or brought back with `again`. Items that are not named stay as
    they are; with `prune`, those whose images are gone are removed. Each batch is one step: after Ctrl-C or kill -9 the
    same call goes on after the last whole batch. Raises CollectionError.
    """
    images = ImageFolder(writer.manifest.image_root(writer.folder), linked)
    sources = {source.path: source for source in items if usable_text(source.path)}
    known = writer.known()
    moves = find_moves(images, known, list(sources), progress)
    writer.move({item_id: (path, sources[path].labels) for path, item_id in moves.moved.items()})
    gone = find_missing(images, writer, sources) if prune else []
    writer.remove(gone)
    known = writer.known() if moves.moved or gone else known
    settled = moves.kept | moves.moved.keys()
    rest = [source for source in items if source.path not in settled]
    report = ingest_images(
        writer,
        rest,
        embedder,
        batch=batch,
        progress=progress,
        known=known,
        left_out=frozenset() if again else writer.removed_images(),
        forget=again,
        linked=linked,
    )
    report.kept += len(moves.kept)
    report.moved, report.pruned = len(moves.moved), len(gone)
    return report


def ingest_images(
    writer: Writer,
    items: Sequence[Source],
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Progress,
    known: Known | None = None,
    left_out: Collection[str] = frozenset(),
    forget: bool = False,
    linked: tuple[Path, ...] = (),
) -> Report:
    """Embed and append the images that are not among the `known` ones, which are those of the collection by default.

    New ones whose hashes are `left_out` are left out; `forget` that those taken in were removed before.
    """
    report = Report()
    images = ImageFolder(writer.manifest.image_root(writer.folder), linked)
    sources = list({source.path: source for source in items}.values())
    known = writer.known() if known is None else known
    look = partial(_read, images, known, left_out)
    with ThreadPoolExecutor(1 + min(DECODERS, usable_cores())) as pool:
        progress("indexing", 0, len(sources))
        batches = _batches(pool, look, sources, known, batch)
        # The next batch is read while the model works on this one; no more than that waits in memory.
        coming = pool.submit(next, batches, None)
        while (ready := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            _append(writer, embedder, ready, forget)
            report.added += len(ready.items)
            report.kept += ready.kept
            report.removed += ready.removed
            report.skipped += ready.skipped
            done = report.added + report.kept + report.removed + len(report.skipped)
            progress("indexing", done, len(sources))
    return report


def merge_small_segments(writer: Writer, progress: Progress) -> None:
    """Merge what was taken in."""
    progress("compacting", 0, 1)
    writer.merge_small_segments()
    progress("compacting", 1, 1)


@dataclass
class _Batch:
    """Some of the sources, read."""

    items: list[NewItem] = field(default_factory=list)
    pictures: list[Image.Image] = field(default_factory=list)  # of the items
    outdated: list[int] = field(default_factory=list)  # ids of items whose file is another one now
    skipped: list[tuple[str, str]] = field(default_factory=list)
    kept: int = 0
    removed: int = 0

    def pixels(self) -> int:
        return sum(item.width * item.height for item in self.items)


class _Picture(NamedTuple):
    item: NewItem
    picture: Image.Image


class _Outcome(Enum):
    KEPT = auto()  # in the collection as it is
    REMOVED = auto()  # on purpose, before


_Read = _Picture | _Outcome | OSError | BadImage


def _append(writer: Writer, embedder: Embedder, ready: _Batch, forget: bool) -> None:
    """Embed a batch and write it in one step."""
    if ready.items:
        seen = embedder.embed(ready.pictures)
        writer.append(ready.items, seen.embedding, seen.box, seen.presence, removing=ready.outdated, forget=forget)
    else:
        writer.remove(ready.outdated)


def _batches(
    pool: ThreadPoolExecutor, look: Callable[[Source], _Read], sources: Sequence[Source], known: Known, size: int
) -> Iterator[_Batch]:
    """Read the sources, `size` at a time, or fewer where their pictures are large."""
    waiting = iter(sources)
    while True:
        made, taken = _Batch(), 0
        while taken < size and made.pixels() < MAX_PIXELS:
            group = list(islice(waiting, min(DECODERS, size - taken)))
            if not group:
                break
            taken += len(group)
            for source, seen in zip(group, pool.map(look, group), strict=True):
                _sort_in(made, known, source, seen)
        if not taken:
            return
        yield made


def _sort_in(made: _Batch, known: Known, source: Source, seen: _Read) -> None:
    if seen is _Outcome.KEPT:
        made.kept += 1
        return
    # A file that cannot be read may be back tomorrow; one that is no picture any more has lost its item.
    if source.path in known and not isinstance(seen, OSError):
        made.outdated.append(known[source.path][0])
    if isinstance(seen, _Picture):
        made.items.append(seen.item)
        made.pictures.append(seen.picture)
    elif isinstance(seen, _Outcome):
        made.removed += 1
    else:
        why = seen.strerror if isinstance(seen, OSError) and seen.strerror else str(seen)
        made.skipped.append((source.path, why))


def _read(images: ImageFolder, known: Known, left_out: Collection[str], source: Source) -> _Read:
    """Read a file once, hash it, and decode it if need be; or return why it cannot be an item."""
    if not usable_text(source.path):
        return OSError("Its name is not valid Unicode.")
    path = images.find(source.path)
    if path is None:
        return _unreadable(images.root / source.path)
    try:
        data = read(path)
        digest = hashlib.sha256(data).hexdigest()
        if source.path in known and known[source.path][1:] == (len(data), digest):
            return _Outcome.KEPT
        if digest in left_out:
            return _Outcome.REMOVED
        picture = open_image(data)
    except (OSError, BadImage) as error:
        return error
    return _Picture(NewItem(source.path, digest, len(data), *picture.size, source.labels), picture)


def _unreadable(path: Path) -> OSError:
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        return OSError("There is no such file in the image folder.")
    if stat.S_ISDIR(kind):
        return OSError("The folder cannot be read.")
    if stat.S_ISREG(kind):
        return OSError("It lies outside of the image folder, or a link leads there (see --follow-links).")
    return OSError("It is no file.")
