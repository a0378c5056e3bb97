"""Collection of format 1, from before the first release, with a search index in its folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.search.exact import Exact
from rpf.search.index_store import index_method, open_searcher
from rpf.search.request import ResolvedRequest
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run, snapshot

WEIGHTS = {"sleeve_length": 1.0, "collar_design": 2.0}
NEAREST_TO_1 = [
    (5, 0.658498), (4, 0.459007), (2, 0.34563), (11, 0.303866), (12, 0.287659), (8, 0.256616), (7, 0.225961),
    (10, 0.110961), (9, 0.081484), (6, 0.05408),
]  # fmt: skip
NEAREST_TO_7_MISSING_LAST = [(8, 0), (9, 0), (2, 1), (10, 1), (6, 1), (1, 1), (11, 1), (4, 1), (5, 1), (12, 2)]


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """Return settings over a copy of the collection."""
    shutil.copytree(ROOT / "tests" / "support" / "format_1", tmp_path / "collections")
    return Settings(collections=tmp_path / "collections", collection="shop", instance=tmp_path / "instance")


def nearest(collection: Collection, settings: Settings) -> list[int]:
    """Return the item that is most similar to each item."""
    searcher = open_searcher(collection, settings.indexes, "auto")
    best = []
    for item_id in collection.ids.tolist():
        vectors = collection.vectors(item_id)
        attributes = tuple(range(len(vectors)))
        ranked = searcher.search(ResolvedRequest(vectors, attributes, np.ones(len(vectors)), 1))
        assert ranked.scores[0] == pytest.approx(1, abs=1e-3)
        best.append(int(collection.ids[ranked.rows[0]]))
    return best


def test_format_1_is_searched_exactly_and_not_written(old: Settings) -> None:
    folder = old.collections / "shop"
    before = snapshot(folder)
    collection = Collection.open(folder)
    assert (len(collection), collection.manifest.uuid, collection.manifest.spec.title) == (11, "", "Made by 0.0")
    assert collection.knows_presence and collection.missing([0]).shape == (1, 11)
    assert all(collection.image_path(item).is_file() for item in collection.items(collection.ids.tolist()))
    assert isinstance(open_searcher(collection, old.indexes, "auto"), Exact)
    assert nearest(collection, old) == collection.ids.tolist()
    assert Run(old)("verify", "shop").endswith("shop: 11 items, 0 repaired, 0 problems\n")
    assert snapshot(folder) == before


def test_format_1_has_the_rankings_of_the_version_that_wrote_it(old: Settings) -> None:
    engine = SearchEngine(old)
    results = engine.search("shop", SearchRequest(engine.query_item("shop", 1), WEIGHTS, 10))
    assert [(hit.item.id, round(hit.similarity, 6)) for hit in results.hits] == NEAREST_TO_1
    results = engine.search("shop", SearchRequest(engine.query_item("shop", 7), WEIGHTS, 10, missing_last=True))
    assert [(hit.item.id, len(hit.missing)) for hit in results.hits] == NEAREST_TO_7_MISSING_LAST


def test_format_1_at_its_first_write_gets_a_uuid_and_loses_its_index_folder(old: Settings) -> None:
    folder, run = old.collections / "shop", Run(old)
    ids = Collection.open(folder).ids.tolist()
    assert "1 removed, 10 left" in run("remove", "shop", ids[4])
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["format"] == 2 and len(manifest["uuid"]) == 32 and "index" not in manifest
    assert not (folder / "index").exists()
    assert "10 items, searched by pca" in run("build-index", "shop", "--method", "pca")
    collection = Collection.open(folder)
    assert collection.ids.tolist() == [*ids[:4], *ids[5:]] and collection.manifest.uuid == manifest["uuid"]
    assert index_method(collection, old.indexes) == "pca"
    assert nearest(collection, old) == collection.ids.tolist()
    assert "10 items, searched by pca" in run("optimize", "shop")
    assert run("verify", "shop").endswith("shop: 10 items, 0 repaired, 0 problems\n")
