"""From files anywhere to pictures in a collection's image folder, by the paths that its items have."""

import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from rpf.collection.manifest import read_manifest
from rpf.errors import BadImage, CollectionError, DatasetError
from rpf.files import sync_folder
from rpf.images import MAX_BYTES, open_image
from rpf.indexing import Source, find_images


def image_root(folder: Path) -> Path:
    """The image folder, resolved, of a collection that takes pictures. Raises CollectionError for one that does not."""
    manifest, _ = read_manifest(folder)
    if not manifest.checkpoint:
        template = "The collection %(name)s was imported without its checkpoint: it cannot take pictures."
        raise CollectionError(template, name=folder.name)
    return manifest.image_root(folder)


def check_model(folder: Path, checkpoint_hash: str) -> None:
    """Raise CollectionError unless the collection was made with this checkpoint."""
    if read_manifest(folder)[0].checkpoint != checkpoint_hash:
        template = "The collection %(name)s was made with another checkpoint; give that by --checkpoint."
        raise CollectionError(template, name=folder.name)


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


def copied(root: Path, outside: Sequence[Path]) -> tuple[list[Source], list[tuple[str, str]]]:
    """Copy pictures into `root`: the sources that they are now, and (path, why) of what is no picture.

    A name that is taken gets a number, unless the file under it is the same one, so that a second call changes nothing.
    A crash leaves no half of a picture.
    """
    root.mkdir(parents=True, exist_ok=True)
    sources: list[Source] = []
    skipped: list[tuple[str, str]] = []
    for path in outside:
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
            open_image(data)
        except (OSError, BadImage) as error:
            skipped.append((str(path), getattr(error, "strerror", None) or str(error)))
        else:
            sources.append(Source(_put(root, path, data)))
    return sources, skipped


def _files(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from (path.resolve() / name for name in find_images(path))
        elif path.exists():
            yield path
        else:
            raise DatasetError("There is no picture or folder %(path)s.", path=path)


def _put(root: Path, path: Path, data: bytes) -> str:
    """Write a file under the first name that is free, and return the name."""
    temporary = root / f".{secrets.token_hex(6)}.tmp"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        number = 1
        while True:
            name = path.name if number == 1 else f"{path.stem}-{number}{path.suffix}"
            try:
                os.link(temporary, root / name)  # unlike a rename it takes nobody's place
                break
            except FileExistsError:
                if _holds(root / name, data):
                    break
                number += 1
    finally:
        temporary.unlink()
    sync_folder(root)
    return name


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data
