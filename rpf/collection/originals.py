"""Near-duplicates among the items: each is a copy of the first such item, its original, or an original itself.

The tables are in the items' database. The fingerprint of an original stays when its item is removed while copies do.
"""

import json
import sqlite3
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rpf.images.near_duplicates import (
    FINGERPRINT_BYTES,
    MAX_HASH_DISTANCE,
    VERSION,
    are_duplicates,
    hash_distances,
    hash_words,
    parse_fingerprints,
)

Ids = npt.NDArray[np.int64]

TABLES = {
    "originals": "CREATE TABLE originals (id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL)",
    "copies": "CREATE TABLE copies (id INTEGER PRIMARY KEY, original INTEGER NOT NULL)",
}


class Originals:
    """The originals of the writer. Raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read the hashes of all originals."""
        query = "SELECT id, fingerprint FROM originals WHERE typeof(fingerprint) = 'blob' AND length(fingerprint) = ?"
        rows = connection.execute(f"{query} ORDER BY id", [FINGERPRINT_BYTES]).fetchall()
        rows = [row for row in rows if row[1][0] == VERSION]
        self._connection = connection
        self._ids: Ids = np.array([item_id for item_id, _ in rows], np.int64)
        self._words = hash_words(parse_fingerprints(b"".join(data for _, data in rows)))

    def insert(self, ids: Sequence[int], fingerprints: Sequence[bytes]) -> None:
        """Record new items, in their order, each as a copy or an original; inside a transaction."""
        for item_id, data in zip(ids, fingerprints, strict=True):
            original = self._find(data)
            if original is not None:
                self._connection.execute("INSERT OR REPLACE INTO copies VALUES (?, ?)", (item_id, original))
                continue
            self._connection.execute("INSERT OR REPLACE INTO originals VALUES (?, ?)", (item_id, data))
            self._ids = np.append(self._ids, item_id)
            self._words = np.append(self._words, hash_words(parse_fingerprints(data)), axis=1)

    def _find(self, data: bytes) -> int | None:
        """Return the lowest id of an original that is a near-duplicate; None without one."""
        image = parse_fingerprints(data)[0]
        near = self._ids[hash_distances(image, self._words) <= MAX_HASH_DISTANCE]
        query = "SELECT id, fingerprint FROM originals WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        for item_id, other in self._connection.execute(query, [json.dumps(near.tolist())]):
            if are_duplicates(image, parse_fingerprints(other))[0]:
                return int(item_id)
        return None


def read_copies(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the original of each copy, by id; empty in a collection made before there were any.

    Raises sqlite3.Error; ValueError for malformed rows.
    """
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'copies'").fetchone():
        return {}
    copies = dict(connection.execute("SELECT id, original FROM copies"))
    if not all(isinstance(original, int) for original in copies.values()):
        raise ValueError("the original of a copy is malformed")
    return copies


def delete_leftovers(connection: sqlite3.Connection) -> None:
    """Delete what is kept of items without a row, except the originals of others; inside a transaction."""
    connection.execute("DELETE FROM copies WHERE id NOT IN (SELECT id FROM items)")
    connection.execute(
        "DELETE FROM originals WHERE id NOT IN (SELECT id FROM items) AND id NOT IN (SELECT original FROM copies)"
    )
