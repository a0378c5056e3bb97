"""Milvus: vectors and their index on a server, for collections beyond one machine.

Tested with pymilvus 3.0 and a server 2.3. The README tells of its settings, RPF_MILVUS_*.
"""

import json
import logging
import math
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from rpf.errors import ConfigError, RPFError, SearchUnavailable
from rpf.search.base import Neighbours, VectorIndex, Vectors, blocks, nearest_first
from rpf.utils.files import write_atomic

log = logging.getLogger(__name__)
FILE = "milvus.json"
MAX_BYTES = 2**12
NAME = re.compile("rpf_[A-Za-z0-9_]{1,200}")
MAX_NEIGHBOURS = 16_384  # neighbours that a server gives
QUERIES_AT_ONCE = 100
INSERT_BYTES = 16 * 2**20  # a server takes messages of up to 64 MB
CONNECT_SECONDS = 3
SEARCH_SECONDS = 5
WRITE_SECONDS = 120  # for one batch, or a flush
# gRPC waits up to two minutes before it looks again whether a server is back.
CHANNEL = {"grpc.max_reconnect_backoff_ms": 2000}
NLIST = 128

# For each index: how to build it, and how to search it for k of n vectors.
INDEXES: dict[str, tuple[dict[str, int], Callable[[int, int], dict[str, int]]]] = {
    "HNSW": ({"M": 32, "efConstruction": 360}, lambda k, n: {"ef": max(128, 2 * k)}),
    "FLAT": ({}, lambda k, n: {}),
    "IVF_SQ8": ({"nlist": NLIST}, lambda k, n: {"nprobe": min(NLIST, math.ceil(NLIST * (0.25 + 8 * k / n)))}),
}


class Milvus(VectorIndex):
    """A collection on a Milvus server, whose ids are the rows 0 to n - 1.

    What a crash left there beyond the rows that the saved file tells of is never found, and written over by `add`.
    """

    title = "Milvus"
    trusting = True  # its file names a collection of the server, which `discard` drops
    max_neighbours = MAX_NEIGHBOURS

    def __init__(self) -> None:
        self._name = ""
        self._index = ""
        self._count = 0

    def build(self, vectors: Vectors) -> None:
        """See Method. Raises ConfigError, and SearchUnavailable when the server fails; then nothing of it
        stays there, or the log names what does."""
        server = connect()
        self._index = os.environ.get("RPF_MILVUS_INDEX") or "HNSW"
        if self._index not in INDEXES:
            raise ConfigError(
                'RPF_MILVUS_INDEX must be one of %(names)s, not "%(name)s".',
                names=", ".join(INDEXES), name=self._index,
            )  # fmt: skip
        replicas = os.environ.get("RPF_MILVUS_REPLICAS") or "1"
        if not re.fullmatch("[1-9][0-9]?", replicas):
            raise ConfigError('RPF_MILVUS_REPLICAS must be a number from 1 to 99, not "%(text)s".', text=replicas)
        try:
            with server.client() as client:
                self._create(client, vectors.shape[1])
                self._write(client.insert, vectors)
                client.flush(self._name, timeout=WRITE_SECONDS)
                # Without a limit in time: indexing takes minutes to hours, and ends when the server does.
                how = client.prepare_index_params(
                    "vector", index_type=self._index, metric_type="IP", params=INDEXES[self._index][0]
                )
                client.create_index(self._name, how)
                client.load_collection(self._name, replica_number=int(replicas))
            self._accept(vectors.shape[0])
        except BaseException:
            self.discard()
            raise

    def add(self, vectors: Vectors) -> bool:
        """See Method. Raises SearchUnavailable; then only the former ones are found.

        The server's log keeps them; it indexes them when there are enough, and until then compares each.
        """
        with connect().client() as client:
            self._write(client.upsert, vectors)
        self._accept(self._count + vectors.shape[0])
        return True

    def search(self, queries: npt.NDArray[np.float32], k: int) -> Neighbours:
        """See rpf.search.base.VectorIndex; k above 16,384 is taken for that. Raises SearchUnavailable."""
        k = min(k, self._count, MAX_NEIGHBOURS)
        ids = np.full((len(queries), k), -1, np.int64)
        cosines = np.zeros(ids.shape)
        with connect().client() as client:
            for at in range(0, len(queries), QUERIES_AT_ONCE):
                found = client.search(
                    self._name,
                    data=list(queries[at : at + QUERIES_AT_ONCE]),
                    anns_field="vector",
                    limit=k,
                    filter=f"id < {self._count}",
                    search_params={"metric_type": "IP", "params": INDEXES[self._index][1](k, self._count)},
                    # Sees what is older than 5 seconds or so. "Strong" waits 0.2 s each time; `_accept` waits instead.
                    consistency_level="Bounded",
                    timeout=SEARCH_SECONDS,
                )
                for line, hits in enumerate(found, at):
                    ids[line, : len(hits)] = hits.ids
                    cosines[line, : len(hits)] = hits.distances
        return nearest_first(ids, 2 - 2 * cosines)

    def save(self, folder: Path) -> None:
        """See Method. The vectors stay on the server."""
        kept = {"collection": self._name, "index": self._index, "count": self._count}
        write_atomic(folder / FILE, json.dumps(kept).encode())

    def open(self, folder: Path, shape: tuple[int, int]) -> None:
        """See Method. Does not ask the server. Raises ConfigError where no server is set."""
        connect()
        with (folder / FILE).open("rb") as stream:
            kept = json.loads(stream.read(MAX_BYTES))
        if not isinstance(kept, dict) or kept.keys() != {"collection", "index", "count"}:
            raise ValueError(f"{FILE} has other keys than expected")
        name, index, count = kept["collection"], kept["index"], kept["count"]
        if not (isinstance(name, str) and NAME.fullmatch(name) and index in list(INDEXES) and count == shape[0]):
            raise ValueError(f"{FILE} is malformed or tells of other vectors than expected")
        self._name, self._index, self._count = name, index, shape[0]

    def discard(self) -> None:
        """Drop the collection on the server; the log says when that cannot be done."""
        name, self._name = self._name, ""
        if not name:
            return
        try:
            with connect().client() as client:
                client.drop_collection(name, timeout=WRITE_SECONDS)
        except RPFError as error:
            log.warning("The Milvus collection %s is no longer needed and could not be dropped: %s", name, error)

    def _create(self, client: Any, dim: int) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
        label = re.sub("[^A-Za-z0-9_]", "_", self.label)[:150]
        self._name = f"rpf_{label}_{secrets.token_hex(6)}"
        client.create_collection(self._name, schema=schema, timeout=WRITE_SECONDS)

    def _write(self, write: Callable[..., object], vectors: Vectors) -> None:
        """Rows from self._count on."""
        step = max(1, INSERT_BYTES // (4 * vectors.shape[1]))
        first = self._count
        for block in blocks(vectors):
            for at in range(0, len(block), step):
                rows = [{"id": row, "vector": vector} for row, vector in enumerate(block[at : at + step], first)]
                write(self._name, rows, timeout=WRITE_SECONDS)
                first += len(rows)

    def _accept(self, count: int) -> None:
        """Take the rows for written if they all are; after this every search sees them."""
        server = connect()
        with server.client() as client:
            rows = client.query(
                self._name,
                filter=f"id < {count}",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=WRITE_SECONDS,
            )
        if (found := rows[0]["count(*)"]) != count:
            raise SearchUnavailable(
                "The Milvus server at %(uri)s has %(found)d of %(count)d vectors. Try again, and see its log.",
                uri=server.shown, found=found, count=count,
            )  # fmt: skip
        self._count = count


class Server:
    """The one connection of a process to a Milvus server, which its threads share."""

    def __init__(self, uri: str, token: str) -> None:
        self.shown = re.sub("//[^/]*@", "//", uri)  # without a password
        self._uri = uri
        self._token = token
        self._client: Any = None
        self._making = threading.Lock()
        self._away = False
        self._trying = threading.Lock()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A pymilvus client, connected at its first use; it connects again by itself. Raises SearchUnavailable.

        While the server is away, one thread at a time waits for it and the others are told at once.
        """
        import grpc
        from pymilvus import MilvusException

        alone = self._away
        if alone and not self._trying.acquire(blocking=False):
            raise self._unavailable("it did not answer just now")
        try:
            yield self._connected(alone)
            self._away = False
        except (MilvusException, grpc.RpcError) as error:
            call = error if isinstance(error, grpc.RpcError) else error.__context__  # that pymilvus made of it
            failed = isinstance(call, grpc.RpcError)
            self._away = failed and call.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            why = call.details() if failed else error.message
            raise self._unavailable((why or "no answer").splitlines()[0][:300]) from error
        finally:
            if alone:
                self._trying.release()

    def _connected(self, alone: bool) -> Any:
        from pymilvus import MilvusClient

        with self._making:
            if self._client is None:
                if self._away and not alone:  # the thread that was waited for has just tried
                    raise self._unavailable("it did not answer just now")
                self._client = MilvusClient(
                    self._uri, token=self._token, timeout=CONNECT_SECONDS, dedicated=True, grpc_options=CHANNEL
                )
        return self._client

    def _unavailable(self, why: str) -> SearchUnavailable:
        return SearchUnavailable(
            "The Milvus server at %(uri)s cannot be used now (%(why)s). See that it runs, and that RPF_MILVUS_URI and "
            "RPF_MILVUS_TOKEN are right.",
            uri=self.shown, why=why,
        )  # fmt: skip


_servers: dict[tuple[int, str, str], Server] = {}
_lock = threading.Lock()


def connect() -> Server:
    """The server of the settings; nothing is sent yet. Raises ConfigError."""
    try:
        import pymilvus  # noqa: F401
    except ImportError:
        raise ConfigError("The search method milvus needs pymilvus: pip install -r requirements-milvus.txt") from None
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it notes each error with a traceback; we raise them
    uri = os.environ.get("RPF_MILVUS_URI", "")
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
    key = os.getpid(), uri, os.environ.get("RPF_MILVUS_TOKEN", "")  # a connection does not outlive a fork
    with _lock:
        return _servers.setdefault(key, Server(*key[1:]))
