"""Progress of long work, reported to a callback."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # phase ("indexing", "merging", ...), done, total
