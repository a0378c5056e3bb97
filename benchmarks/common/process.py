"""A function's work in a process of its own, bounded in time and memory."""

import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil

SHARE = 0.8  # of the memory that is free, for one process


class Unfinished(Exception):
    """The work did not come to its end; the text says why, in a few words."""


def in_process(limit: float, threads: int, work: Callable[..., Any], *args: Any) -> Any:
    """What `work(*args)` returns, from a fresh process with that many threads. Raises Unfinished after `limit` seconds,
    for want of memory, and when it fails."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    memory = int(SHARE * psutil.virtual_memory().available)
    os.environ.update(_environment(threads))  # read by the libraries as the new process loads them
    process = context.Process(target=_run, args=(sender, memory, work, args))
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            raise Unfinished(f"over {limit / 60:.0f} min")
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


def _run(sender: Connection, memory: int, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    try:
        sender.send(("value", work(*args)))
    except ImportError as error:
        sender.send(("error", f"{error.name} is not installed"))
    except MemoryError:
        sender.send(("error", "not enough memory"))
    except Exception as error:
        sender.send(("error", f"{type(error).__name__}: {error}"[:200]))


def _environment(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    # Threads that wait for work by turning in circles take the cores from each other.
    return {**dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "passive"}
