"""Worker of gunicorn with a timeout for each request. Loaded in gunicorn's master: it must not import PyTorch."""

import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from webapp.config import SiteConfig

LINGER_SECONDS = 2.0  # after a response that ends its connection, for the client to close it
MAX_LINGER_BYTES = 64 * 1024


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
            keep_alive = super().handle(conn)
            if not keep_alive:
                _linger(conn.sock)
            return keep_alive
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


def _linger(sock: socket.socket) -> None:
    """Wait until the client closes its side, as gunicorn does after this: in its only loop, where all others wait."""
    deadline = time.monotonic() + LINGER_SECONDS
    unread = MAX_LINGER_BYTES
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while unread > 0 and (remaining := deadline - time.monotonic()) > 0:
            sock.settimeout(remaining)
            if not (data := sock.recv(4096)):
                break
            unread -= len(data)
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)  # gunicorn then finds nothing to wait for
