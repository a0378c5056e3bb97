"""Worker of gunicorn with a timeout for each request. Loaded in gunicorn's master: it must not import PyTorch."""

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from webapp.config import SiteConfig


class RequestTimeoutWorker(ThreadWorker):
    """Threaded worker that ends requests which arrive, and responses which leave, too slowly.

    A slow client would occupy a thread for good; gunicorn's own timeout is for the worker as a whole.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request_timeout = SiteConfig.from_environ().request_timeout
        self._started: dict[TConn, float] = {}  # on the monotonic clock

    def handle(self, conn: TConn) -> Any:
        """Handle one request, in a thread of the pool."""
        self._started[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._started.pop(conn, None)

    def notify(self) -> None:
        """End slow requests. Called by the worker's loop, about once a second."""
        super().notify()
        now = time.monotonic()
        for conn, started in list(self._started.items()):
            if now - started > self._request_timeout:
                # Closed for reading first: a request that has arrived still gets its response.
                write_too = now - started > 2 * self._request_timeout
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR if write_too else socket.SHUT_RD)
