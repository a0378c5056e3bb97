"""Search method `milvus` against a real server, which also stops, freezes and is killed during requests."""

import errno
import json
import logging
import os
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple
from urllib.error import HTTPError

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.site_server import serve
from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.engine import Query, SearchEngine, SearchRequest
from rpf.errors import ConfigError, SearchUnavailable
from rpf.search import base as search_base
from rpf.search import index_store
from rpf.search.exact import Exact
from rpf.search.index_store import open_searcher, update_index
from rpf.search.indexes.flat import FlatIndex
from rpf.search.indexes.milvus import MilvusIndex, connect
from rpf.search.request import ResolvedRequest
from rpf.settings import Settings
from rpf.utils.progress import Progress
from tests.support.commands import Run, snapshot

pytest.importorskip("pymilvus", reason="needs pymilvus (requirements-milvus.txt)")
pytest.importorskip("milvus", reason="needs a Milvus server: the package milvus, for Linux on x86-64")

from tests.support.milvus_server import MilvusServer, free_port

ITEMS = 2000
KEYS = ("skirt_length", "sleeve_length")  # the first two of the model's attributes
BOTH = dict.fromkeys(KEYS, 1.0)
SOON = 60  # seconds, for what must not hang


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[MilvusServer]:
    assert pytestconfig.cache is not None
    server = MilvusServer(tmp_path_factory.mktemp("milvus"), pytestconfig.cache.mkdir("milvus"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RPF_MILVUS_URI", server.uri)
        for name in ("RPF_MILVUS_TOKEN", "RPF_MILVUS_INDEX", "RPF_MILVUS_REPLICAS"):
            patch.delenv(name, raising=False)
        try:
            server.start()
            yield server
        finally:
            server.remove()


def on_server() -> set[str]:
    with connect(Settings.from_environ()).client() as client:
        return set(client.list_collections())


def eventually(true: Callable[[], bool]) -> None:
    until = monotonic() + SOON
    while not true():
        assert monotonic() < until, "not within a minute"
        sleep(0.2)


# ---- vectors ----


def unit(count: int, seed: int, dim: int = 64) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    rows = unit(300, 0)
    rows[200] = rows[11]  # a twin, to see ties
    return rows


class ObservedVectors:
    """Vectors that report when they are read."""

    def __init__(self, vectors: np.ndarray, report: Callable[[int], None]) -> None:
        self.shape, self.label = vectors.shape, "Ärmel-länge"
        self._vectors = vectors
        self._report = report

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        assert isinstance(rows, slice)
        self._report(rows.stop)
        return self._vectors[rows]


class BuiltIndex(NamedTuple):
    index: MilvusIndex
    inserted: list[int]  # vectors in each batch
    read: list[tuple[int, int]]  # (up to which vector, how many were on the server then)


@pytest.fixture(scope="module")
def built(server: MilvusServer, vectors: np.ndarray) -> BuiltIndex:
    result = BuiltIndex(MilvusIndex(), [], [])
    with connect(Settings.from_environ()).client() as client:
        insert = client.insert

    def noted(name: str, rows: list[dict[str, Any]], **more: Any) -> None:
        insert(name, rows, **more)
        result.inserted.append(len(rows))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_base, "ROW_BATCH_SIZE", 120)
        patch.setattr("rpf.search.indexes.milvus.MAX_INSERT_BYTES", 4 * 64 * 75)
        patch.setattr(client, "insert", noted)
        result.index.build(ObservedVectors(vectors, lambda stop: result.read.append((stop, sum(result.inserted)))))
    return result


@pytest.fixture(scope="module")
def index(built: BuiltIndex) -> MilvusIndex:
    return built.index


def test_vectors_are_read_and_inserted_in_batches(built: BuiltIndex) -> None:
    assert built.inserted == [75, 45, 75, 45, 60]
    assert built.read == [(120, 0), (240, 120), (360, 240)]


def opened(index: MilvusIndex, folder: Path, count: int) -> MilvusIndex:
    """Open the index as another process would at that moment."""
    folder.mkdir()
    index.save(folder)
    other = MilvusIndex()
    other.open(folder, (count, 64))
    return other


def test_server_neighbours_are_sorted_with_ties_to_the_lower_id(index: MilvusIndex, vectors: np.ndarray) -> None:
    queries = np.concatenate([vectors[11:12], unit(250, 1)])  # more than one request has
    neighbours, exact = index.search(queries, 20), FlatIndex()
    exact.build(vectors)
    assert neighbours.ids.shape == neighbours.distances.shape == (251, 20)
    assert neighbours.ids[0, :2].tolist() == [11, 200]
    np.testing.assert_array_equal(neighbours.ids, exact.search(queries, 20).ids)  # so few vectors are all compared
    np.testing.assert_allclose(neighbours.distances, exact.search(queries, 20).distances, atol=1e-5)


def test_a_k_above_the_size_returns_all_on_the_server(index: MilvusIndex) -> None:
    assert sorted(index.search(unit(1, 2), 20_000).ids[0]) == list(range(300))


def test_a_saved_index_opens_and_other_files_are_refused(index: MilvusIndex, tmp_path: Path) -> None:
    neighbours = opened(index, tmp_path / "saved", 300).search(unit(3, 3), 10)
    np.testing.assert_array_equal(neighbours.ids, index.search(unit(3, 3), 10).ids)
    file = tmp_path / "saved" / "milvus.json"
    good = json.loads(file.read_text())
    for wrong in ({"collection": "users"}, {"index": "DISKANN"}, {"index": []}, {"count": 299}, {"more": 1}):
        file.write_text(json.dumps(good | wrong))
        with pytest.raises(ValueError, match=r"milvus\.json"):
            MilvusIndex().open(tmp_path / "saved", (300, 64))


def test_unsaved_additions_are_not_returned(index: MilvusIndex, tmp_path: Path) -> None:
    """Add as another process does that ends before it can save."""
    fresh, other = unit(40, 4), unit(30, 5)
    assert opened(index, tmp_path / "crashed", 300).add(fresh)
    assert index.search(fresh, 1).ids.max() < 300
    assert index.add(other)
    assert index.search(other, 1).ids[:, 0].tolist() == list(range(300, 330))
    neighbours = index.search(fresh, 330)
    assert sorted(neighbours.ids[0]) == list(range(330))


# ---- a collection ----


class Clusters:
    """For each attribute 40 centres in a space of 24 dimensions, normal noise of half their spread around them, and a
    random rotation of that space into the model's: embeddings of garments have about as many dimensions."""

    def __init__(self, dim: int) -> None:
        rng = np.random.default_rng(0)
        self._centres = rng.standard_normal((len(KEYS), 40, 24))
        self._turns = [np.linalg.qr(rng.standard_normal((dim, 24)))[0].T for _ in KEYS]

    def draw(self, count: int, seed: int) -> np.ndarray:
        """Draw (count, A, dim) unit vectors; an item's clusters in different attributes are independent."""
        rng = np.random.default_rng(seed)
        parts = []
        for centres, turn in zip(self._centres, self._turns, strict=True):
            points = centres[rng.integers(len(centres), size=count)] + 0.5 * rng.standard_normal((count, 24))
            parts.append(points @ turn)
        vectors = np.stack(parts, axis=1).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


@pytest.fixture(scope="module")
def site_settings(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Settings:
    base = tmp_path_factory.mktemp("site")
    site_settings = Settings(
        collections=base / "collections",
        collection="shop",
        checkpoint=tiny_checkpoint,
        instance=base / "instance",
        image_roots=(base,),
    )
    Image.effect_noise((200, 200), 60).convert("RGB").save(base / "query.jpg")
    return site_settings


@pytest.fixture(scope="module")
def engine(site_settings: Settings) -> SearchEngine:
    return SearchEngine(site_settings)


@pytest.fixture(scope="module")
def clusters(engine: SearchEngine) -> Clusters:
    return Clusters(engine.model.dim)


def append(engine: SearchEngine, name: str, embeddings: np.ndarray) -> list[int]:
    keys = KEYS[: embeddings.shape[1]]
    spec = CollectionSpec(engine.model.checkpoint_hash, keys, engine.model.dim, "images")
    with Writer.open(engine.settings.collections / name, spec) as writer:
        first = writer.manifest.count
        items = [NewItem(f"{first + number}.jpg", "", 0, 100, 100, {}) for number in range(len(embeddings))]
        return writer.append(items, embeddings, None)


@pytest.fixture(scope="module")
def run(site_settings: Settings) -> Run:
    return Run(site_settings)


@pytest.fixture(scope="module")
def shop(server: MilvusServer, engine: SearchEngine, clusters: Clusters, run: Run) -> Path:
    """Make the collection "shop", and build its milvus index by the command line."""
    append(engine, "shop", clusters.draw(ITEMS, 1))
    output = run("build-index", "shop", "--method", "milvus", stream="output")
    assert f"shop: {ITEMS} items, searched by milvus" in output
    assert f"building the index: 100%|██████████| {2 * ITEMS}/{2 * ITEMS}" in output
    return engine.settings.collections / "shop"


@pytest.fixture(scope="module")
def small(engine: SearchEngine, clusters: Clusters) -> Path:
    """Make the collection "small", which has no index."""
    append(engine, "small", clusters.draw(20, 1))
    return engine.settings.collections / "small"


def update(settings: Settings, name: str, method: str, progress: Progress = lambda *call: None, **options: bool) -> str:
    """Update the index of a collection."""
    return update_index(Collection.open(settings.collections / name), settings.indexes, method, progress, **options)


def agreement(shop: Path, site_settings: Settings, queries: np.ndarray, k: int = 50) -> float:
    """Return the recall at k against exact search, by both attributes and by each alone."""
    collection = Collection.open(shop)
    searcher, exact = open_searcher(collection, site_settings.indexes, "auto"), Exact(collection)
    shares = []
    for query in queries:
        for chosen in ([0, 1], [0], [1]):
            request = ResolvedRequest(query[chosen], tuple(chosen), np.ones(len(chosen)), k)
            shares.append(np.isin(exact.search(request).rows, searcher.search(request).rows).mean())
    return float(np.mean(shares))


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many rows each search on the server from here on requests."""
    counts: list[int] = []
    propose = MilvusIndex.propose

    def counted(self: MilvusIndex, query: np.ndarray, k: int) -> np.ndarray:
        counts.append(k)
        return propose(self, query, k)

    monkeypatch.setattr(MilvusIndex, "propose", counted)
    return counts


def hits(engine: SearchEngine, vector: np.ndarray, k: int = 10) -> list[int]:
    """Search by both attributes, and return the ids."""
    results = engine.search("shop", SearchRequest(Query(vector, None, (100, 100)), BOTH, k))
    return [hit.item.id for hit in results.hits]


def test_recall_over_several_attributes(
    shop: Path, engine: SearchEngine, clusters: Clusters, searches: list[int]
) -> None:
    assert engine.method("shop") == "Milvus"
    assert sum(name.startswith("rpf_shop_") for name in on_server()) == 1  # for both attributes
    queries = clusters.draw(20, 2)
    assert agreement(shop, engine.settings, queries) >= 0.99
    assert len(searches) == 3 * len(queries)  # by both attributes and by each: one request for any of them
    assert max(searches) < ITEMS / 4


def test_added_items_are_ranked_and_removed_ones_are_not(
    shop: Path, engine: SearchEngine, clusters: Clusters, run: Run, searches: list[int]
) -> None:
    before, fresh = on_server(), clusters.draw(30, 3)
    given = append(engine, "shop", fresh)
    assert update(engine.settings, "shop", "auto") == "milvus"
    run("remove", "shop", 1, 2, *given[:10])
    assert on_server() == before
    for vector, item in zip(fresh[10:], given[10:], strict=True):
        assert hits(engine, vector)[0] == item
    gone = {1, 2, *given[:10]}
    assert not any(gone & set(hits(engine, vector, 50)) for vector in fresh)
    assert agreement(shop, engine.settings, clusters.draw(10, 4)) >= 0.99
    assert searches


def test_an_index_that_cannot_be_saved_is_dropped_on_the_server(
    server: MilvusServer, engine: SearchEngine, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(engine, "single", clusters.draw(20, 1)[:, :1])
    folder = engine.settings.collections / "single"
    before, files = on_server(), snapshot(folder)

    def full(*args: object) -> None:
        assert len(on_server()) == len(before) + 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(index_store, "save_index", full)
    with pytest.raises(ConfigError, match=r"cannot be written to .*No space left"):
        update(engine.settings, "single", "milvus")
    assert on_server() == before
    assert snapshot(folder) == files


@pytest.mark.parametrize("method", ["milvus", "exact"])
def test_collections_of_a_former_version_are_dropped_on_the_server(
    server: MilvusServer, engine: SearchEngine, clusters: Clusters, vectors: np.ndarray, method: str
) -> None:
    """It had one for each attribute, and other files."""
    name = f"former-{method}"
    append(engine, name, clusters.draw(20, 1))
    manifest, before = Collection.open(engine.settings.collections / name).manifest, on_server()
    folder = engine.settings.indexes / str(manifest.uuid)
    for attribute in ("0", "1"):
        index = MilvusIndex()
        index.build(vectors)
        (folder / "0123456789ab" / attribute).mkdir(parents=True)
        index.save(folder / "0123456789ab" / attribute)
    (folder / "index.json").write_text('{"method": "milvus", "oversampling": [2.0]}')
    former = on_server() - before
    assert len(former) == 2
    assert update(engine.settings, name, method) == method
    assert not former & on_server()
    update(engine.settings, name, "exact")
    assert on_server() == before


# ---- a server that is not well, and the site ----


@pytest.fixture(scope="module")
def site(shop: Path, small: Path, site_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a gunicorn that is never restarted, and return its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RPF_IMAGE_ROOTS", str(site_settings.image_roots[0]))
        with serve(site_settings, tmp_path_factory.mktemp("log") / "log") as served:
            yield served.address


def get(address: str, data: bytes | None = None, **headers: str) -> tuple[int, Any, str]:
    """Send a request, and return its status, headers and text."""
    request = urllib.request.Request(address, data, {name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=SOON) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers, error.read().decode()


def submit(site: str, collection: str = "shop") -> tuple[int, Any, dict[str, Any]]:
    body = {"img_path": "query.jpg", "attrs": "sleeve length; skirt length", "k": 5, "collection": collection}
    code, headers, text = get(f"{site}/submit", json.dumps(body).encode(), Content_Type="application/json")
    return code, headers, json.loads(text)


def check_away(site: str) -> None:
    """Check that all works but the search of "shop", which says that the server is not answering."""
    code, headers, answer = submit(site)
    assert (code, headers["Content-Type"]) == (503, "application/problem+json")
    assert int(headers["Retry-After"]) > 0
    assert answer["detail"] == "The search server is not answering. Please try again in a moment."
    for page in ("results?item=7&a=sleeve_length&rest=1", "item/7"):
        code, headers, text = get(f"{site}/c/shop/{page}", Accept="text/html", Accept_Language="vi")
        assert (code, headers.get_content_type()) == (503, "text/html")
        assert "Máy chủ tìm kiếm hiện không trả lời." in text
    code, headers, answer = submit(site, "small")
    assert (code, len(answer["ids"])) == (200, 5)
    for page in ("healthz", "readyz", "c/shop/", "c/shop/about", "c/small/item/7"):
        assert get(f"{site}/{page}")[0] == 200


def check_well(site: str) -> dict[str, Any]:
    eventually(lambda: submit(site)[0] == 200)
    assert get(f"{site}/c/shop/results?item=7&a=sleeve_length")[0] == 200
    return submit(site)[2]


def at_share(share: float, act: Callable[[], None]) -> Callable[[str, int, int], None]:
    """Return a progress callback that acts once, when more than this share of all vectors is read."""
    done: list[bool] = []

    def progress(phase: str, rows: int, total: int) -> None:
        if rows > share * total and not done:
            done.append(True)
            act()

    return progress


def test_a_server_killed_during_a_build(
    server: MilvusServer,
    site: str,
    shop: Path,
    engine: SearchEngine,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer, before, files, write = check_well(site), on_server(), snapshot(shop), MilvusIndex._write

    def killed(*arguments: Any) -> None:
        server.kill()
        write(*arguments)

    monkeypatch.setattr(MilvusIndex, "_write", killed)
    with caplog.at_level(logging.WARNING), pytest.raises(SearchUnavailable):
        update(engine.settings, "shop", "milvus", rebuild=True)
    assert snapshot(shop) == files
    check_away(site)
    server.start()
    assert check_well(site)["ids"] == answer["ids"]
    (left,) = on_server() - before
    assert left in caplog.text


@pytest.mark.soak(only=True)
def test_a_server_that_hangs_during_an_addition_and_is_killed(
    server: MilvusServer, site: str, shop: Path, engine: SearchEngine, clusters: Clusters, run: Run
) -> None:
    fresh = clusters.draw(50, 5)
    given = append(engine, "shop", fresh)
    files, hangs = snapshot(shop), threading.Event()
    check_well(site)

    def add() -> str:
        freeze = at_share(0.5, lambda: (server.freeze(), hangs.set())[1])
        return update(engine.settings, "shop", "auto", freeze)

    with ThreadPoolExecutor(16) as pool:
        adding = pool.submit(add)
        assert hangs.wait(SOON)
        waiting = [pool.submit(submit, site) for _ in range(4)]
        others = [pool.submit(submit, site, "small") for _ in range(4)]
        assert [one.result()[0] for one in others] == [200] * 4
        assert get(f"{site}/healthz")[0] == 200
        assert not any(one.done() for one in waiting)
        assert [one.result()[0] for one in waiting] == [503] * 4
        # Now it is known, and one request waits at a time.
        waiting = [pool.submit(submit, site) for _ in range(12)]
        eventually(lambda: sum(one.done() for one in waiting) == 11)
        assert submit(site, "small")[0] == 200
        assert not all(one.done() for one in waiting)
        server.kill()
        assert [one.result()[0] for one in waiting] == [503] * 12
        with pytest.raises(SearchUnavailable):
            adding.result()
    assert snapshot(shop) == files
    run("remove", "shop", given[0], status=2)  # the item is gone, and the index still to be brought up to date
    check_away(site)
    server.start()
    check_well(site)
    for vector, item in zip(fresh[1:], given[1:], strict=True):  # not in the index, and neighbours
        assert hits(engine, vector)[0] == item
    names = on_server()
    assert update(engine.settings, "shop", "auto") == "milvus"
    assert on_server() == names
    for vector, item in zip(fresh[1:], given[1:], strict=True):
        assert hits(engine, vector)[0] == item
    assert agreement(shop, engine.settings, clusters.draw(20, 6)) >= 0.99


def test_an_index_dropped_during_a_search_is_replaced_by_exact_search(
    server: MilvusServer, shop: Path, engine: SearchEngine, clusters: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = clusters.draw(1, 7)[0]
    expected, before, propose = hits(engine, vector), on_server(), MilvusIndex.propose

    def late(self: MilvusIndex, query: np.ndarray, k: int) -> np.ndarray:
        if on_server() == before:
            assert update(engine.settings, "shop", "exact") == "exact"
        with pytest.raises(SearchUnavailable) as caught:
            propose(self, query, k)
        raise caught.value

    monkeypatch.setattr(MilvusIndex, "propose", late)
    assert hits(engine, vector) == expected
    assert len(before - on_server()) == 1
    assert engine.method("shop") == "exact"


# ---- settings ----


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("RPF_MILVUS_URI", "", "needs RPF_MILVUS_URI, the server's address, such as http://127.0.0.1:19530"),
        ("RPF_MILVUS_URI", "127.0.0.1:19530", "RPF_MILVUS_URI must be an address such as http://127.0.0.1:19530"),
        ("RPF_MILVUS_URI", "ftp://127.0.0.1:19530", "must be an address"),
        ("RPF_MILVUS_URI", "http://", "must be an address"),
        ("RPF_MILVUS_URI", "http://127.0.0.1:99999", "must be an address"),
        ("RPF_MILVUS_URI", "milvus.db", "must be an address"),
        ("RPF_MILVUS_INDEX", "ANNOY", 'RPF_MILVUS_INDEX must be one of FLAT, HNSW, IVF_SQ8, not "ANNOY".'),
        ("RPF_MILVUS_REPLICAS", "0", 'RPF_MILVUS_REPLICAS must be greater than or equal to 1, not "0".'),
        ("RPF_MILVUS_REPLICAS", "two", 'not "two"'),
    ],
)
def test_wrong_settings_are_one_clear_line(
    site_settings: Settings, small: Path, setting: str, value: str, message: str
) -> None:
    files = snapshot(small)
    run = Run(site_settings, **{"RPF_MILVUS_URI": "http://127.0.0.1:19530", setting: value})
    assert message in run("build-index", "small", "--method", "milvus", status=2)
    assert snapshot(small) == files


def test_a_missing_client_library_names_what_to_install(
    site_settings: Settings, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    run = Run(site_settings, RPF_MILVUS_URI="http://127.0.0.1:19530")
    message = run("build-index", "small", "--method", "milvus", status=2)
    assert "pip install -r requirements-milvus.txt" in message


def test_an_unreachable_server_is_reported_without_its_password(site_settings: Settings, small: Path) -> None:
    """Fail immediately, too."""
    run = Run(site_settings, RPF_MILVUS_URI=f"http://root:secret@127.0.0.1:{free_port()}")
    message = run("build-index", "small", "--method", "milvus", status=2)
    assert "cannot be used now" in message and "RPF_MILVUS_URI" in message
    assert "secret" not in message
