"""A collection of format 1, as version 0.0 wrote it: with its search index inside, and an item that was removed."""

import json
import shutil
from pathlib import Path

import pytest

from rpf.collection import Collection, Writer
from rpf.engine import SearchEngine, SearchRequest
from rpf.settings import DEFAULT_CHECKPOINT, Settings
from tests.support import ROOT
from tests.support.commands import Run

WEIGHTS = {"sleeve_length": 1.0, "collar_design": 2.0}
NEAREST_TO_1 = [
    (5, 0.658498), (4, 0.459007), (2, 0.34563), (11, 0.303866), (12, 0.287659), (8, 0.256616), (7, 0.225961),
    (10, 0.110961), (9, 0.081484), (6, 0.05408),
]  # fmt: skip
NEAREST_TO_7_MISSING_LAST = [(8, 0), (9, 0), (2, 1), (10, 1), (6, 1), (1, 1), (11, 1), (4, 1), (5, 1), (12, 2)]


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """Settings over a copy of the collection."""
    shutil.copytree(ROOT / "tests" / "support" / "format_1", tmp_path / "collections")
    return Settings(
        collections=tmp_path / "collections",
        collection="shop",
        checkpoint=DEFAULT_CHECKPOINT,
        instance=tmp_path / "instance",
    )


def test_format_1_collection_gives_the_rankings_that_its_version_gave(old: Settings) -> None:
    engine = SearchEngine(old)
    results = engine.search("shop", SearchRequest(engine.query_item("shop", 1), WEIGHTS, 10))
    assert [(hit.item.id, round(hit.similarity, 6)) for hit in results.hits] == NEAREST_TO_1
    results = engine.search("shop", SearchRequest(engine.query_item("shop", 7), WEIGHTS, 10, missing_last=True))
    assert [(hit.item.id, len(hit.missing)) for hit in results.hits] == NEAREST_TO_7_MISSING_LAST


def test_format_1_collection_is_not_changed_by_reading_it(old: Settings) -> None:
    folder = old.collections / "shop"
    before = (folder / "manifest.json").read_bytes()
    SearchEngine(old).collection("shop")
    assert (folder / "manifest.json").read_bytes() == before


def test_format_1_collection_gets_a_uuid_and_loses_its_index_at_the_first_write(old: Settings) -> None:
    folder = old.collections / "shop"
    with Writer.open(folder) as writer:
        writer.remove([4])
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["format"] == 2 and len(manifest["uuid"]) == 32 and not (folder / "index").exists()
    assert Collection.open(folder).ids.tolist() == [1, 2, 5, 6, 7, 8, 9, 10, 11, 12]


def test_format_1_collection_is_verified_and_indexed_without_embedding_anything_again(old: Settings) -> None:
    run = Run(old)
    assert "0 problems" in run("verify", "shop")
    shutil.copy(
        next((old.collections / "shop" / "images").glob("*.jpg")), old.collections / "shop" / "images" / "z.jpg"
    )
    assert "1 added, 11 already there" in run("index", "shop", old.collections / "shop" / "images")
