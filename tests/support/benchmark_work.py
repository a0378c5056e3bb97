"""Work for a separate process, which loads nothing but this."""

import os
import signal
import time
from typing import Any


def work(kind: str) -> Any:
    if kind == "sleep":
        time.sleep(60)
    if kind == "memory":
        return len(bytearray(2**50))
    if kind == "import":
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401
    if kind == "fail":
        raise RuntimeError("it broke")
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return kind
