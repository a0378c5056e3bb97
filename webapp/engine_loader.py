"""The one engine of this process: prepared and loaded on a thread of its own, while the site answers already."""

import logging
import threading
import time
from collections import deque

from rpf.engine import Observer, SearchEngine, load_model
from rpf.errors import RPFError
from rpf.ingest.default_collection import ensure_default_collection
from rpf.settings import Settings

log = logging.getLogger(__name__)
RETRY = 15.0  # seconds after a failure; by then somebody may have mended what was wrong
STOP_SECONDS = 10.0  # after which what is not finished is given up


class NotReady(Exception):
    """The engine cannot search yet: what is being done, and how much of it is done (total 0: unknown)."""

    def __init__(self, phase: str, done: int, total: int) -> None:
        super().__init__(phase, done, total)
        self.phase = phase
        self.done = done
        self.total = total


class NotStarted(Exception):
    """The engine could not be made; a person has to mend what the message names."""


class _Stopped(Exception):
    """The process is about to end."""


class EngineLoader:
    """Makes the engine once. Never started in gunicorn's master: threads and model memory do not survive a fork."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.failure: str | None = None
        self.seconds: deque[float] = deque(maxlen=50)  # of the last searches, for the About page
        self.observe: Observer = lambda stage, seconds: None
        self._engine: SearchEngine | None = None
        self._progress = ("start", 0, 0)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failed = 0.0  # when, on the monotonic clock
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begins to prepare the engine; a second call does nothing, or tries again some time after a failure."""
        with self._lock:
            if self._thread is None or (self._failed and time.monotonic() - self._failed > RETRY):
                self._failed = 0.0
                self._thread = threading.Thread(target=self._make, name="engine", daemon=True)
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Returns when the engine is ready or has failed, or after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self) -> bool:
        """End the preparation after its current step, and wait for that; False if it takes too long.

        The interpreter must not end while the thread is in OpenVINO or PyTorch: those abort the process then.
        """
        self._stopping.set()
        self.wait(STOP_SECONDS)
        return self._thread is None or not self._thread.is_alive()

    @property
    def ready(self) -> bool:
        return self._engine is not None

    @property
    def default(self) -> str:
        """The name of the default collection, as far as it is known yet."""
        return self._engine.default if self._engine else self.settings.collection

    @property
    def engine(self) -> SearchEngine:
        """The engine; NotReady while it is made, NotStarted when that failed. Starts it where no server hook did."""
        if self._engine is not None:
            return self._engine
        self.start()
        if self.failure is not None:
            raise NotStarted(self.failure)
        raise NotReady(*self._progress)

    def _make(self) -> None:
        try:
            self._report("load", 0, 0)
            model = load_model(self.settings)
            self._report("start", 0, 0)
            default = ensure_default_collection(self.settings, model, self._report)
            self._engine = SearchEngine(
                self.settings, model, default=default, observe=lambda stage, seconds: self.observe(stage, seconds)
            )
            self.failure = None
        except _Stopped:
            log.info("The preparation was stopped. What was finished is kept; the next start goes on from there.")
        except RPFError as error:
            log.error("The engine could not be made: %s", error)
            self._fail(str(error))
        except Exception:
            log.exception("The engine could not be made")
            self._fail("The search could not be started; the server's log says why.")

    def _fail(self, why: str) -> None:
        self.failure = why
        self._failed = time.monotonic()

    def _report(self, phase: str, done: int, total: int) -> None:
        self._progress = (phase, done, total)
        if self._stopping.is_set():
            raise _Stopped
