"""Compression of texts by gzip, with a random length against BREACH.

Pages contain the token of their form beside texts from their address, and BREACH reads such a token off the lengths of
many pages. As in Django, a file name of random length in the gzip header blurs them (Palacios et al.: HTB, A Very
Effective Method to Protect Web Servers Against BREACH Attack to HTTPS. IEEE Access, 2022).
"""

import gzip
import io
import secrets

from flask import Flask, Response, request

MINIMAL_BYTES = 500  # of a body, below which little is saved
MAX_NAME_BYTES = 100
LEVEL = 6
TYPES = frozenset(
    {
        "application/json", "application/problem+json", "image/svg+xml",
        "text/css", "text/csv", "text/html", "text/javascript",
    }
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Compress all responses with a text. Call it before other parts add `after_request` functions, to run last."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in TYPES:
        return response
    response.vary.add("Accept-Encoding")
    whole = response.status_code not in (204, 206, 304) and "Content-Encoding" not in response.headers
    if not whole or not request.accept_encodings.quality("gzip"):
        return response
    response.direct_passthrough = False  # of static files
    body = response.get_data()
    if len(body) < MINIMAL_BYTES:
        return response
    buffer = io.BytesIO()
    name = "x" * secrets.randbelow(MAX_NAME_BYTES + 1)
    with gzip.GzipFile(name, "wb", LEVEL, buffer, mtime=0) as file:
        file.write(body)
    response.set_data(buffer.getvalue())
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)  # the bytes are not those of the plain response
    return response
