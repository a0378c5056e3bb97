"""Work in a separate process, bounded in time and memory."""

import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil

MAX_MEMORY_SHARE = 0.8  # of the memory that is free


class Unfinished(Exception):
    """The work was stopped or failed; the text says why, in a few words."""


def in_process(limit_seconds: float, threads: int, work: Callable[..., Any], *args: Any) -> Any:
    """Return `work(*args)` of a fresh process with that many threads. Raises Unfinished after the limit, for want of
    memory, and when the work fails."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    max_bytes = int(MAX_MEMORY_SHARE * psutil.virtual_memory().available)
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    # The new process reads these as it loads the libraries. Threads that spin while they wait take each other's cores.
    os.environ.update(dict.fromkeys(libraries, str(threads)), OMP_WAIT_POLICY="passive")
    process = context.Process(target=_run, args=(sender, max_bytes, work, args))
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit_seconds):
            raise Unfinished(f"over {limit_seconds / 60:.0f} min")
        kind, value = receiver.recv()
    except EOFError:
        raise Unfinished("killed") from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if kind == "error":
        raise Unfinished(value)
    return value


def _run(sender: Connection, max_bytes: int, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (max_bytes, max_bytes))
    try:
        sender.send(("value", work(*args)))
    except ImportError as error:
        sender.send(("error", f"{error.name} is not installed"))
    except MemoryError:
        sender.send(("error", "not enough memory"))
    except Exception as error:
        sender.send(("error", f"{type(error).__name__}: {error}"[:200]))
