"""Missing search indexes of large collections, which the site builds while it searches exactly."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.engine import SearchEngine
from rpf.search.exact import Exact
from rpf.search.index_store import AUTO, LARGE_COLLECTION, index_stamp, lacks_index, open_searcher, update_index
from rpf.settings import Settings
from rpf.utils.locks import is_locked, locked
from tests.conftest import with_instance
from tests.support.commands import Run
from webapp import create_app
from webapp.engine_loader import EngineLoader
from webapp.index_builder import IndexBuilder

ATTRIBUTES = ("sleeve_length", "neck_design", "coat_length")
DIM = 16
LIMIT_SECONDS = 300.0


def write(folder: Path, count: int, seed: int = 0) -> None:
    vectors = np.random.default_rng(seed).standard_normal((count, len(ATTRIBUTES), DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    with Writer.open(folder, CollectionSpec("", ATTRIBUTES, DIM, "images")) as writer:
        writer.append([NewItem("", "", 0, 0, 0, {})] * count, vectors, None)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "large"
    write(folder, LARGE_COLLECTION)
    return folder


@pytest.fixture
def local(large: Path, settings: Settings, tmp_path: Path) -> Settings:
    """Return settings over a copy of the large collection, without an index."""
    shutil.copytree(large, tmp_path / "collections" / "large")
    return with_instance(settings, tmp_path / "instance").model_copy(update={"collections": tmp_path / "collections"})


@contextmanager
def building(settings: Settings, engine: SearchEngine) -> Iterator[tuple[SearchEngine, IndexBuilder]]:
    """Run a builder beside a new engine with the same model."""
    loader = EngineLoader(settings)
    loader._engine = SearchEngine(settings, engine.model, default="large")
    builder = IndexBuilder(loader)
    builder.start()
    try:
        yield loader.engine, builder
    finally:
        builder.stop()


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "webapp.index_builder"]


def test_missing_index_is_built_once_by_two_processes_and_used_by_the_next_search(
    local: Settings, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with building(local, engine) as (first, one), building(local, engine) as (second, other):
        assert first.method("large") == second.method("large") == "exact"
        wait(lambda: one.building and other.building)
        assert one.building == other.building == {"large"}
        wait(lambda: first.method("large") == second.method("large") == "PCA")
        wait(lambda: not one.building and not other.building)
    assert [line.partition(" ")[0] for line in messages(caplog)] == ["Building", "Built"]


def test_index_of_an_earlier_version_is_built_again(
    local: Settings, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    Run(local)("build-index", "large")
    metadata = next(local.indexes.glob("*/index.json"))
    metadata.write_text(metadata.read_text().replace('"trained_on"', '"trained"'))
    with building(local, engine) as (site, _):
        assert site.method("large") == "exact"
        assert "of another version" in caplog.text
        wait(lambda: site.method("large") == "PCA")


def builds() -> list[psutil.Process]:
    """List the commands that this process runs to build an index; a browser of other tests may run, too."""
    return [child for child in psutil.Process().children() if "build-index" in child.cmdline()]


def test_stop_ends_the_build_and_the_next_start_does_it(
    local: Settings, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with building(local, engine) as (site, _):
        assert site.method("large") == "exact"
        wait(builds)
        (child,) = builds()
        wait(lambda: child.nice() == 19)
    assert not child.is_running() and not list(local.indexes.glob("*/index.json"))
    assert not is_locked(local.indexes)
    assert messages(caplog)[-1].startswith("Stopped building")
    with building(local, engine) as (site, _):
        assert site.method("large") == "exact"
        wait(lambda: site.method("large") == "PCA")


def test_nothing_is_built_while_a_command_writes_the_collection(local: Settings, engine: SearchEngine) -> None:
    with building(local, engine) as (site, builder):
        with locked(local.collections / "large", wait=0):
            assert site.method("large") == "exact"
            time.sleep(2.5)
            assert not builder.building and not builds()
        wait(lambda: builder.building)


def test_instance_folder_that_cannot_be_written_is_logged_once_and_searched_exactly(
    local: Settings, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    local.indexes.touch()  # in place of the folder: root may write into any folder
    with building(local, engine) as (site, builder):
        assert site.method("large") == "exact"
        time.sleep(3)
        assert site.method("large") == "exact" and not builder.building
    (line,) = messages(caplog)
    assert line.startswith("No search index is built")


def test_failed_build_is_logged_with_its_reason_and_not_repeated_at_once(
    local: Settings, engine: SearchEngine, caplog: pytest.LogCaptureFixture
) -> None:
    uuid = Collection.open(local.collections / "large").manifest.uuid
    local.indexes.mkdir()
    (local.indexes / uuid).touch()  # where the folder of the index should be
    with building(local, engine) as (site, _):
        assert site.method("large") == "exact"
        wait(lambda: messages(caplog))
        time.sleep(2.5)
        assert site.method("large") == "exact"
    (line,) = messages(caplog)
    assert "could not be built: The search index cannot be written" in line


def test_about_page_says_that_an_index_is_being_built(local: Settings, engine: SearchEngine) -> None:
    app = create_app(local, TESTING=True)
    app.extensions["rpf"]._engine = SearchEngine(local, engine.model, default="large")
    page = app.test_client().get("/c/large/about").text
    assert "every photo is compared" in page and "index is being built" not in page
    app.extensions["rpf_index_builder"].building = frozenset(["large"])
    assert "A faster index is being built." in app.test_client().get("/c/large/about").text


def test_only_a_large_collection_without_a_usable_index_lacks_one(large: Path, tmp_path: Path) -> None:
    indexes, small, copy = tmp_path / "indexes", tmp_path / "small", tmp_path / "copy"
    write(small, 50)
    shutil.copytree(large, copy)

    def lacks(folder: Path, method: str = AUTO) -> bool:
        collection = Collection.open(folder)
        return lacks_index(collection, open_searcher(collection, indexes, method), indexes, method)

    assert lacks(large) and lacks(copy)
    assert not lacks(large, "exact") and not lacks(large, "hnsw") and not lacks(small)
    for folder, method in ((small, "kdtree"), (large, AUTO)):
        update_index(Collection.open(folder), indexes, method, lambda *_: None)
        assert not lacks(folder)
    assert not lacks(copy), "its index would take the place of the original's"
    metadata = indexes / Collection.open(large).manifest.uuid / "index.json"
    current = metadata.read_text()
    metadata.write_text(current.replace('"trained_on"', '"trained"'))  # as of an earlier version
    assert lacks(large) and not lacks(copy)
    metadata.write_text(current)
    shutil.rmtree(copy)
    for build in indexes.glob("*/*/"):
        shutil.rmtree(build)
    assert lacks(small) and lacks(large), "an index chosen by hand was damaged"


def test_copy_whose_original_was_moved_away_lacks_an_index(large: Path, tmp_path: Path) -> None:
    indexes, original = tmp_path / "indexes", tmp_path / "original"
    shutil.copytree(large, original)
    update_index(Collection.open(original), indexes, AUTO, lambda *_: None)
    original.rename(tmp_path / "moved")
    collection = Collection.open(tmp_path / "moved")
    searcher = open_searcher(collection, indexes, AUTO)
    assert isinstance(searcher, Exact) and lacks_index(collection, searcher, indexes, AUTO)


def test_missing_index_is_built_by_command_while_the_collection_is_written(local: Settings) -> None:
    run, folder = Run(local), local.collections / "large"
    with Writer.open(folder):
        assert "searched by pca" in run("build-index", "large", "--update")
        stamp = index_stamp(Collection.open(folder), local.indexes)
        assert "searched by pca" in run("build-index", "large", "--update")
    assert index_stamp(Collection.open(folder), local.indexes) == stamp is not None
    assert "leave --method out" in run("build-index", "large", "--update", "--method", "pca", status=2)
