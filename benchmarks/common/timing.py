"""Time of a piece of work."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of the work, and the seconds that it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start
