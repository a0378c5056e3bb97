"""Pictures from anywhere into a collection that is there, by way of its image folder."""

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rpf.collection import Writer
from rpf.collection.manifest import read_manifest, usable_text
from rpf.errors import BadImage, CollectionError, DatasetError
from rpf.files import sync_folder
from rpf.images import open_image, read
from rpf.indexing import Embedder, Progress, Report, Source, find_images, take_in, tidy


def image_root(folder: Path) -> Path:
    """The image folder, resolved, of a collection that takes pictures. Raises CollectionError for one that does not."""
    manifest, _ = read_manifest(folder)
    if not manifest.checkpoint:
        template = "The collection %(name)s was imported without its checkpoint: it cannot take pictures."
        raise CollectionError(template, name=folder.name)
    root = manifest.image_root(folder)
    if not root.is_dir():  # a disk that is not there today; a folder made in its place would hide its pictures
        template = "The image folder %(root)s of the collection %(name)s is not there."
        raise CollectionError(template, root=root, name=folder.name)
    return root


def pictures(root: Path, given: Sequence[Path]) -> tuple[list[Source], list[Path]]:
    """The pictures that these files and folders are or hold: those inside `root`, as sources; and the others.

    Raises DatasetError for what is not there.
    """
    inside: list[Source] = []
    outside: list[Path] = []
    for path in _files(given):
        place = path.parent.resolve() / path.name  # a link inside of the folder is a picture of its own
        if place.is_relative_to(root):
            inside.append(Source(place.relative_to(root).as_posix()))
        else:
            outside.append(path)
    return inside, outside


def add(
    folder: Path,
    inside: Sequence[Source],
    outside: Sequence[Path],
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Progress,
    wait: float = 0.0,
    finish: Callable[[Writer], object] = lambda writer: None,
) -> Report:
    """Bring pictures inside of its image folder, and copies of others, into the collection in `folder`.

    As rpf.indexing.index, for a collection that is there. Raises UnknownCollection, and CollectionError for one of
    another checkpoint or with another writer; then nothing is changed.
    """
    started = time.monotonic()
    with Writer.existing(folder, wait) as writer:
        if writer.manifest.checkpoint != embedder.checkpoint_hash:
            template = "The collection %(name)s was made with another checkpoint; give that by --checkpoint."
            raise CollectionError(template, name=folder.name)
        copies, skipped = copied(writer, outside) if outside else ([], [])
        report = take_in(writer, [*inside, *copies], embedder, batch=batch, progress=progress)
        report.skipped[:0] = skipped
        tidy(writer, progress)
        finish(writer)
    report.seconds = time.monotonic() - started
    return report


def copied(writer: Writer, outside: Sequence[Path]) -> tuple[list[Source], list[tuple[str, str]]]:
    """Copy pictures into the image folder: the sources that they are now, and (path, why) of what is no picture.

    A name that is taken gets a number, unless the file under it is the same one, so that a second call changes nothing.
    A crash leaves no half of a picture under any name but a hidden one, which the next call clears away.
    """
    root = writer.manifest.image_root(writer.folder)
    hidden = f".rpf-{writer.folder.name}-"  # other collections may have the same image folder, and writers of their own
    for left in root.glob(f"{hidden}*.tmp"):
        left.unlink()
    sources: list[Source] = []
    skipped: list[tuple[str, str]] = []
    for path in outside:
        try:
            data = _read(path)
        except (OSError, BadImage) as error:
            why = getattr(error, "strerror", None) or str(error)
            skipped.append((str(path).encode(errors="backslashreplace").decode(), why))
        else:
            name = _put(root, path, data, root / f"{hidden}{secrets.token_hex(6)}.tmp")
            sources.append(Source(name))
    return sources, skipped


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from (path.resolve() / name for name in find_images(path))
        elif path.exists():
            yield path
        else:
            raise DatasetError("There is no picture or folder %(path)s.", path=path)


def _read(path: Path) -> bytes:
    """The bytes of a picture. Raises OSError, BadImage."""
    if not usable_text(path.name):
        raise OSError("Its name is not valid Unicode.")
    if not path.is_file() and not path.is_dir():  # a pipe, which would be waited for
        raise OSError("It is no file.")
    data = read(path)
    open_image(data)
    return data


def _put(root: Path, path: Path, data: bytes, temporary: Path) -> str:
    """Write a file under the first name that is free, and return the name."""
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        number = 1
        name = path.name
        while not _given(temporary, root / name, data):
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(root)
    return name


def _given(temporary: Path, path: Path, data: bytes) -> bool:
    """Give the file this name too; False if another one has it."""
    try:
        os.link(temporary, path)  # unlike a rename it takes nobody's place
    except FileExistsError:
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    return True
