"""Images from anywhere into a collection that is there, by way of its image folder."""

import hashlib
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rpf.collection import Writer
from rpf.collection.image_folder import ImageFolder
from rpf.collection.manifest import read_manifest
from rpf.errors import BadImage, CollectionError, DatasetError
from rpf.images.decode import open_image, read
from rpf.inference.interface import Embedder
from rpf.ingest.pipeline import Report, Source, merge_small_segments, update
from rpf.ingest.scan import scan
from rpf.utils.files import sync_folder
from rpf.utils.progress import Progress
from rpf.utils.text import usable_text


@dataclass
class Given:
    """The images that files and folders are or hold."""

    inside: list[Source] = field(default_factory=list)  # of the image folder
    outside: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # as in rpf.ingest.scan


def image_folder(folder: Path, linked: tuple[Path, ...] = ()) -> ImageFolder:
    """Return the image folder of a collection that takes images. Raises CollectionError for one that does not."""
    manifest, _ = read_manifest(folder)
    if not manifest.spec.checkpoint:
        template = "The collection %(name)s was imported without its checkpoint: it cannot take pictures."
        raise CollectionError(template, name=folder.name)
    images = ImageFolder(manifest.spec.image_root(folder), linked)
    images.require(folder.name)  # a folder made in its place would hide its images
    return images


def sort_given(images: ImageFolder, paths: Sequence[Path], follow_links: bool = False) -> Given:
    """Find the images in files and folders, and tell those inside of the image folder from the others.

    Raises DatasetError for what is not there.
    """
    given = Given()
    for path in paths:
        if not path.exists():
            raise DatasetError("There is no picture or folder %(path)s.", path=path)
        # A link to an image inside of the folder is an image of its own; one to a folder leads elsewhere.
        ways = [path.resolve() if path.is_dir() else path.parent.resolve() / path.name]
        ways += [Path(os.path.abspath(path))] if follow_links else []
        place = next((way for way in ways if way.is_relative_to(images.root)), ways[0])
        files = [place]
        if path.is_dir():
            contents = scan(path, images.linked if follow_links else None)
            given.left_out += contents.left_out
            files = [place / name for name in contents.paths]
        for file in files:
            if file.is_relative_to(images.root):
                given.inside.append(Source(file.relative_to(images.root).as_posix()))
            else:
                given.outside.append(file)
    return given


def add(
    folder: Path,
    given: Given,
    embedder: Embedder,
    *,
    batch: int = 32,
    progress: Progress,
    wait: float = 0.0,
    again: bool = False,
    linked: tuple[Path, ...] = (),
    finish: Callable[[Writer], object] = lambda writer: None,
) -> Report:
    """Bring images inside of its image folder, and copies of others, into the collection in `folder`.

    As `pipeline.index`, for a collection that is there. Raises UnknownCollection, and CollectionError for one of
    another checkpoint or with another writer; then nothing is changed.
    """
    started = time.monotonic()
    with Writer.open(folder, wait=wait) as writer:
        if writer.manifest.spec.checkpoint != embedder.checkpoint_hash:
            template = "The collection %(name)s was made with another checkpoint; give that by --checkpoint."
            raise CollectionError(template, name=folder.name)
        copies = copy_images(writer, given.outside, again) if given.outside else Copies()
        sources = [*given.inside, *copies.sources]
        report = update(writer, sources, embedder, batch=batch, progress=progress, again=again, linked=linked)
        report.skipped[:0] = copies.skipped
        report.removed += copies.removed
        merge_small_segments(writer, progress)
        finish(writer)
    report.seconds = time.monotonic() - started
    return report


@dataclass
class Copies:
    """What became of images outside of the image folder."""

    sources: list[Source] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (path, why)
    removed: int = 0  # not copied, because they were removed on purpose before


def copy_images(writer: Writer, outside: Sequence[Path], again: bool) -> Copies:
    """Copy images into the image folder; those that were removed on purpose only if `again`.

    A name that is taken gets a number, unless the file under it is the same one, so that a second call changes nothing.
    A crash leaves no half of an image under any name but a hidden one, which the next call clears away.
    """
    root = writer.manifest.spec.image_root(writer.folder)
    hidden = f".rpf-{writer.folder.name}-"  # other collections may have the same image folder, and writers of their own
    for left in root.glob(f"{hidden}*.tmp"):
        left.unlink()
    left_out: frozenset[str] = frozenset() if again else writer.removed_images()
    copies = Copies()
    for path in outside:
        try:
            data = _read(path)
        except (OSError, BadImage) as error:
            why = getattr(error, "strerror", None) or str(error)
            copies.skipped.append((str(path), why))
            continue
        if hashlib.sha256(data).hexdigest() in left_out:
            copies.removed += 1
        else:
            name = _put(root, path, data, root / f"{hidden}{secrets.token_hex(6)}.tmp")
            copies.sources.append(Source(name))
    return copies


def _read(path: Path) -> bytes:
    """Read an image. Raises OSError, BadImage."""
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
