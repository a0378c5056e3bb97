"""Shipped model on real photographs (which only developers have)."""

from pathlib import Path

import numpy as np
import pytest

from rpf import config
from rpf.datasets.annotations import read_presence, read_split
from rpf.engine import SearchEngine, SearchRequest
from rpf.ingest.pipeline import ImageRecord
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.collection_builder import index_images

PHOTOS = 60


@pytest.fixture(scope="module")
def engine(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchEngine:
    """Return an engine over a collection of the first photographs of clothing's test split."""
    data = config.load([ROOT / "config/Clothing/Clothing.yaml"], [f"DATA.BASE_PATH={shared}"]).DATA
    engine = SearchEngine(Settings(collections=tmp_path_factory.mktemp("photos"), collection="photos"))
    items = read_split(data.folder, data, "test")[:PHOTOS]
    sources = [ImageRecord(item.path, item.labels) for item in items]
    index_images(engine.settings.collections / "photos", data.folder, sources, engine.model)
    return engine


def test_search_by_sleeve_length_finds_same_sleeves_and_no_trousers(engine: SearchEngine, shared: Path) -> None:
    """Search as on the site."""
    data = config.load([ROOT / "config/Clothing/Clothing.yaml"], [f"DATA.BASE_PATH={shared}"]).DATA
    parts = {
        item.path: known
        for item, known in zip(
            read_split(data.folder, data, "test"), read_presence(data.folder, data, "test"), strict=True
        )
    }
    collection = engine.collection("photos")
    items = {item.path: item for item in collection.items(collection.ids.tolist())}
    sleeved = {path: item.labels["sleeve_length"] for path, item in items.items() if "sleeve_length" in item.labels}
    assert len(sleeved) > 30
    right, by_chance, without = [], [], []
    for path, value in sleeved.items():
        query = engine.query_item("photos", items[path].id)
        hits = engine.search("photos", SearchRequest(query, {"sleeve_length": 1.0}, k=6)).hits
        results = [hit.item.path for hit in hits]
        right += [sleeved[result] == value for result in results if result in sleeved]
        by_chance.append(np.mean([other == value for other in sleeved.values()]))
        without += [parts[result].get("sleeve_length") is False for result in results]
    assert np.mean(right) > 2 * np.mean(by_chance)
    assert np.mean([parts[path].get("sleeve_length") is False for path in items]) > 0.2
    assert np.mean(without) < 0.04
    photo = next(iter(sleeved))
    query = engine.embed(data.folder / photo)
    assert engine.search("photos", SearchRequest(query, {"sleeve_length": 1.0}, k=1)).hits[0].item.path == photo


def test_accuracy_of_the_shipped_weights_is_read_from_their_reports(engine: SearchEngine) -> None:
    assert [report.dataset for report in engine.accuracy_reports] == ["clothing", "street"]
    for report in engine.accuracy_reports:
        accuracy = {row.key: row for row in report.accuracy}
        assert {"sleeve_length", "neckline_design", "overall"} <= accuracy.keys()
        assert all(row.low <= row.precision <= row.high for row in report.accuracy)
        assert accuracy["overall"].chance < accuracy["overall"].precision
