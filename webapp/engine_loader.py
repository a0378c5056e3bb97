"""Loading of the engine on a separate thread, while the site already answers."""

import logging
import threading
import time
from collections import deque

from rpf.engine import Observer, SearchEngine, load_model
from rpf.errors import RPFError
from rpf.ingest.default_collection import ensure_default_collection
from rpf.settings import Settings

log = logging.getLogger(__name__)
RETRY_SECONDS = 15.0  # after a failure
STOP_SECONDS = 10.0  # to wait for an unfinished preparation at exit


class NotReady(Exception):
    """Engine that is still being prepared: the phase, and how much of it is done (total 0: unknown)."""

    def __init__(self, phase: str, done: int, total: int) -> None:
        super().__init__(phase, done, total)
        self.phase = phase
        self.done = done
        self.total = total


class StartFailed(Exception):
    """Engine that could not be started; a person has to fix what the message names."""


class _Stopped(Exception):
    """Preparation interrupted by the end of the process."""


class EngineLoader:
    """Loader of the process's one engine. Never start it in gunicorn's master: threads do not survive a fork."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failure: str | None = None
        self.search_seconds: deque[float] = deque(maxlen=50)  # of the last searches, for the About page
        self.observe: Observer = lambda stage, seconds: None
        self._engine: SearchEngine | None = None
        self._progress = ("start", 0, 0)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed_at = 0.0  # on the monotonic clock
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start preparing the engine. Later calls do nothing, or try again RETRY_SECONDS after a failure."""
        with self._lock:
            if self._thread is None or (self._failed_at and time.monotonic() - self._failed_at > RETRY_SECONDS):
                self._failed_at = 0.0
                self._thread = threading.Thread(target=self._load, name="engine", daemon=True)
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the engine is ready or has failed, at most `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self) -> bool:
        """End the preparation after its current step. Return False if that takes longer than STOP_SECONDS.

        The interpreter must not end while the thread is in OpenVINO or PyTorch: those would abort the process.
        """
        self._stopping.set()
        self.wait(STOP_SECONDS)
        return self._thread is None or not self._thread.is_alive()

    @property
    def ready(self) -> bool:
        return self._engine is not None

    @property
    def default(self) -> str:
        """Return the name of the default collection; until the engine is ready, that of the settings."""
        return self._engine.default if self._engine else self.settings.collection

    @property
    def engine(self) -> SearchEngine:
        """Return the engine; start loading it where no server hook did. Raises NotReady, StartFailed."""
        if self._engine is not None:
            return self._engine
        self.start()
        if self.failure is not None:
            raise StartFailed(self.failure)
        raise NotReady(*self._progress)

    def _load(self) -> None:
        try:
            self._report("load", 0, 0)
            model = load_model(self.settings)
            self._report("start", 0, 0)
            default = ensure_default_collection(self.settings, model, self._report)
            engine = SearchEngine(
                self.settings, model, default=default, observe=lambda stage, seconds: self.observe(stage, seconds)
            )
            engine.warm_up()
            self._engine = engine
            self.failure = None
        except _Stopped:
            log.info("Preparation stopped. Finished work is kept; the next start resumes it.")
        except RPFError as error:
            log.error("The engine could not be started: %s", error)
            self._fail(str(error))
        except Exception:
            log.exception("The engine could not be started")
            self._fail("The search could not be started. See the server's log.")

    def _fail(self, message: str) -> None:
        self.failure = message
        self._failed_at = time.monotonic()

    def _report(self, phase: str, done: int, total: int) -> None:
        self._progress = (phase, done, total)
        if self._stopping.is_set():
            raise _Stopped
