"""Progress of long work, told to whoever shows it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # phase ("indexing", "compacting", ...), done, total
