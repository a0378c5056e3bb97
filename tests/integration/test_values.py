"""Values in the engine: what is recognised, wanted values in place of the image's, filters and facets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rpf.engine import SearchEngine, SearchRequest, ValueFilter, recognised_values
from rpf.errors import QueryError
from rpf.settings import Settings

KEYS = ("sleeve_length", "neckline_design", "skirt_length")


@pytest.fixture(scope="module")
def engine(named_settings: Settings) -> Iterator[SearchEngine]:
    yield SearchEngine(named_settings)


def wanted(engine: SearchEngine, key: str) -> int:
    """Return the value that most items show, which is surely known."""
    counts = engine.facets("named", {})[key]
    return max(counts, key=counts.__getitem__)


def test_image_and_item_show_the_same_values(engine: SearchEngine, photo: Path) -> None:
    collection = engine.collection("named")
    assert collection.knows_values
    item = collection.items(collection.ids.tolist())[0]
    path = collection.image_path(item)
    described, stored = engine.describe(engine.embed(path)), recognised_values(collection, item.id)
    shown = {key for key, one in described.items() if one.value is not None}
    assert shown == {key for key in stored if not described[key].is_missing}
    for key in shown:
        assert described[key].value == stored[key].value
        assert described[key].probability == pytest.approx(stored[key].probability, abs=0.02)


def test_wanted_value_takes_the_place_of_the_image_in_its_attribute_only(engine: SearchEngine) -> None:
    value, query = wanted(engine, KEYS[0]), engine.query_item("named", 3)
    weights = dict.fromkeys(KEYS, 1.0)
    plain = engine.search("named", SearchRequest(query, weights, 39))
    changed = engine.search("named", SearchRequest(query, weights, 39, changes={KEYS[0]: value}))
    alone = engine.search("named", SearchRequest(None, {KEYS[0]: 1.0}, 40, changes={KEYS[0]: value}))
    before = {hit.item.id: hit for hit in plain.hits}
    by_value = {hit.item.id: hit for hit in alone.hits}
    assert alone.total == 40 and changed.total == 39
    for hit in changed.hits:
        assert hit.similarities[KEYS[0]] == pytest.approx(by_value[hit.item.id].similarities[KEYS[0]], abs=1e-5)
        for key in KEYS[1:]:
            assert hit.similarities[key] == pytest.approx(before[hit.item.id].similarities[key], abs=1e-5)
    assert engine.model.value_classifier is not None
    vector = engine.model.value_classifier.vectors[engine.model.attributes.index(KEYS[0]), value]
    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_wanted_value_counts_in_full_though_the_image_lacks_the_part(engine: SearchEngine) -> None:
    ids = engine.collection("named").ids.tolist()
    lacking = next(query for i in ids if (query := engine.query_item("named", i)).is_missing(KEYS[0]))
    weights = dict.fromkeys(KEYS[:2], 1.0)
    plain = engine.search("named", SearchRequest(lacking, weights))
    changed = engine.search("named", SearchRequest(lacking, weights, changes={KEYS[0]: wanted(engine, KEYS[0])}))
    assert changed.shares[KEYS[0]] > plain.shares[KEYS[0]]


def test_hits_tell_the_probability_of_the_same_value(engine: SearchEngine) -> None:
    collection, query = engine.collection("named"), engine.query_item("named", 3)
    assert query.values is not None
    value = wanted(engine, KEYS[1])
    request = SearchRequest(query, dict.fromkeys(KEYS[:2], 1.0), 39, changes={KEYS[1]: value})
    for hit in engine.search("named", request).hits:
        values, presence = collection.values(hit.item.id), collection.presence(hit.item.id)
        assert values is not None and presence is not None
        first, second = (collection.vocabulary.index(key) for key in KEYS[:2])
        same = float((query.values[first] * values[first].astype(np.float32)).sum() * presence[first])
        assert hit.same_value[KEYS[0]] == pytest.approx(same, abs=1e-3)
        assert hit.same_value[KEYS[1]] == pytest.approx(float(values[second, value] * presence[second]), abs=1e-3)


@pytest.mark.parametrize("k", [1, 5, 100])
def test_filtered_results_all_pass_and_are_as_many_as_there_can_be(engine: SearchEngine, k: int) -> None:
    query = engine.query_item("named", 3)
    for key in KEYS:
        for value, count in engine.facets("named", {})[key].items():
            request = SearchRequest(query, {"coat_length": 1.0}, k, filters={key: ValueFilter(frozenset({value}))})
            results = engine.search("named", request)
            of_query = recognised_values(engine.collection("named"), 3).get(key)
            total = count - (of_query is not None and of_query.value == value and of_query.probability >= 0.5)
            assert results.total == total and len(results.hits) == min(k, total)
            assert all(hit.values[key].value == value and hit.values[key].probability >= 0.49 for hit in results.hits)


def test_filters_keep_the_order_of_the_ranking(engine: SearchEngine) -> None:
    query, key = engine.query_item("named", 3), KEYS[0]
    value = wanted(engine, key)
    everything = engine.search("named", SearchRequest(query, {key: 1.0}, 100)).hits
    filtered = engine.search(
        "named", SearchRequest(query, {key: 1.0}, 100, filters={key: ValueFilter(frozenset({value}))})
    ).hits
    passing = {hit.item.id for hit in filtered}
    assert [hit.item.id for hit in filtered] == [hit.item.id for hit in everything if hit.item.id in passing]


def test_request_without_image_needs_a_known_wanted_value_of_each_attribute(engine: SearchEngine) -> None:
    with pytest.raises(QueryError, match=KEYS[0]):
        SearchRequest(None, {KEYS[0]: 1.0})
    for value in (0, 9, 99):
        with pytest.raises(QueryError, match="no example"):
            engine.search("named", SearchRequest(None, {KEYS[2]: 1.0}, changes={KEYS[2]: value}))
    assert all(0 not in values for values in engine.wanted_values.values())


def test_values_are_unknown_without_a_classifier(parts_settings: Settings) -> None:
    engine = SearchEngine(parts_settings)
    assert engine.wanted_values == {} and engine.facets("parts", {}) == {}
    assert recognised_values(engine.collection("parts"), 1) == {}
    assert all(one.value is None for one in engine.describe(engine.query_item("parts", 1)).values())
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 1), {KEYS[0]: 1.0})).hits
    assert not any(hit.values or hit.same_value for hit in hits)
    with pytest.raises(QueryError, match="fit-values"):
        engine.search("parts", SearchRequest(None, {KEYS[0]: 1.0}, changes={KEYS[0]: 1}))
