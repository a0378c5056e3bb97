"""Image files named by a request, read inside allowed folders only."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from rpf.errors import RPFError, TooLarge

MAX_UPLOAD_BYTES = 16 * 2**20
_URL = re.compile(r"[a-z][a-z0-9+.-]*:/|data:", re.IGNORECASE)


class Forbidden(RPFError):
    """Path outside the allowed folders. Its one message does not tell what exists there."""


class NotFound(RPFError):
    """Path inside the allowed folders without a regular file."""


def read(img_path: str, roots: Sequence[Path], limit: int = MAX_UPLOAD_BYTES) -> bytes:
    """Read the file that `resolve` finds. Raises TooLarge above `limit` bytes.

    The checks hold for the file that is read, even if it is replaced meanwhile: every folder on the way is opened
    without following links, and the file is opened once.
    """
    path = resolve(img_path, roots)
    root = next(root for root in map(_real, roots) if path.is_relative_to(root))
    try:
        handle = _open_below(root, path.relative_to(root).parts)
    except OSError:  # gone, changed or closed to us since it was resolved
        raise _not_found() from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _not_found()
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise TooLarge(limit)
    return data


def resolve(img_path: str, roots: Sequence[Path]) -> Path:
    """Resolve a path, absolute or relative to one of `roots` (the first that has it), following links.

    Raises Forbidden for everything outside the roots: other absolute paths, any "..", links that lead out, "~", URLs,
    and strings that are no path. Raises NotFound inside them where nothing is, or a folder, pipe or device.
    """
    allowed = [_real(root) for root in roots]
    ends = [_follow(start, parts, allowed) for start, parts in _starts(img_path, roots)]
    for end in ends:
        if end is not None and os.path.isfile(end):
            return end
    if None in ends or not ends:
        raise Forbidden("The path is not inside the folders that may be read.")
    raise _not_found()


def _starts(img_path: str, roots: Sequence[Path]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield each reading of the path: the root to start from (links resolved) and the names to follow below it."""
    path = PurePosixPath(img_path)
    if ".." in path.parts or img_path.startswith("~") or _URL.match(img_path) or not _is_file_name(img_path):
        return
    for root in roots:
        real = _real(root)
        if not path.is_absolute():
            yield real, path.parts
            continue
        # A root that is itself a link may be named by either of its names.
        for name in {Path(os.path.abspath(root)), real}:
            if path.is_relative_to(name):
                yield real, path.relative_to(name).parts


def _follow(start: Path, parts: Sequence[str], allowed: Sequence[Path]) -> Path | None:
    """Follow the names to the end, or to the first that does not exist; None once a link leads out of `allowed`.

    One step at a time, because a path that leaves and comes back would tell what exists outside.
    """
    end = start
    for part in parts:
        try:
            below = _real(end / part)
        except OSError:  # a link that changed while it was read
            break
        if not any(below.is_relative_to(root) for root in allowed):
            return None
        end = below
        if not os.path.lexists(end):
            break
    return end


def _is_file_name(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can carry and no file name can
        return False


def _open_below(root: Path, parts: Sequence[str]) -> int:
    """Open root/part/part/... without following links and without blocking, even on a pipe."""
    base = os.O_RDONLY | os.O_CLOEXEC
    handle = os.open(root, base | os.O_DIRECTORY)
    for i, part in enumerate(parts):
        kind = os.O_DIRECTORY if i + 1 < len(parts) else os.O_NONBLOCK
        try:
            below = os.open(part, base | os.O_NOFOLLOW | kind, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _not_found() -> NotFound:
    return NotFound("There is no file at that path.")
