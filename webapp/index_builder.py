"""Building of missing search indexes, while the site searches those collections exactly.

A child process builds them: its Python does not take turns with the site's threads, it has the lowest priority and one
thread, and its memory is free afterwards. One process of an installation has a child at a time, by a file lock.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import BinaryIO

from rpf.errors import CollectionBusy, RPFError
from rpf.settings import Settings
from rpf.utils.files import check_writable
from rpf.utils.locks import is_locked, locked
from rpf.utils.paths import SHIPPED_FOLDER
from webapp.engine_loader import EngineLoader

log = logging.getLogger(__name__)
POLL_SECONDS = 1.0
RETRY_SECONDS = 600.0  # after a failure, such as a full disk
STOP_SECONDS = 5.0  # to wait for the child to delete what it has begun
LOWEST_PRIORITY = 19
STOPPED = (130, 143, -signal.SIGINT, -signal.SIGTERM)  # exit statuses of a command that was stopped


class IndexBuilder:
    """Builder of one process. Never start it in gunicorn's master: threads do not survive a fork."""

    def __init__(self, loader: EngineLoader) -> None:
        self.building: frozenset[str] = frozenset()  # collections whose index is built, by this process or another
        self._loader = loader
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="indexes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the child, and wait for that."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2 * STOP_SECONDS)

    def _run(self) -> None:
        pause = POLL_SECONDS
        while not self._stopping.wait(pause):
            names = self._lacking_index() if self._loader.ready else frozenset()
            pause = POLL_SECONDS
            if names:
                indexes = self._loader.settings.indexes
                try:
                    check_writable(indexes)
                except OSError as error:
                    log.warning("No search index is built: %s cannot be written: %s.", indexes, error.strerror)
                    return
                try:
                    with locked(indexes, wait=0):
                        pause = POLL_SECONDS if self._build(min(names)) else RETRY_SECONDS
                except CollectionBusy:  # another process builds
                    self.building = names
                    continue
                except Exception:
                    log.exception("A search index cannot be built")
                    pause = RETRY_SECONDS
            self.building = frozenset()

    def _build(self, name: str) -> bool:
        """Build the index of a collection. Return False if that fails."""
        self.building = frozenset([name])
        log.info('Building the search index of "%s"; it is searched exactly until then.', name)
        started = time.monotonic()
        with tempfile.TemporaryFile() as errors:
            status = self._wait_for(_start(self._loader.settings, name, errors))
            errors.seek(0)
            lines = errors.read().decode(errors="replace").splitlines()
        if status == 0:
            log.info('Built the search index of "%s" in %.0f s.', name, time.monotonic() - started)
            with suppress(RPFError):
                self._loader.engine.collection(name)  # opens it with its index, before the next search
        elif status in STOPPED:
            log.info('Stopped building the search index of "%s"; the next start builds it.', name)
        else:
            why = lines[-1] if lines else f"status {status}"
            log.error('The search index of "%s" could not be built: %s', name, why.removeprefix("Error: "))
        return status == 0

    def _lacking_index(self) -> frozenset[str]:
        """Return the opened collections that lack an index as they are on disk now, and that no process writes: the
        command that does builds the index, too."""
        engine = self._loader.engine
        for name in engine.lacking_index():
            with suppress(RPFError):
                engine.collection(name)
        folder = engine.settings.collections
        return frozenset(name for name in engine.lacking_index() if not is_locked(folder / name))

    def _wait_for(self, child: "subprocess.Popen[bytes]") -> int:
        """Return the child's exit status; stop it when the site stops."""
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, child.pid, LOWEST_PRIORITY)
        while child.poll() is None:
            if self._stopping.wait(POLL_SECONDS):
                child.terminate()
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        return child.returncode


def _start(settings: Settings, name: str, errors: BinaryIO) -> "subprocess.Popen[bytes]":
    """Start `rpf build-index NAME --update` with these settings."""
    variables = {
        **os.environ,
        "RPF_COLLECTIONS": str(settings.collections.resolve()),
        "RPF_INSTANCE": str(settings.instance.resolve()),
        "RPF_INDEX_METHOD": settings.index_method,
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    command = [sys.executable, "-m", "rpf", "build-index", name, "--update"]
    return subprocess.Popen(
        command, cwd=SHIPPED_FOLDER, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
    )
