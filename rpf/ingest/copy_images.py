"""Copies of images from elsewhere, in the image folder of a collection."""

import hashlib
import itertools
import os
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rpf.collection import ImageFolder, Writer
from rpf.errors import BadImage, DatasetError
from rpf.images.decode import open_image, read
from rpf.ingest.pipeline import ImageRecord, IngestReport
from rpf.ingest.scan import scan
from rpf.utils.files import sync_folder
from rpf.utils.text import usable_text


@dataclass
class ImageSources:
    """Images among files and folders."""

    inside: list[ImageRecord] = field(default_factory=list)  # of the image folder
    outside: list[Path] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)  # as in rpf.ingest.scan


def locate_images(images: ImageFolder, paths: Sequence[Path], follow_links: bool = False) -> ImageSources:
    """Find the images in files and folders, and separate those inside the image folder from the others.

    Raises DatasetError for a missing file or folder.
    """
    sources = ImageSources()
    for path in paths:
        if not path.exists():
            raise DatasetError('There is no image or folder "%(path)s".', path=path)
        # A link to an image inside of the folder counts as a separate image; one to a folder leads elsewhere.
        candidates = [path.resolve() if path.is_dir() else path.parent.resolve() / path.name]
        candidates += [Path(os.path.abspath(path))] if follow_links else []
        place = next((one for one in candidates if one.is_relative_to(images.root)), candidates[0])
        files = [place]
        if path.is_dir():
            contents = scan(path, images.linked if follow_links else None)
            sources.left_out += contents.left_out
            files = [place / name for name in contents.paths]
        for file in files:
            if file.is_relative_to(images.root):
                sources.inside.append(ImageRecord(file.relative_to(images.root).as_posix()))
            else:
                sources.outside.append(file)
    return sources


def copy_images(writer: Writer, paths: Sequence[Path], again: bool) -> tuple[list[ImageRecord], IngestReport]:
    """Copy images into the image folder; those that were removed on purpose only with `again`.

    Returns the copies, and a report of the images that were skipped or left out.
    A name that is taken gets a number, unless the file under it is the same one, so that a second call changes nothing.
    A crash leaves a partial image under a hidden name only, which the next call deletes.
    """
    copies: list[ImageRecord] = []
    report = IngestReport()
    if not paths:
        return copies, report
    root = writer.manifest.spec.image_root(writer.folder)
    hidden = f".rpf-{writer.folder.name}-"  # other collections may have the same image folder, and other writers
    for leftover in root.glob(f"{hidden}*.tmp"):
        leftover.unlink()
    left_out: frozenset[str] = frozenset() if again else writer.removed_images()
    for path in paths:
        try:
            data = _read(path)
        except (OSError, BadImage) as error:
            report.skipped.append((str(path), getattr(error, "strerror", None) or str(error)))
            continue
        if hashlib.sha256(data).hexdigest() in left_out:
            report.left_out += 1
        else:
            copies.append(ImageRecord(_write(root, path, data, root / f"{hidden}{secrets.token_hex(6)}.tmp")))
    return copies, report


def _read(path: Path) -> bytes:
    """Read an image. Raises OSError, BadImage."""
    if not usable_text(path.name):
        raise OSError("Its name is not valid Unicode.")
    if not path.is_file() and not path.is_dir():  # reading a pipe would block
        raise OSError("It is no file.")
    data = read(path)
    open_image(data)
    return data


def _write(root: Path, path: Path, data: bytes, temporary: Path) -> str:
    """Write a file under the first free name, and return the name."""
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        numbered = (f"{path.stem}-{number}{path.suffix}" for number in itertools.count(2))
        name = next(name for name in itertools.chain([path.name], numbered) if _link(temporary, root / name, data))
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(root)
    return name


def _link(temporary: Path, path: Path, data: bytes) -> bool:
    """Give the file this name too; return False if another file has it."""
    try:
        os.link(temporary, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
    return True
