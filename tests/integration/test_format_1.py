"""Collection of format 1, from before the first release, with a search index in its folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.search.exact import Exact
from rpf.search.index_store import index_method, open_searcher
from rpf.search.request import Query, ResolvedRequest, SearchRequest
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run, snapshot

WEIGHTS = {"sleeve_length": 1.0, "collar_design": 2.0}
NEAREST_TO_1 = [
    (5, 0.658498), (4, 0.459007), (2, 0.34563), (11, 0.303866), (12, 0.287659), (8, 0.256616), (7, 0.225961),
    (10, 0.110961), (9, 0.081484), (6, 0.05408),
]  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """Return settings over a copy of the collection."""
    shutil.copytree(ROOT / "tests" / "support" / "format_1", tmp_path / "collections")
    return Settings(collections=tmp_path / "collections", collection="shop", instance=tmp_path / "instance")


def check_own_scores(collection: Collection, settings: Settings) -> None:
    """Search with each item, whose score is what its presence leaves of 1."""
    searcher = open_searcher(collection, settings.indexes, "auto")
    for row, item_id in enumerate(collection.ids.tolist()):
        vectors, presence = collection.vectors(item_id), collection.presence(item_id)
        assert presence is not None
        attributes = tuple(range(len(vectors)))
        ranked = searcher.search(ResolvedRequest(vectors, attributes, np.ones(len(vectors)), len(collection)))
        expected = np.mean(2 * presence.astype(float) ** 0.25 - 1)
        assert ranked.scores[ranked.rows.tolist().index(row)] == pytest.approx(expected, abs=2e-3)


def test_format_1_is_searched_exactly_and_not_written(old: Settings) -> None:
    folder = old.collections / "shop"
    before = snapshot(folder)
    collection = Collection.open(folder)
    assert (len(collection), collection.manifest.uuid, collection.manifest.spec.title) == (11, "", "Made by 0.0")
    assert collection.knows_presence and len(collection.presence_by_attribute[0]) == 11
    assert all(collection.image_path(item).is_file() for item in collection.items(collection.ids.tolist()))
    assert isinstance(open_searcher(collection, old.indexes, "auto"), Exact)
    check_own_scores(collection, old)
    assert Run(old)("verify", "shop").endswith("shop: 11 items, 0 repaired, 0 problems\n")
    assert snapshot(folder) == before


def test_format_1_has_the_rankings_of_the_version_that_wrote_it(old: Settings) -> None:
    """Check the cosines, which it ranked by, where presence is unknown."""
    for file in (old.collections / "shop").glob("segments/*/applicable.npy"):
        file.unlink()
    collection = Collection.open(old.collections / "shop")
    query = Query.of_item(collection, 1)  # by the weights of then
    request = SearchRequest(query, WEIGHTS, 11).resolve(collection)
    ranked = Exact(collection).search(request)
    nearest = zip(collection.ids[ranked.rows].tolist(), ranked.scores.round(6).tolist(), strict=True)
    assert list(nearest)[1:] == [(item_id, pytest.approx(score, abs=2e-6)) for item_id, score in NEAREST_TO_1]


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
    check_own_scores(collection, old)
    assert "10 items, searched by pca" in run("optimize", "shop")
    assert run("verify", "shop").endswith("shop: 10 items, 0 repaired, 0 problems\n")
