"""Milvus index: vectors and their index on a server, for collections beyond one machine.

Tested with pymilvus 3.0 and a server 2.3. Its settings are the variables RPF_MILVUS_*.
"""

import json
import logging
import math
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from rpf.errors import ConfigError, RPFError, SearchUnavailable
from rpf.search.base import Neighbours, VectorIndex, Vectors, batches, nearest_first
from rpf.settings import Settings
from rpf.utils.files import write_atomic

log = logging.getLogger(__name__)
INDEX_FILE = "milvus.json"
MAX_FILE_BYTES = 2**12
NAME = re.compile("rpf_[A-Za-z0-9_]{1,200}")
MAX_NEIGHBOURS = 16_384  # that a server returns for a query
QUERY_BATCH_SIZE = 100
MAX_INSERT_BYTES = 16 * 2**20  # a server accepts messages of up to 64 MB
CONNECT_SECONDS = 3
SEARCH_SECONDS = 5
WRITE_SECONDS = 120  # for one batch, or a flush
# By default gRPC waits up to two minutes before it tries again to reach a server.
CHANNEL_OPTIONS = {"grpc.max_reconnect_backoff_ms": 2000}
NLIST = 128

# For each index type: its build parameters, and its search parameters for k of n vectors.
INDEX_TYPES: dict[str, tuple[dict[str, int], Callable[[int, int], dict[str, int]]]] = {
    "FLAT": ({}, lambda k, n: {}),
    "HNSW": ({"M": 32, "efConstruction": 360}, lambda k, n: {"ef": max(128, 2 * k)}),
    "IVF_SQ8": ({"nlist": NLIST}, lambda k, n: {"nprobe": min(NLIST, math.ceil(NLIST * (0.25 + 8 * k / n)))}),
}


class MilvusIndex(VectorIndex):
    """A collection on a Milvus server, whose ids are the rows 0 to n - 1.

    Rows on the server beyond those that the saved file counts, as a crash leaves them, are never returned, and `add`
    overwrites them.
    """

    title = "Milvus"
    needs_server = True
    max_neighbours = MAX_NEIGHBOURS

    def __init__(self) -> None:
        """Read the settings. Raises ConfigError."""
        self._settings = Settings.from_environ()
        self._name, self._index_type, self._count = "", "", 0  # of the collection on the server

    def build(self, vectors: Vectors) -> None:
        """Create a collection on the server. Raises ConfigError; SearchUnavailable when the server fails.

        After a failure nothing stays on the server, or the log names what does.
        """
        server = connect(self._settings)
        self._index_type = self._settings.milvus_index
        if self._index_type not in INDEX_TYPES:
            raise ConfigError(
                'RPF_MILVUS_INDEX must be one of %(names)s, not "%(name)s".',
                names=", ".join(INDEX_TYPES), name=self._index_type,
            )  # fmt: skip
        try:
            with server.client() as client:
                self._create(client, vectors)
                self._write(client.insert, vectors)
                client.flush(self._name, timeout=WRITE_SECONDS)
                # Without a timeout: indexing takes minutes to hours, and fails when the server ends.
                parameters = client.prepare_index_params(
                    "vector", index_type=self._index_type, metric_type="IP", params=INDEX_TYPES[self._index_type][0]
                )
                client.create_index(self._name, parameters)
                client.load_collection(self._name, replica_number=self._settings.milvus_replicas)
            self._confirm(vectors.shape[0])
        except BaseException:
            self.discard()
            raise

    def add(self, vectors: Vectors) -> bool:
        """Add vectors. Raises SearchUnavailable; then only the earlier vectors are searched.

        The server keeps them in its log and compares each, until there are enough to index.
        """
        with connect(self._settings).client() as client:
            self._write(client.upsert, vectors)
        self._confirm(self._count + vectors.shape[0])
        return True

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """Search on the server, for MAX_NEIGHBOURS at most. Raises SearchUnavailable."""
        ids = np.full((len(queries), min(k, self._count, MAX_NEIGHBOURS)), -1, np.int64)
        cosines = np.zeros(ids.shape)
        for line, hits in enumerate(self._hits(queries, k)):
            ids[line, : len(hits)] = hits.ids
            cosines[line, : len(hits)] = hits.distances
        return nearest_first(ids, 2 - 2 * cosines)

    def propose(self, query: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
        """Return rows in the server's order. Raises SearchUnavailable."""
        (hits,) = self._hits(query[None], k)
        return np.array(hits.ids, np.int64)

    def _hits(self, queries: npt.NDArray[np.float32], k: int) -> list[Any]:
        """Search on the server; return for each query an object with the ids and inner products of its neighbours."""
        k = min(k, self._count, MAX_NEIGHBOURS)
        hits: list[Any] = []
        with connect(self._settings).client() as client:
            for start in range(0, len(queries), QUERY_BATCH_SIZE):
                hits += client.search(
                    self._name,
                    data=list(queries[start : start + QUERY_BATCH_SIZE]),
                    anns_field="vector",
                    limit=k,
                    filter=f"id < {self._count}",
                    search_params={"metric_type": "IP", "params": INDEX_TYPES[self._index_type][1](k, self._count)},
                    # Sees rows older than about 5 s. "Strong" would cost 0.2 s a search; `_confirm` waits once.
                    consistency_level="Bounded",
                    timeout=SEARCH_SECONDS,
                )
        return hits

    def save(self, folder: Path) -> None:
        """Write which collection of the server it is; the vectors stay there."""
        content = {"collection": self._name, "index": self._index_type, "count": self._count}
        write_atomic(folder / INDEX_FILE, json.dumps(content).encode())

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """Read which collection of the server it is, without a request. Raises ConfigError where no server is set."""
        connect(self._settings)
        with (folder / INDEX_FILE).open("rb") as stream:
            content = json.loads(stream.read(MAX_FILE_BYTES))
        if not isinstance(content, dict) or content.keys() != {"collection", "index", "count"}:
            raise ValueError(f"{INDEX_FILE} has other keys than expected")
        name, index_type, count = content["collection"], content["index"], content["count"]
        known = index_type in list(INDEX_TYPES)
        if not (isinstance(name, str) and NAME.fullmatch(name) and known and count == shape[0]):
            raise ValueError(f"{INDEX_FILE} is malformed or counts other vectors than expected")
        self._name, self._index_type, self._count = name, index_type, shape[0]

    def discard(self) -> None:
        """Drop the collection on the server, or log that it stays."""
        name, self._name = self._name, ""
        drop_collections({name} - {""})

    def _create(self, client: Any, vectors: Vectors) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        label = re.sub("[^A-Za-z0-9_]", "_", getattr(vectors, "label", "vectors"))[:150]
        self._name = f"rpf_{label}_{secrets.token_hex(6)}"
        client.create_collection(self._name, schema=schema, timeout=WRITE_SECONDS)

    def _write(self, write: Callable[..., object], vectors: Vectors) -> None:
        """Write vectors as the rows from self._count on."""
        step = max(1, MAX_INSERT_BYTES // (4 * vectors.shape[1]))
        first = self._count
        for batch in batches(vectors):
            for start in range(0, len(batch), step):
                rows = [{"id": row, "vector": vector} for row, vector in enumerate(batch[start : start + step], first)]
                write(self._name, rows, timeout=WRITE_SECONDS)
                first += len(rows)

    def _confirm(self, count: int) -> None:
        """Wait until the server has all rows, which every later search sees then. Raises SearchUnavailable."""
        with connect(self._settings).client() as client:
            rows = client.query(
                self._name,
                filter=f"id < {count}",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=WRITE_SECONDS,
            )
        if (stored := rows[0]["count(*)"]) != count:
            raise SearchUnavailable(
                "The Milvus server at %(uri)s has %(stored)d of %(count)d vectors. Try again, and see its log.",
                uri=connect(self._settings).shown, stored=stored, count=count,
            )  # fmt: skip
        self._count = count


def saved_collections(folder: Path) -> set[str]:
    """Return the collections of the server that indexes saved under a folder name, also those of former versions."""
    names = set()
    for path in folder.rglob(INDEX_FILE):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if NAME.fullmatch(name := json.loads(path.read_bytes())["collection"]):
                names.add(name)
    return names


def drop_collections(names: Iterable[str]) -> None:
    """Drop collections on the server, or log that they stay."""
    for name in names:
        try:
            with connect(Settings.from_environ()).client() as client:
                client.drop_collection(name, timeout=WRITE_SECONDS)
        except RPFError as error:
            log.warning("The Milvus collection %s is no longer needed and could not be dropped: %s", name, error)


class MilvusConnection:
    """Connection to a Milvus server, which the threads of a process share."""

    def __init__(self, uri: str, token: str) -> None:
        self.shown = re.sub("//[^/]*@", "//", uri)  # without a password
        self._uri, self._token = uri, token
        self._client: Any = None
        self._connecting = threading.Lock()
        self._down = False
        self._retrying = threading.Lock()  # held by the one thread that tries a server that is down

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Provide a pymilvus client, which reconnects by itself. Raises SearchUnavailable.

        While the server is down, one thread at a time waits for it and the others fail immediately.
        """
        import grpc
        from pymilvus import MilvusClient, MilvusException

        alone = self._down
        if alone and not self._retrying.acquire(blocking=False):
            raise self._unavailable("it did not answer just now")
        try:
            with self._connecting:
                if self._client is None:
                    if self._down and not alone:  # another thread has just tried, while this one waited for the lock
                        raise self._unavailable("it did not answer just now")
                    options = {"timeout": CONNECT_SECONDS, "dedicated": True, "grpc_options": CHANNEL_OPTIONS}
                    self._client = MilvusClient(self._uri, token=self._token, **options)
            yield self._client
            self._down = False
        except (MilvusException, grpc.RpcError) as error:
            call = error if isinstance(error, grpc.RpcError) else error.__context__  # which pymilvus wraps
            failed = isinstance(call, grpc.RpcError)
            self._down = failed and call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            why = call.details() if failed else error.message
            raise self._unavailable((why or "no answer").splitlines()[0][:300]) from error
        finally:
            if alone:
                self._retrying.release()

    def _unavailable(self, why: str) -> SearchUnavailable:
        return SearchUnavailable(
            "The Milvus server at %(uri)s cannot be used now (%(why)s). See that it runs, and that RPF_MILVUS_URI and "
            "RPF_MILVUS_TOKEN are right.",
            uri=self.shown, why=why,
        )  # fmt: skip


_connections: dict[tuple[int, str, str], MilvusConnection] = {}
_lock = threading.Lock()


def connect(settings: Settings) -> MilvusConnection:
    """Return the connection to the server of the settings, without a request. Raises ConfigError."""
    try:
        import pymilvus  # noqa: F401
    except ImportError:
        raise ConfigError("The search method milvus needs pymilvus: pip install -r requirements-milvus.txt") from None
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs each error with a traceback; we raise them
    uri = settings.milvus_uri
    if not uri:
        raise ConfigError(
            "The search method milvus needs RPF_MILVUS_URI, the server's address, such as http://127.0.0.1:19530"
        )
    try:
        parts = urlsplit(uri)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError("RPF_MILVUS_URI must be an address such as http://127.0.0.1:19530")
    key = os.getpid(), uri, settings.milvus_token  # a connection does not outlive a fork
    with _lock:
        return _connections.setdefault(key, MilvusConnection(*key[1:]))
