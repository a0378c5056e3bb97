"""Keys of the API, in SQLite: created and revoked by a command, looked up by the site."""

import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from rpf.access.origins import normalize_origin
from rpf.errors import AccessError, ConfigError
from rpf.utils.sqlite import has_tables, open_private, open_read_only, transaction
from rpf.utils.text import usable_text

ACCESS_FILE = "access.sqlite"
KeyKind = Literal["search", "write"]
KINDS: tuple[KeyKind, ...] = get_args(KeyKind)
# What people and secret scanners know a key by: the kind's initial, the public id, the secret.
TOKEN = re.compile(r"rpf_(?P<kind>[sw])_(?P<id>[0-9a-f]{8})_[0-9a-f]{64}")
ID_BYTES, SECRET_BYTES = 4, 32
MAX_NAME_LENGTH = 100  # characters
REFRESH_SECONDS = 0.5  # after which the keys are read again: so long may a revoked key still work
READ_TIMEOUT_SECONDS = 1.0
WRITE_TIMEOUT_SECONDS = 10.0
_TABLE = (
    "CREATE TABLE keys (id TEXT PRIMARY KEY, digest BLOB NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, "
    "origins TEXT NOT NULL, collections TEXT NOT NULL, rate_limit TEXT NOT NULL, created INTEGER NOT NULL)"
)
_SELECT = "SELECT id, digest, kind, name, origins, collections, rate_limit, created FROM keys ORDER BY created, rowid"


@dataclass(frozen=True)
class Key:
    """What a key allows. Its secret is not kept."""

    id: str  # public: for lists, metrics, and to revoke it
    kind: KeyKind
    name: str
    origins: tuple[str, ...]  # of the pages that may use it; a write key has none
    collections: tuple[str, ...]  # empty for all
    rate_limit: str  # such as "10/second; 1000/hour", as flask-limiter reads it; "" for the site's
    created: int  # Unix seconds

    def allows_origin(self, origin: str | None) -> bool:
        """Return whether a request with this Origin header may use the key; None, as programs send none, is allowed."""
        return origin is None or origin in self.origins

    def allows_collection(self, name: str) -> bool:
        return not self.collections or name in self.collections


class KeyStore:
    """The keys of an installation, for threads and processes.

    A look-up costs a hash: the keys are in memory, and read again when they are older than REFRESH_SECONDS. By age, not
    by the file's state or SQLite's data_version: that works after a restored backup too, and needs no open connection.
    """

    def __init__(self, instance: Path) -> None:
        """Use the file in the folder `instance`; the first key creates it."""
        self._path = instance / ACCESS_FILE
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[Key, bytes]] = {}  # by id, with the SHA-256 of the token
        self._fresh_until = 0.0  # on the monotonic clock

    def create(
        self,
        kind: KeyKind,
        name: str,
        origins: Sequence[str] = (),
        collections: Sequence[str] = (),
        rate_limit: str = "",
    ) -> tuple[Key, str]:
        """Save a new key; return it with its token, which cannot be read again.

        Raises ConfigError for an unusable argument, and AccessError where the key cannot be saved.
        """
        name = name.strip()
        if not 1 <= len(name) <= MAX_NAME_LENGTH or not usable_text(name):
            raise ConfigError(
                'A key needs a name of 1 to %(limit)d characters, not "%(name)s".', limit=MAX_NAME_LENGTH, name=name
            )
        if origins and kind == "write":
            raise ConfigError("A write key must never be in a browser: create it without an origin.")
        check_rate_limit(rate_limit)
        unique_origins = tuple(dict.fromkeys(map(normalize_origin, origins)))
        key_id = secrets.token_hex(ID_BYTES)
        token = f"rpf_{kind[0]}_{key_id}_{secrets.token_hex(SECRET_BYTES)}"
        key = Key(
            key_id, kind, name, unique_origins, tuple(dict.fromkeys(collections)), rate_limit.strip(), int(time.time())
        )
        row = (
            key.id, _digest(token), key.kind, key.name, json.dumps(key.origins), json.dumps(key.collections),
            key.rate_limit, key.created,
        )  # fmt: skip
        self._write("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return key, token

    def revoke(self, key_id: str) -> None:
        """Delete a key. Raises AccessError if there is none with this id, or if the file cannot be written."""
        if not self._path.exists() or not self._write("DELETE FROM keys WHERE id = ?", (key_id,)):
            raise AccessError('There is no key "%(id)s"; list the keys with: rpf keys list', id=key_id)

    def list_keys(self) -> list[Key]:
        """Return all keys, the oldest first. Raises AccessError."""
        return [key for key, _ in self._read().values()]

    def authenticate(self, token: str) -> Key | None:
        """Return the key that has this token, None if there is none or it was revoked. Raises AccessError."""
        match = TOKEN.fullmatch(token)
        key, digest = self._current().get(match["id"], (None, b"")) if match else (None, b"")
        return key if hmac.compare_digest(digest, _digest(token)) else None

    def any_keys(self) -> bool:
        """Return whether there is a key. Raises AccessError."""
        return bool(self._current())

    def has_write_keys(self) -> bool:
        """Return whether there is a write key: without one the write part of the API is off. Raises AccessError."""
        return any(key.kind == "write" for key, _ in self._current().values())

    def origins(self) -> frozenset[str]:
        """Return the origins of all keys, for preflight requests, which carry no key. Raises AccessError."""
        return frozenset(origin for key, _ in self._current().values() for origin in key.origins)

    def _current(self) -> dict[str, tuple[Key, bytes]]:
        """Return the keys as they are, or were at most REFRESH_SECONDS ago."""
        if time.monotonic() >= self._fresh_until:
            with self._lock:
                if time.monotonic() >= self._fresh_until:  # another thread may have read them meanwhile
                    started = time.monotonic()  # a key that is revoked while they are read counts from here
                    self._keys = self._read()
                    self._fresh_until = started + REFRESH_SECONDS
        return self._keys

    def _read(self) -> dict[str, tuple[Key, bytes]]:
        if not self._path.exists():
            return {}
        keys: dict[str, tuple[Key, bytes]] = {}
        try:
            with open_read_only(self._path, READ_TIMEOUT_SECONDS) as connection:
                rows = connection.execute(_SELECT).fetchall() if has_tables(connection) else []
            for key_id, digest, kind, name, origins, collections, rate_limit, created in rows:
                lists = tuple(json.loads(origins)), tuple(json.loads(collections))
                keys[key_id] = Key(key_id, kind, name, *lists, rate_limit, created), digest
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable("read", error) from error
        return keys

    def _write(self, statement: str, parameters: tuple[object, ...]) -> int:
        """Execute one statement durably; return the number of rows that it changed."""
        try:
            with (
                closing(open_private(self._path, [_TABLE], WRITE_TIMEOUT_SECONDS)) as connection,
                transaction(connection),
            ):
                rows = connection.execute(statement, parameters).rowcount
        except (sqlite3.Error, OSError) as error:
            raise self._unusable("saved", error) from error
        self._fresh_until = 0.0
        return rows

    def _unusable(self, what: str, why: Exception) -> AccessError:
        return AccessError(
            'The keys in "%(path)s" cannot be %(what)s: %(why)s. Check that the file belongs to the user of the site, '
            "and that the disk has room.",
            path=self._path, what=what, why=getattr(why, "strerror", None) or why,
        )  # fmt: skip


def check_rate_limit(text: str) -> None:
    """Raise ConfigError unless the text is empty or a rate limit as flask-limiter reads it."""
    from limits import parse_many  # takes 0.1 s

    try:
        if text:
            parse_many(text)
    except ValueError:
        raise ConfigError(
            'The limit must be like "10/second" or "10/second; 1000/hour", not "%(text)s".', text=text
        ) from None


def _digest(token: str) -> bytes:
    """Return the hash that is stored. One SHA-256 suffices: nobody can guess 32 random bytes, however fast."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
