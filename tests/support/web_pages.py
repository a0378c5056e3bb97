"""A server of pages that a test has written, for sites beside the one that is tested."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {"jpg": "image/jpeg", "html": "text/html; charset=utf-8"}


@contextmanager
def serve_pages(pages: Mapping[str, str | bytes]) -> Iterator[int]:
    """Serve pages by their paths, which end in a suffix of TYPES, on a free port; those that come later count too.

    /cookie.html sets a cookie for any site, and shows the cookies that came with the request.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            page = f"cookies: {self.headers['Cookie']}" if path == "/cookie.html" else pages.get(path)
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", TYPES.get(path.rpartition(".")[2], "text/plain"))
            if path == "/cookie.html":
                self.send_header("Set-Cookie", "visitor=1; SameSite=None; Secure")
            self.end_headers()
            self.wfile.write(page if isinstance(page, bytes) else (page or "").encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
