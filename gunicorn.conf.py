"""Settings of `gunicorn wsgi:app` (see also `make serve`). One process with threads: the model is in memory once.

gunicorn reads them in this folder only; elsewhere give it -c and the path of this file.
"""

import ctypes
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

pythonpath = str(Path(__file__).resolve().parent)  # of wsgi and webapp, wherever gunicorn is started
sys.path.insert(0, pythonpath)

from rpf.errors import ConfigError  # noqa: E402
from rpf.utils.encoding import use_utf8  # noqa: E402
from webapp.config import SiteConfig  # noqa: E402
from webapp.gunicorn_worker import RequestTimeoutWorker  # noqa: E402

M_MMAP_THRESHOLD = -3  # of mallopt, from malloc.h


def post_worker_init(worker: RequestTimeoutWorker) -> None:
    """Start preparing the engine at once, not with the first request."""
    from webapp import start_background

    if worker.alive:
        start_background(worker.wsgi)


def worker_exit(arbiter: Any, worker: RequestTimeoutWorker) -> None:
    """Stop preparing the engine. gunicorn calls this in the parent too, for a worker that has ended."""
    if worker.pid == os.getpid() and hasattr(worker, "wsgi"):
        from webapp import stop_background

        if not stop_background(worker.wsgi):
            os._exit(0)  # the next start resumes; an ordinary exit would abort the process


def return_freed_memory() -> None:
    """Let glibc map blocks of 1 MB and more by themselves, so that they go back to the system once they are freed.

    By default it raises that bound to 32 MB as it goes, and images of many threads leave heaps full of holes behind.
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**20)


use_utf8()
try:
    tempfile.gettempdir()
except FileNotFoundError:  # all disks are read-only, as in a locked container
    if not os.access("/dev/shm", os.W_OK):
        sys.exit("Error: There is no folder for temporary files; set TMPDIR to one that can be written.")
    os.environ["TMPDIR"] = "/dev/shm"
return_freed_memory()
try:
    bind = SiteConfig.from_environ().address
except ConfigError as error:
    sys.exit(f"Error: {error}")
worker_class = RequestTimeoutWorker
workers = 1
threads = 64  # more than the 48 searches that may wait for the model: what needs no model is answered meanwhile
timeout = 120  # a worker that is silent for so long is replaced; a slow request alone does not silence it
graceful_timeout = 30
keepalive = 5
preload_app = False  # a model and its threads made before the fork would not survive it
control_socket_disable = True
# The master forgets the packages, so that workers import them again: a reload (SIGHUP) runs new code throughout.
for module in [name for name in sys.modules if name.partition(".")[0] in ("rpf", "webapp")]:
    del sys.modules[module]
