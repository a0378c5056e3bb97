"""From pictures to a collection: read, hash, decode, embed, append; resumable at any point."""

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from rpf.collection import NewItem, Writer
from rpf.collection.arrays import inside
from rpf.collection.manifest import usable_text
from rpf.errors import BadImage, DatasetError
from rpf.images import open_image, read

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
MAX_PIXELS = 64_000_000  # decoded pictures waiting for the model, about 200 MB; a batch is cut short at this
DECODERS = 4

Progress = Callable[[str, int, int], None]  # phase ("indexing" or "compacting"), done, total
Known = dict[str, tuple[int, int, str]]  # Writer.known()


class Embedded(Protocol):
    """What a model computes for n pictures."""

    @property
    def embedding(self) -> npt.NDArray[np.float32]: ...  # (n, A, D), unit vectors
    @property
    def box(self) -> npt.NDArray[np.int32]: ...  # (n, A, 4): left, top, right, bottom in each picture's pixels
    @property
    def applicable(self) -> npt.NDArray[np.float32] | None: ...  # (n, A): how likely it has that part; None: unknown


class Embedder(Protocol):
    """A model as indexing needs it."""

    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def dim(self) -> int: ...
    @property
    def checkpoint_hash(self) -> str: ...
    def embed(self, pictures: Sequence[Image.Image], /) -> Embedded: ...


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
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (path, why)
    seconds: float = 0.0


def find_images(folder: Path) -> list[str]:
    """The pictures in a folder and all folders in it, by suffix: sorted posix paths relative to it.

    Hidden files and folders are left out, links to folders and links that lead out of the folder too. A folder that
    cannot be listed is in the list itself, so that `index` reports it. Raises DatasetError if `folder` is no folder.
    """
    if not folder.is_dir():
        raise DatasetError("There is no folder %(path)s.", path=folder)
    root = folder.resolve()
    found: list[Path] = []

    def unlisted(error: OSError) -> None:
        if Path(error.filename) == root:
            raise DatasetError("The folder %(path)s cannot be read: %(why)s.", path=folder, why=error.strerror)
        found.append(Path(error.filename))

    for parent, folders, files in os.walk(root, onerror=unlisted):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(parent, name)
            wanted = path.suffix.lower() in SUFFIXES and not name.startswith(".")
            if wanted and (not path.is_symlink() or inside(root, path)):
                found.append(path)
    return sorted(path.relative_to(root).as_posix() for path in found)


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
    finish: Callable[[Writer], object] = lambda writer: None,
) -> Report:
    """Bring the pictures `items` under `root` into the collection in `folder`, which is made if need be.

    Pictures whose path, size and hash are in the collection are kept; changed ones get a new id; items that are not
    named stay as they are. Each batch is one step: after Ctrl-C or kill -9 the same call goes on after the last whole
    batch. `relative_root` is `root` as seen from `folder`, for a collection that carries its pictures along; `wait` is
    how many seconds to wait for another writer; `finish` is called last, still under this one's lock.
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
        report = take_in(writer, items, embedder, batch=batch, progress=tell)
        tidy(writer, tell)
        finish(writer)
    report.seconds = time.monotonic() - started
    return report


def take_in(
    writer: Writer,
    items: Sequence[Source],
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Progress,
    anew: Collection[str] = (),
) -> Report:
    """What `index` does with pictures, by a writer that is there.

    Those of the paths `anew` are embedded and replaced even if they are unchanged.
    """
    report = Report()
    root = writer.manifest.image_root(writer.folder)
    sources = list({source.path: source for source in items}.values())
    known = writer.known()
    known |= {path: (*known[path][:2], "") for path in anew if path in known}
    with ThreadPoolExecutor(1 + DECODERS) as pool:
        progress("indexing", 0, len(sources))
        batches = _batches(pool, root, sources, known, batch)
        # The next batch is read while the model works on this one; no more than that waits in memory.
        coming = pool.submit(next, batches, None)
        while (ready := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            _append(writer, embedder, ready)
            report.added += len(ready.items)
            report.kept += ready.kept
            report.skipped += ready.skipped
            progress("indexing", report.added + report.kept + len(report.skipped), len(sources))
    return report


def tidy(writer: Writer, progress: Progress) -> None:
    """Merge what was taken in."""
    progress("compacting", 0, 1)
    writer.tidy()
    progress("compacting", 1, 1)


@dataclass
class _Batch:
    """Some of the sources, read."""

    items: list[NewItem] = field(default_factory=list)
    pictures: list[Image.Image] = field(default_factory=list)  # of the items
    outdated: list[int] = field(default_factory=list)  # ids of items whose file is another one now
    skipped: list[tuple[str, str]] = field(default_factory=list)
    kept: int = 0

    def pixels(self) -> int:
        return sum(item.width * item.height for item in self.items)


class _Picture(NamedTuple):
    item: NewItem
    picture: Image.Image


def _append(writer: Writer, embedder: Embedder, ready: _Batch) -> None:
    """Embed a batch and write it in one step."""
    if ready.items:
        seen = embedder.embed(ready.pictures)
        writer.append(ready.items, seen.embedding, seen.box, seen.applicable, removing=ready.outdated)
    else:
        writer.remove(ready.outdated)


def _batches(
    pool: ThreadPoolExecutor, root: Path, sources: Sequence[Source], known: Known, size: int
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
            for source, seen in zip(group, pool.map(partial(_read, root, known), group), strict=True):
                _sort_in(made, known, source, seen)
        if not taken:
            return
        yield made


def _sort_in(made: _Batch, known: Known, source: Source, seen: _Picture | OSError | BadImage | None) -> None:
    if seen is None:
        made.kept += 1
        return
    # A file that cannot be read may be back tomorrow; one that is no picture any more has lost its item.
    if source.path in known and not isinstance(seen, OSError):
        made.outdated.append(known[source.path][0])
    if isinstance(seen, _Picture):
        made.items.append(seen.item)
        made.pictures.append(seen.picture)
    else:
        why = seen.strerror if isinstance(seen, OSError) and seen.strerror else str(seen)
        made.skipped.append((source.path.encode(errors="backslashreplace").decode(), why))


def _read(root: Path, known: Known, source: Source) -> _Picture | OSError | BadImage | None:
    """Read a file once, hash and decode it; None if it is in the collection as it is, else why it cannot be there."""
    path = root / source.path
    if not usable_text(source.path):
        return OSError("Its name is not valid Unicode.")
    try:
        if inside(root, path) and path.is_dir():
            return OSError("The folder cannot be read.")
        if not inside(root, path) or not path.is_file():
            return OSError("There is no such file in the image folder.")
        data = read(path)
        digest = hashlib.sha256(data).hexdigest()
        if source.path in known and known[source.path][1:] == (len(data), digest):
            return None
        picture = open_image(data)
    except (OSError, BadImage) as error:
        return error
    return _Picture(NewItem(source.path, digest, len(data), *picture.size, source.labels), picture)
