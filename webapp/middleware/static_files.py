"""Static files with the hash of their content in the address (`?v=`), so that browsers may keep them for a year."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request

from webapp.middleware.security_headers import YEAR_SECONDS

HASH_DIGITS = 12


def init_app(app: Flask) -> None:
    """Add the hash to the addresses that `url_for` makes. An address without it, or with an old one, stays no-cache."""
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def add_hash(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values["v"] = _hash_content(folder / str(values["filename"]))

    @app.after_request
    def add_caching(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {})["filename"]
            if request.args.get("v") == _hash_content(folder / name):
                response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
        return response


def _hash_content(file: Path) -> str:
    """Return digits of the SHA-256 of a file's content."""
    return _hash_version(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_version(file: Path, mtime_ns: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:HASH_DIGITS]
