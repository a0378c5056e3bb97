import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rpf.collection import Writer
from rpf.engine import Collection, SearchEngine, SearchRequest
from rpf.errors import BadImage, CollectionError, QueryError, UnknownCollection, UnknownItem
from rpf.images.crop import Crop, thumbnail
from rpf.ingest.pipeline import ImageRecord
from rpf.models import checkpoint
from rpf.settings import Settings
from rpf.utils.cores import usable_cores
from tests.support.collection_builder import index_images


def test_an_image_of_the_collection_ranks_first(engine: SearchEngine, photo: Path) -> None:
    query = engine.embed(photo)
    results = engine.search("tiny", SearchRequest(query, {"sleeve_length": 1, "pant_length": 1}, k=5))
    first = results.hits[0]
    assert first.item.path == photo.name
    assert first.similarity == pytest.approx(1, abs=1e-3)
    assert results.total == 40
    similarities = [hit.similarity for hit in results.hits]
    assert similarities == sorted(similarities, reverse=True)
    assert [hit.rank for hit in results.hits] == [1, 2, 3, 4, 5]


def test_similarity_is_the_weighted_mean_of_the_similarities(engine: SearchEngine, photo: Path) -> None:
    weights = {"sleeve_length": 1.0, "collar_design": 2.5, "coat_length": 0.0}
    for hit in engine.search("tiny", SearchRequest(engine.embed(photo), weights, k=40)).hits:
        assert hit.similarities.keys() == {"sleeve_length", "collar_design"}
        mean = (hit.similarities["sleeve_length"] + 2.5 * hit.similarities["collar_design"]) / 3.5
        assert hit.similarity == pytest.approx(mean, abs=1e-5)


def test_a_query_item_is_left_out_of_its_results(engine: SearchEngine) -> None:
    ids = engine.collection("tiny").ids.tolist()
    query = engine.query_item("tiny", ids[3])
    results = engine.search("tiny", SearchRequest(query, {"neck_design": 1}, k=100))
    assert results.total == 39
    assert sorted(hit.item.id for hit in results.hits) == sorted(set(ids) - {ids[3]})


def test_pages_are_slices_of_one_ranking(engine: SearchEngine) -> None:
    query = engine.query_item("tiny", int(engine.collection("tiny").ids[0]))
    whole = [hit.item.id for hit in engine.search("tiny", SearchRequest(query, {"skirt_length": 1}, k=39)).hits]
    pages = [
        hit.item.id
        for offset in range(0, 45, 8)
        for hit in engine.search("tiny", SearchRequest(query, {"skirt_length": 1}, k=8, offset=offset)).hits
    ]
    assert pages == whole


def test_an_item_and_its_image_make_the_same_query(engine: SearchEngine, photo: Path) -> None:
    first = int(engine.collection("tiny").ids[0])
    item, image = engine.query_item("tiny", first), engine.embed(photo)
    np.testing.assert_allclose(item.embedding, image.embedding, atol=1e-3)
    assert item.boxes is not None and image.boxes is not None
    np.testing.assert_array_equal(item.boxes, image.boxes)
    assert item.size == image.size


@pytest.fixture(scope="module")
def parts_engine(parts_settings: Settings) -> SearchEngine:
    return SearchEngine(parts_settings)


def test_missing_parts_lower_the_score_and_are_named(parts_engine: SearchEngine, two_parts: tuple[str, str]) -> None:
    collection, query = parts_engine.collection("parts"), parts_engine.query_item("parts", 3)
    unweighed = next(key for key in collection.vocabulary.keys if key not in two_parts)
    weights = {unweighed: 0.0, two_parts[0]: 1.0, two_parts[1]: 2.0}
    results = parts_engine.search("parts", SearchRequest(query, weights))
    for hit in results.hits:
        presence = collection.presence(hit.item.id)
        assert presence is not None
        shown = {key: float(presence[collection.vocabulary.index(key)]) for key in two_parts}
        assert hit.missing == tuple(key for key in two_parts if shown[key] < 0.5)
        for key, similarity in hit.similarities.items():
            position = collection.vocabulary.index(key)
            cosine = float(query.embedding[position] @ collection.vectors(hit.item.id)[position])
            assert similarity == pytest.approx((1 + cosine) * shown[key] ** 0.25 - 1, abs=1e-3)
        mean = sum(results.shares[key] * similarity for key, similarity in hit.similarities.items())
        assert hit.similarity == pytest.approx(mean, abs=1e-5)
    assert {len(hit.missing) for hit in results.hits} == {0, 1, 2}
    pages = [
        hit.item.id
        for offset in range(0, 45, 7)
        for hit in parts_engine.search("parts", SearchRequest(query, weights, 7, offset)).hits
    ]
    assert pages == [hit.item.id for hit in results.hits]


def test_a_part_that_the_query_seems_to_lack_counts_for_less(parts_engine: SearchEngine) -> None:
    query = parts_engine.query_item("parts", 3)
    assert query.presence is not None
    first, second = list(query.presence)[:2]
    shares = [
        parts_engine.search(
            "parts",
            SearchRequest(
                replace(query, presence={**query.presence, first: 1.0, second: low}), {first: 1.0, second: 1.0}
            ),
        ).shares[second]
        for low in (1.0, 0.5, 0.25, 0.0)
    ]
    assert shares == pytest.approx([1 / 2, 1 / 2, 1 / 5, 1 / 101])


def test_an_image_is_the_nearest_to_itself_though_a_chosen_part_is_missing(parts_engine: SearchEngine) -> None:
    collection = parts_engine.collection("parts")
    for item in collection.items(collection.ids[:6].tolist()):
        query = parts_engine.embed(collection.image_path(item))
        assert query.presence is not None
        low, high = (choose(query.presence, key=query.presence.__getitem__) for choose in (min, max))
        sure = replace(query, presence={**query.presence, low: 0.0, high: 1.0})
        hits = parts_engine.search("parts", SearchRequest(sure, {low: 1.0, high: 1.0}, 5)).hits
        similarities = {hit.item.id: hit.similarities[high] for hit in hits}
        assert hits[0].item.id == item.id or similarities[hits[0].item.id] >= similarities[item.id] - 0.02


def test_a_query_knows_which_parts_are_missing(parts_engine: SearchEngine, photo: Path) -> None:
    image, item = parts_engine.embed(photo), parts_engine.query_item("parts", 1)
    assert image.presence == item.presence is not None
    values = parts_engine.collection("parts").presence(1)
    assert values is not None
    for key, value in zip(parts_engine.model.attributes, values, strict=True):
        assert image.is_missing(key) == (value < 0.5)


def test_similarity_is_the_cosine_where_presence_is_unknown(engine: SearchEngine, photo: Path) -> None:
    weights = {"sleeve_length": 1.0, "coat_length": 2.0}
    for query in (engine.embed(photo), engine.query_item("tiny", 2)):
        assert query.presence is None and not query.is_missing("sleeve_length")
        for hit in engine.search("tiny", SearchRequest(query, weights)).hits:
            vectors = engine.collection("tiny").vectors(hit.item.id)
            for key, similarity in hit.similarities.items():
                position = engine.model.attributes.index(key)
                assert similarity == pytest.approx(float(query.embedding[position] @ vectors[position]), abs=1e-3)
            assert hit.missing == ()


@pytest.mark.parametrize(
    "weights", [{}, {"sleeve_length": 0.0}, {"sleeve_length": -1.0}, {"hat": 1.0}, {"neck_design": float("nan")}]
)
def test_unusable_weights_are_refused(engine: SearchEngine, photo: Path, weights: dict[str, float]) -> None:
    with pytest.raises(QueryError):
        engine.search("tiny", SearchRequest(engine.embed(photo), weights))


def test_unknown_collections_items_and_images_are_refused(engine: SearchEngine) -> None:
    for name in ("none", "..", "", "a/b", "\0"):
        with pytest.raises(UnknownCollection):
            engine.collection(name)
    with pytest.raises(UnknownItem):
        engine.query_item("tiny", 10**9)
    with pytest.raises(BadImage):
        engine.embed(b"no image")


def test_a_collection_of_another_checkpoint_is_refused(settings: Settings, tmp_path: Path) -> None:
    model = checkpoint.load(settings.checkpoint)
    with torch.no_grad():
        model.region.attribute.weight.add_(1)
    checkpoint.save(model, tmp_path / "other.safetensors")
    other = SearchEngine(settings.model_copy(update={"checkpoint": tmp_path / "other.safetensors"}))
    with pytest.raises(CollectionError, match="another checkpoint"):
        other.collection("tiny")
    assert other.names() == []


def test_new_collections_and_changes_on_disk_are_noticed(
    settings: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path: Path
) -> None:
    shutil.copytree(settings.collections, tmp_path / "collections")
    engine = SearchEngine(settings.model_copy(update={"collections": tmp_path / "collections"}))
    assert engine.names() == ["tiny"]
    root = next(iter(wardrobe)).parent
    sources = [ImageRecord(path.name, {}) for path in wardrobe]
    index_images(tmp_path / "collections" / "another", root, sources[:10], engine.model)
    assert engine.names() == ["tiny", "another"]
    assert len(engine.collection("another")) == 10
    index_images(tmp_path / "collections" / "another", root, sources, engine.model)
    assert len(engine.collection("another")) == 40


def test_callers_use_the_previous_generation_while_a_new_one_opens(
    settings: Settings, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    engine = SearchEngine(settings.model_copy(update={"collections": tmp_path}))
    assert len(engine.collection("shop")) == 11
    with Writer.open(tmp_path / "shop") as writer:
        writer.remove([1, 2])
    opening, go, real = threading.Event(), threading.Event(), Collection.open

    def slowly(folder: Path, linked: tuple[Path, ...]) -> Collection:
        opening.set()
        assert go.wait(60)
        return real(folder, linked)

    monkeypatch.setattr(Collection, "open", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.collection, "shop")
        assert opening.wait(60)
        assert len(engine.collection("shop")) == 11  # before the first is done
        assert (
            len(engine.search("shop", SearchRequest(engine.query_item("shop", 1), {"sleeve_length": 1.0})).hits) == 10
        )
        go.set()
        assert len(first.result()) == 9
    assert len(engine.collection("shop")) == 9


def test_first_callers_wait_for_the_one_that_opens(
    settings: Settings, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    engine, real, opened = SearchEngine(settings.model_copy(update={"collections": tmp_path})), Collection.open, []

    def slowly(folder: Path, linked: tuple[Path, ...]) -> Collection:
        opened.append(folder)
        time.sleep(0.3)
        return real(folder, linked)

    monkeypatch.setattr(Collection, "open", slowly)
    with ThreadPoolExecutor(4) as pool:
        assert [len(collection) for collection in pool.map(engine.collection, ["shop"] * 4)] == [11] * 4
    assert len(opened) == 1


def test_a_damaged_or_deleted_collection_is_not_served_from_memory(
    settings: Settings, shop: Path, tmp_path: Path
) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    engine = SearchEngine(settings.model_copy(update={"collections": tmp_path}))
    assert len(engine.collection("shop")) == 11
    (tmp_path / "shop" / "manifest.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(CollectionError, match="damaged"):
            engine.collection("shop")
    shutil.rmtree(tmp_path / "shop")
    for _ in range(2):
        with pytest.raises(UnknownCollection):
            engine.collection("shop")
    shutil.copytree(shop, tmp_path / "shop")
    assert len(engine.collection("shop")) == 11


def test_concurrent_searches_return_the_same_results(
    engine: SearchEngine, wardrobe: dict[Path, dict[str, int]]
) -> None:
    def ids(path: Path) -> list[int]:
        return [
            hit.item.id
            for hit in engine.search("tiny", SearchRequest(engine.embed(path), {"sleeve_length": 1}, k=10)).hits
        ]

    paths = list(wardrobe)[:8]
    expected = [ids(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ids, paths * 2)) == expected * 2


def test_at_most_one_thumbnail_per_core_is_made_at_once(
    engine: SearchEngine, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lock, inside, most = thumbnail, threading.Lock(), 0, 0

    def counted(source: bytes | Path, side: int, crop: Crop, ratio: float | None) -> bytes:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        try:
            return real(source, side, crop, ratio)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr("rpf.engine.thumbnail", counted)
    with ThreadPoolExecutor(usable_cores() + 6) as pool:
        thumbnails = list(pool.map(lambda _: engine.thumbnail(photo, 64), range(usable_cores() + 12)))
    assert len(set(thumbnails)) == 1
    assert most == usable_cores()


def test_warm_up_is_no_search_of_a_visitor(settings: Settings) -> None:
    stages: list[str] = []
    engine = SearchEngine(settings, observe=lambda stage, seconds: stages.append(stage))
    engine.warm_up()
    assert stages == []
    load = engine.load()
    assert (load.pending, load.cache_hits, load.cache_misses) == (0, 0, 0)


def test_warm_up_leaves_a_damaged_collection_to_its_searches(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / settings.collection).mkdir()
    (tmp_path / settings.collection / "manifest.json").write_text("{")
    engine = SearchEngine(settings.model_copy(update={"collections": tmp_path}))
    engine.warm_up()
    with pytest.raises(CollectionError):
        engine.collection(engine.default)
