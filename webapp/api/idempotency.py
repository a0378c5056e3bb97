"""Answers by Idempotency-Key: a request that is sent again gets the first answer, and does nothing.

As draft-ietf-httpapi-idempotency-key-header has it (error scenarios): the same key with another request is answered
with 422, and one whose first request is still in progress with 409. Only answers to what was done are stored: after an
error, the request can be sent again under the same key.
"""

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from flask import Response, request

from rpf.errors import IdempotencyConflict
from rpf.utils.sqlite import open_private, transaction
from webapp.middleware.request_body import InvalidField

ANSWERS_FILE = "answers.sqlite"
HEADER = "Idempotency-Key"
KEPT_SECONDS = 24 * 3600
PENDING_SECONDS = 300  # after which a request without an answer counts as lost, with the process that had it
BUSY_SECONDS = 10.0
_KEY = re.compile(r'"(?P<quoted>[ !#-\[\]-~]{1,255})"|(?P<bare>[!#-~]{1,255})')  # a structured field's string, or plain
_TABLE = (
    "CREATE TABLE answers (owner TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, time REAL NOT NULL, "
    "status INTEGER, headers TEXT, body BLOB, PRIMARY KEY (owner, key)) WITHOUT ROWID"
)
_INDEX = "CREATE INDEX answers_by_time ON answers (time)"


class AnswerStore:
    """Answers of an installation, for threads and processes, in SQLite."""

    def __init__(self, instance: Path) -> None:
        """Use the file in the folder `instance`; the first key creates it."""
        self._path = instance / ANSWERS_FILE

    def begin(self, owner: str, key: str, fingerprint: str) -> Response | None:
        """Return the answer to an earlier request; None where this is the first one, or the first that may succeed.

        fingerprint: of the request. Raises InvalidField for another request under the key, IdempotencyConflict while
        the first one is in progress.
        """
        now = time.time()
        with closing(self._open()) as connection, transaction(connection):
            connection.execute(
                "DELETE FROM answers WHERE time < ? OR (status IS NULL AND time < ?)",
                (now - KEPT_SECONDS, now - PENDING_SECONDS),
            )
            row = connection.execute(
                "SELECT fingerprint, status, headers, body FROM answers WHERE owner = ? AND key = ?", (owner, key)
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO answers (owner, key, fingerprint, time) VALUES (?, ?, ?, ?)",
                    (owner, key, fingerprint, now),
                )
                return None
        known, status, headers, body = row
        if known != fingerprint:
            raise InvalidField(HEADER, "%(field)s was used for another request before. Send a new one.")
        if status is None:
            raise IdempotencyConflict("The first request with this Idempotency-Key is still in progress.")
        return Response(body, status, json.loads(headers))

    def end(self, owner: str, key: str, response: Response | None) -> None:
        """Store the answer; None forgets the request, which can then be sent again."""
        with closing(self._open()) as connection, transaction(connection):
            if response is None:
                connection.execute("DELETE FROM answers WHERE owner = ? AND key = ?", (owner, key))
                return
            names = ("Content-Type", "Location")
            headers = {name: response.headers[name] for name in names if name in response.headers}
            connection.execute(
                "UPDATE answers SET status = ?, headers = ?, body = ? WHERE owner = ? AND key = ?",
                (response.status_code, json.dumps(headers), response.get_data(), owner, key),
            )

    def _open(self) -> sqlite3.Connection:
        return open_private(self._path, (_TABLE, _INDEX), BUSY_SECONDS)


def once(store: AnswerStore, owner: str, digest: str, act: Callable[[], Response]) -> Response:
    """Answer a request by `act`, or as it was answered before under the same Idempotency-Key.

    owner: the id of the key of the API; digest: the SHA-256 of the request's body, in hex. Raises InvalidField,
    IdempotencyConflict, and what `act` raises.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return act()
    match = _KEY.fullmatch(text)
    if match is None:
        raise InvalidField(HEADER, "%(field)s must be a text of 1 to 255 printable ASCII characters.")
    key = match["quoted"] or match["bare"]
    facts = (request.method, request.path, request.query_string.decode("latin-1"), digest)
    fingerprint = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    if (answer := store.begin(owner, key, fingerprint)) is not None:
        return answer
    response = None
    try:
        response = act()
        return response
    finally:
        store.end(owner, key, response if response is not None and response.status_code < 400 else None)
