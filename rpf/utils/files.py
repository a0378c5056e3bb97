"""Atomic writes, so that a crash leaves the old file or the new one; hashes of files."""

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

# A full disk, a quota, a limit of the process; a read-only disk, missing permission.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def check_writable(folder: Path) -> None:
    """Create the folder if it is missing; raise OSError if no file can be created in it."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write `data` as `replace_file` does."""
    with replace_file(path, mode) as file:
        file.write(data)


@contextmanager
def replace_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` for writing; at the end make it durable, and rename it into place.

    `mode`: its permissions, before the umask.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the directory entries of a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(folder: Path) -> None:
    """Make all files below a folder, also those that a library wrote, and their names durable."""
    for path in folder.rglob("*"):
        sync_folder(path)
    sync_folder(folder)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, or a copy where the file system has no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def load_or_create_secret(path: Path) -> str:
    """Return the 64 hexadecimal digits in the file, which the first process creates, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        with open(temporary, "x", opener=partial(os.open, mode=0o600)) as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(temporary, path)  # unlike a rename it never replaces a file
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text()


def inside(root: Path, path: Path) -> bool:
    """Return whether `path`, its symbolic links followed, exists and lies in the folder `root` (resolved already)."""
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError, ValueError):  # missing; a loop of links; a NUL in the name
        return False


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
