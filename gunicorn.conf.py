"""Settings of `gunicorn wsgi:app` (see also `make serve`). One process with threads: the model is in memory once.

gunicorn reads them in this folder only; elsewhere give it -c and the path of this file.
"""

import ctypes
import os
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

try:
    READING = float(os.environ.get("RPF_REQUEST_TIMEOUT") or 60)  # seconds in which a request must have come
except ValueError:
    sys.exit(f'Error: RPF_REQUEST_TIMEOUT must be a number of seconds, not "{os.environ["RPF_REQUEST_TIMEOUT"]}".')
M_MMAP_THRESHOLD = -3  # of mallopt, from malloc.h
WHOLE = 2 * READING  # seconds in which its answer must have gone


class RequestTimeoutWorker(ThreadWorker):
    """Ends requests that take too long to come or whose answers take too long to go: their thread is needed.

    (gunicorn's own timeout is for the worker as a whole.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handled: dict[TConn, float] = {}  # since when, on the monotonic clock

    def handle(self, conn: TConn) -> Any:
        """One request, in a thread of the pool."""
        self._handled[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._handled.pop(conn, None)

    def notify(self) -> None:
        """Called by the worker's loop, about once a second."""
        super().notify()
        now = time.monotonic()
        for conn, since in list(self._handled.items()):
            if now - since > READING:
                # What has come is answered; what is still to come ends here, for the program a disconnect.
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR if now - since > WHOLE else socket.SHUT_RD)


def post_worker_init(worker: ThreadWorker) -> None:
    """Begin to prepare the engine at once, not at the first request."""
    from webapp import begin  # not before the fork: the parent stays small, and a reload takes new code

    if worker.alive:
        begin(worker.wsgi)


def worker_exit(arbiter: Any, worker: ThreadWorker) -> None:
    """Stop preparing the engine. gunicorn calls this in the parent too, for a worker that is gone."""
    if worker.pid == os.getpid() and hasattr(worker, "wsgi"):
        from webapp import end

        if not end(worker.wsgi):
            os._exit(0)  # the next start resumes; an ordinary exit would abort the process


def return_freed_memory() -> None:
    """Let glibc map blocks of 1 MB and more by themselves, so that they go back to the system once they are freed.

    By default it raises that bound to 32 MB as it goes, and images of many threads leave heaps full of holes behind.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**20)


try:
    tempfile.gettempdir()
except FileNotFoundError:  # all disks are read-only, as in a locked container
    if not os.access("/dev/shm", os.W_OK):
        sys.exit("Error: There is no folder for temporary files; set TMPDIR to one that can be written.")
    os.environ["TMPDIR"] = "/dev/shm"
return_freed_memory()
pythonpath = str(Path(__file__).resolve().parent)  # where wsgi and webapp are, wherever gunicorn is started
bind = os.environ.get("RPF_BIND") or f"0.0.0.0:{os.environ.get('PORT') or 8000}"
worker_class = RequestTimeoutWorker
workers = 1
threads = 64  # more than the 48 searches that may wait for the model: what needs no model is answered meanwhile
timeout = 120  # a worker that is silent for so long is replaced; a slow request alone does not silence it
graceful_timeout = 30
keepalive = 5
preload_app = False  # a model and its threads made before the fork would not survive it
control_socket_disable = True
