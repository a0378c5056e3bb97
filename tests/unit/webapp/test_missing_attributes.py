"""Missing attributes on the pages, in exports and in /submit, with and without a model that tells presence."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.engine import Query, SearchEngine, SearchRequest
from rpf.settings import Settings
from tests.conftest import started_site, with_instance
from tests.support.hostile import form
from tests.unit.webapp.test_pages import Outline, get, words

NOTE = "We see no"


@pytest.fixture(scope="module")
def app(parts_settings: Settings) -> Flask:
    return started_site(parts_settings, WTF_CSRF_ENABLED=False)


@pytest.fixture(scope="module")
def engine(app: Flask) -> SearchEngine:
    return app.extensions["rpf"].engine


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def address(two_parts: tuple[str, str]) -> str:
    """Return the address of a search with item 3 by the two attributes, the second with weight 2."""
    first, second = two_parts
    return f"/c/parts/results?item=3&a={first}&a={second}&w-{second}=2"


@pytest.fixture
def weights(two_parts: tuple[str, str]) -> dict[str, float]:
    return {two_parts[0]: 1.0, two_parts[1]: 2.0}


def ranks(response: TestResponse) -> list[tuple[int, float]]:
    """List (item id, similarity) of each card, in the page's order."""
    cards = re.findall(
        r'data-similarity="([^"]+)"[^>]*>\s+<a class="hit-image" href="/c/parts/item/(\d+)\?', words(response)
    )
    return [(int(item_id), float(similarity)) for similarity, item_id in cards]


def present(query: Query) -> set[str]:
    assert query.presence is not None
    return {key for key in query.presence if not query.is_missing(key)}


def item_with(engine: SearchEngine, keys: set[str], without: set[str]) -> int:
    """Return the first item that has the attributes `keys` and none of `without`."""
    ids = engine.collection("parts").ids.tolist()
    parts = {item_id: present(engine.query_item("parts", item_id)) for item_id in ids}
    return next(item_id for item_id, has in parts.items() if keys <= has and not without & has)


def test_results_say_which_attributes_are_missing(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 48)).hits
    response = get(client, address + "&n=48")
    assert ranks(response) == [(hit.item.id, hit.similarity) for hit in hits]
    vocabulary = engine.collection("parts").vocabulary
    cards = words(response).split('<li class="hit')[1:]
    for hit, card in zip(hits, cards, strict=True):
        for key in weights:
            assert (f"no {vocabulary[key].part()}" in card) == (key in hit.missing)
        assert ("% similar" in card) == (len(hit.missing) < 2)  # no similarity where all are missing
    assert {len(hit.missing) for hit in hits} == {0, 1, 2}


def test_results_of_a_query_with_a_missing_attribute_offer_the_present_ones(
    client: FlaskClient, engine: SearchEngine, two_parts: tuple[str, str]
) -> None:
    vocabulary = engine.collection("parts").vocabulary
    first, second = (vocabulary[key].name().lower() for key in two_parts)
    part = vocabulary[two_parts[1]].part()
    item_id = item_with(engine, {two_parts[0]}, {two_parts[1]})
    response = get(client, f"/c/parts/results?item={item_id}&a={two_parts[0]}&a={two_parts[1]}&w-{two_parts[0]}=2&n=48")
    html = words(response)
    assert f"{NOTE} {part} in this photo, so that counts for less." in html
    assert html.count('class="region heat') == 1  # no region is shown for what is not there
    link = re.search(r'<a href="([^"]+)">Search by ([^<]+) instead</a>', html)
    assert link is not None and first in link.group(2) and second not in link.group(2)
    args = parse_qs(urlsplit(link.group(1)).query)
    assert args["a"] == [two_parts[0]]
    assert args[f"w-{two_parts[0]}"] == ["2"] and args["n"] == ["48"] and args["item"] == [str(item_id)]
    assert NOTE not in words(get(client, link.group(1)))
    # What the visitor sees counts in full.
    wrong = re.search(r'<a href="([^"]+)">That is wrong: search by ([^<]+) all the same</a>', html)
    assert wrong is not None and wrong.group(2) == second
    query = engine.query_item("parts", item_id)
    full = replace(query, presence={**(query.presence or {}), two_parts[1]: 1.0})
    hits = engine.search("parts", SearchRequest(full, {two_parts[0]: 2.0, two_parts[1]: 1.0}, 48)).hits
    contradicted = get(client, wrong.group(1))
    assert ranks(contradicted) == [(hit.item.id, hit.similarity) for hit in hits]
    assert NOTE not in words(contradicted)
    # What does not count does not matter.
    unweighed = f"/c/parts/results?item={item_id}&a={two_parts[0]}&a={two_parts[1]}&w-{two_parts[1]}=0"
    assert NOTE not in words(get(client, unweighed))


def test_results_of_an_upload_with_a_missing_attribute_say_so(
    client: FlaskClient, engine: SearchEngine, photo: Path
) -> None:
    has = present(engine.embed(photo))
    lacked = next(key for key in engine.model.attributes if key not in has)
    location = client.post("/c/parts/search", data={"image": photo.open("rb"), "a": lacked}).location
    part = engine.collection("parts").vocabulary[lacked].part()
    assert f"{NOTE} {part} in this photo." in words(get(client, location))


def test_item_page_names_missing_attributes(client: FlaskClient, engine: SearchEngine) -> None:
    collection, total = engine.collection("parts"), 0
    for item_id in collection.ids[:8].tolist():
        html = words(get(client, f"/c/parts/item/{item_id}"))
        query, labels = engine.query_item("parts", item_id), collection.item(item_id).labels
        missing = [key for key in collection.vocabulary.keys if query.is_missing(key) and key not in labels]
        total += len(missing)
        assert html.count('<span class="value missing">no ') == len(missing)
        assert html.count('class="near-row') == 8 - len(missing)
    assert total > 8


def test_missing_attributes_are_named_in_vietnamese(
    client: FlaskClient, engine: SearchEngine, address: str, two_parts: tuple[str, str]
) -> None:
    html = words(get(client, address + "&n=48", **{"Accept-Language": "vi"}))
    part = engine.collection("parts").vocabulary[two_parts[0]].part("vi")
    assert f"không có {part}" in html
    item_id = item_with(engine, set(), {two_parts[0]})
    html = words(get(client, f"/c/parts/results?item={item_id}&a={two_parts[0]}", **{"Accept-Language": "vi"}))
    assert f"Chúng tôi không thấy {part} trong ảnh này." in html


def test_exports_name_missing_attributes(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 1000)).hits
    address = address.replace("results?", "results.{}?")
    rows = list(csv.DictReader(io.StringIO(client.get(address.format("csv")).data.decode("utf-8-sig"))))
    assert [(int(row["id"]), row["missing"]) for row in rows] == [(hit.item.id, "; ".join(hit.missing)) for hit in hits]
    rows_of_json = json.loads(client.get(address.format("json")).data)["results"]
    assert [(row["id"], row["missing"]) for row in rows_of_json] == [(hit.item.id, list(hit.missing)) for hit in hits]


def test_results_with_missing_attributes_keep_the_rules_of_pages(client: FlaskClient, address: str) -> None:
    outline = Outline()
    outline.feed(get(client, address).get_data(as_text=True))
    assert outline.inline == [] and outline.images_without_words == 0
    assert [given for given in outline.inputs if given.get("id") not in outline.labelled] == []
    assert len(outline.ids) == len(set(outline.ids))


def test_pages_without_known_presence_do_not_mention_it(settings: Settings) -> None:
    site = started_site(settings, WTF_CSRF_ENABLED=False)
    client = site.test_client()
    html = words(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length"))
    assert len(re.findall('<ol class="grid', html)) == 1
    for text in (NOTE, "</span>no "):
        assert text not in html
    assert ">no " not in words(get(client, "/c/tiny/item/3"))
    assert "trousers have no sleeves" not in words(get(client, "/c/tiny/about"))
    address = "/c/tiny/results.csv?item=3&a=sleeve_length"
    assert client.get(address).data.decode("utf-8-sig").splitlines()[0] == "rank,id,path,similarity,sleeve_length"


def test_results_of_a_collection_without_presence_do_not_mention_it(
    parts_settings: Settings, tmp_path: Path, photo: Path
) -> None:
    shutil.copytree(parts_settings.collections, tmp_path / "collections")
    (file,) = (tmp_path / "collections").glob("*/segments/*/applicable.npy")
    file.unlink()
    old = with_instance(parts_settings, tmp_path / "instance").model_copy(
        update={"collections": tmp_path / "collections"}
    )
    site = started_site(old, WTF_CSRF_ENABLED=False)
    client = site.test_client()
    every = list(site.extensions["rpf"].engine.model.attributes)
    response = client.post("/c/parts/search", data={"image": photo.open("rb"), "a": every})
    html = words(get(client, response.location))
    assert html.count('<li class="hit" ') == 24
    for text in (NOTE, "</span>no "):
        assert text not in html


# ---- POST /submit ----


def test_submit_lacking_last_says_what_is_missing_and_changes_no_order(
    client: FlaskClient, engine: SearchEngine, photo: Path, two_parts: tuple[str, str]
) -> None:
    body = {"img_path": photo.name, "attrs": "; ".join(two_parts), "k": 30}
    plain, off, last = (
        client.post("/submit", json={**body, **more}).get_json()
        for more in ({}, {"lacking_last": False}, {"lacking_last": True})
    )
    assert plain.keys() == off.keys() == {"ids", "similarities", "retrieval_times"}
    assert plain["ids"] == off["ids"] == last["ids"]
    assert plain["similarities"] == last["similarities"] == sorted(plain["similarities"], reverse=True)
    hits = engine.search("parts", SearchRequest(engine.embed(photo), dict.fromkeys(two_parts, 1.0), 30)).hits
    assert last["ids"] == [hit.item.id for hit in hits]
    assert last["lacks"] == [list(hit.missing) for hit in hits]
    form = {"attrs": body["attrs"], "k": "30", "lacking_last": "true"}
    sent = client.post("/submit", data={"image": photo.open("rb"), **form}).get_json()
    assert (sent["ids"], sent["lacks"]) == (last["ids"], last["lacks"])


@pytest.mark.parametrize("value", [None, 1, 0, "true", [], {}])
def test_submit_lacking_last_is_true_or_false(client: FlaskClient, photo: Path, value: object) -> None:
    answer = client.post("/submit", json={"img_path": photo.name, "attrs": "sleeves", "lacking_last": value})
    assert answer.status_code == 422
    assert answer.get_json()["detail"] == "lacking_last must be true or false."
    assert answer.get_json()["errors"][0]["field"] == "lacking_last"


@pytest.mark.parametrize("value", ["1", "True", "yes", ""])
def test_submit_form_lacking_last_is_true_or_false(client: FlaskClient, photo: Path, value: str) -> None:
    body, headers = form(photo.read_bytes(), attrs="sleeves", lacking_last=value)
    answer = client.post("/submit", data=body, headers=headers)
    assert answer.get_json()["errors"][0]["field"] == "lacking_last"
