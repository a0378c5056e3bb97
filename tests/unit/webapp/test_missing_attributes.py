"""Missing attributes on the pages, in exports and in /submit, with and without a model that tells presence."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.engine import SearchEngine, SearchRequest
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.hostile import form
from tests.unit.webapp.test_pages import Outline, get, words
from webapp import create_app

HEADING = "These are missing a detail you chose"
SWITCH = 'name="mixed"'
NOTE = "This garment does not seem to have"


@pytest.fixture(scope="module")
def app(parts_settings: Settings) -> Flask:
    app = create_app(parts_settings, TESTING=True, WTF_CSRF_ENABLED=False)
    app.extensions["rpf"].start()
    app.extensions["rpf"].wait()
    return app


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
    cards = re.findall(r'data-similarity="([^"]+)">\s+<a class="hit-image" href="/c/parts/item/(\d+)"', words(response))
    return [(int(item_id), float(similarity)) for similarity, item_id in cards]


def item_with(engine: SearchEngine, keys: set[str], without: set[str]) -> int:
    """Return the first item that has the attributes `keys` and none of `without`."""
    ids = engine.collection("parts").ids.tolist()
    return next(
        item_id
        for item_id in ids
        if (has := engine.query_item("parts", item_id).present) is not None and keys <= has and not without & has
    )


def test_results_with_missing_attributes_come_last_and_say_so(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 48, missing_last=True)).hits
    response = get(client, address + "&n=48")
    assert [item for item, _ in ranks(response)] == [hit.item.id for hit in hits]
    vocabulary = engine.collection("parts").vocabulary
    complete, rest = words(response).split(f'<h2 class="divide">{HEADING}</h2>')
    cards = complete.split('<li class="hit')[1:], rest.split('<li class="hit')[1:]
    assert [len(part) for part in cards] == [
        sum(not hit.missing for hit in hits),
        sum(bool(hit.missing) for hit in hits),
    ]
    for hit, card in zip(hits, cards[0] + cards[1], strict=True):
        for key in weights:
            assert (f"{vocabulary[key].name()}: none" in card) == (key in hit.missing)
        assert ("% similar" in card) == (len(hit.missing) < 2)  # no similarity where all are missing
        assert len(re.findall(r'<rect class="attr-', card)) == 2 - len(hit.missing)


def test_results_heading_is_on_each_page_with_missing_attributes(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    whole = ranks(get(client, address + "&n=48"))
    pages = [get(client, f"{address}&page={page}") for page in (1, 2)]
    assert ranks(pages[0]) + ranks(pages[1]) == whole
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 48, missing_last=True)).hits
    for response, page_hits in zip(pages, (hits[:24], hits[24:]), strict=True):
        assert words(response).count(HEADING) == any(hit.missing for hit in page_hits)
        assert words(response).count('<ol class="grid') == len({bool(hit.missing) for hit in page_hits})


def test_results_mixed_ranks_by_similarity_alone_and_stays_in_the_address(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    apart = words(get(client, address))
    assert f'{SWITCH} value="1" id="mixed">' in apart and "mixed=1" not in apart
    response = get(client, address + "&mixed=1")
    html = words(response)
    plain = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 24)).hits
    assert [item for item, _ in ranks(response)] == [hit.item.id for hit in plain]
    assert HEADING not in html and NOTE not in html and ": none" not in html
    assert f'{SWITCH} value="1" id="mixed" checked>' in html
    links = re.findall(r'href="(/c/parts/results[^"]*)"', html)
    assert len(links) > 24  # every card, the pages, the exports
    assert all(parse_qs(urlsplit(link).query)["mixed"] == ["1"] for link in links)
    assert words(get(client, address + "&mixed=0")).count("checked") == words(get(client, address)).count("checked")


def test_results_of_a_query_with_a_missing_attribute_offer_the_present_ones(
    client: FlaskClient, engine: SearchEngine, two_parts: tuple[str, str]
) -> None:
    vocabulary = engine.collection("parts").vocabulary
    first, second = (vocabulary[key].name().lower() for key in two_parts)
    item_id = item_with(engine, {two_parts[0]}, {two_parts[1]})
    has = engine.query_item("parts", item_id).present or ()
    response = get(client, f"/c/parts/results?item={item_id}&a={two_parts[0]}&a={two_parts[1]}&w-{two_parts[0]}=2&n=48")
    html = words(response)
    assert f"{NOTE} {second}." in html
    assert html.count('class="region box') == 1  # no region is shown for what is not there
    link = re.search(r'<a href="([^"]+)">Search by what it has: ([^<]+)</a>', html)
    assert link is not None and first in link.group(2) and second not in link.group(2)
    args = parse_qs(urlsplit(link.group(1)).query)
    assert args["a"] == [key for key in vocabulary.keys if key in has]
    assert args[f"w-{two_parts[0]}"] == ["2"] and args["n"] == ["48"] and args["item"] == [str(item_id)]
    assert NOTE not in words(get(client, link.group(1)))
    # What does not count does not matter.
    unweighed = f"/c/parts/results?item={item_id}&a={two_parts[0]}&a={two_parts[1]}&w-{two_parts[1]}=0"
    assert NOTE not in words(get(client, unweighed))


def test_results_of_an_upload_with_a_missing_attribute_say_so(
    client: FlaskClient, engine: SearchEngine, photo: Path
) -> None:
    has = engine.embed(photo).present
    assert has is not None
    lacked = next(key for key in engine.model.attributes if key not in has)
    location = client.post("/c/parts/search", data={"image": photo.open("rb"), "a": lacked}).location
    assert f"{NOTE} {engine.collection('parts').vocabulary[lacked].name().lower()}." in words(get(client, location))


def test_item_page_names_missing_attributes(client: FlaskClient, engine: SearchEngine) -> None:
    collection, total = engine.collection("parts"), 0
    for item_id in collection.ids[:8].tolist():
        html = words(get(client, f"/c/parts/item/{item_id}"))
        query, labels = engine.query_item("parts", item_id), collection.item(item_id).labels
        missing = [key for key in collection.vocabulary.keys if query.is_missing(key) and key not in labels]
        total += len(missing)
        assert html.count(">none</span>") == len(missing)
        assert html.count('class="near-row') == 8 - len(missing)
    assert total > 8


def test_missing_attributes_are_named_in_vietnamese(
    client: FlaskClient, engine: SearchEngine, address: str, two_parts: tuple[str, str]
) -> None:
    html = words(get(client, address + "&n=48", **{"Accept-Language": "vi"}))
    name = engine.collection("parts").vocabulary[two_parts[0]].name("vi")
    for text in ("Những món sau thiếu chi tiết bạn chọn", f"{name}: không có", "Xếp lẫn cả những món thiếu chi tiết"):
        assert text in html
    item_id = item_with(engine, set(), {two_parts[0]})
    html = words(get(client, f"/c/parts/results?item={item_id}&a={two_parts[0]}", **{"Accept-Language": "vi"}))
    assert f"Món đồ này có vẻ không có {name[0].lower()}{name[1:]}." in html


def test_exports_name_missing_attributes(
    client: FlaskClient, engine: SearchEngine, address: str, weights: dict[str, float]
) -> None:
    hits = engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 1000, missing_last=True)).hits
    address = address.replace("results?", "results.{}?")
    rows = list(csv.DictReader(io.StringIO(client.get(address.format("csv")).data.decode("utf-8-sig"))))
    assert [(int(row["id"]), row["missing"]) for row in rows] == [(hit.item.id, "; ".join(hit.missing)) for hit in hits]
    rows_of_json = json.loads(client.get(address.format("json")).data)["results"]
    assert [(row["id"], row["missing"]) for row in rows_of_json] == [(hit.item.id, list(hit.missing)) for hit in hits]
    plain = [
        hit.item.id for hit in engine.search("parts", SearchRequest(engine.query_item("parts", 3), weights, 1000)).hits
    ]
    mixed = json.loads(client.get(address.format("json") + "&mixed=1").data)["results"]
    assert [row["id"] for row in mixed] == plain and not any("missing" in row for row in mixed)
    assert "missing" not in client.get(address.format("csv") + "&mixed=1").get_data(as_text=True)


def test_results_with_missing_attributes_keep_the_rules_of_pages(client: FlaskClient, address: str) -> None:
    for more in ("", "&mixed=1"):
        outline = Outline()
        outline.feed(get(client, address + more).get_data(as_text=True))
        assert outline.inline == [] and outline.images_without_words == 0
        assert [given for given in outline.inputs if given.get("id") not in outline.labelled] == []
        assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("more", ["", "&mixed=1"])
def test_pages_without_known_presence_do_not_mention_it(settings: Settings, more: str) -> None:
    site = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
    site.extensions["rpf"].start()
    site.extensions["rpf"].wait()
    client = site.test_client()
    html = words(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length" + more))
    assert len(re.findall('<ol class="grid', html)) == 1
    for text in (HEADING, SWITCH, NOTE, ": none"):
        assert text not in html
    assert ">none<" not in words(get(client, "/c/tiny/item/3"))
    assert "trousers have no sleeves" not in words(get(client, "/c/tiny/about"))
    address = "/c/tiny/results.csv?item=3&a=sleeve_length" + more
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
    site = create_app(old, TESTING=True, WTF_CSRF_ENABLED=False)
    site.extensions["rpf"].start()
    site.extensions["rpf"].wait()
    client = site.test_client()
    every = list(site.extensions["rpf"].engine.model.attributes)
    response = client.post("/c/parts/search", data={"image": photo.open("rb"), "a": every})
    html = words(get(client, response.location))
    assert html.count('<li class="hit" ') == 24
    for text in (HEADING, SWITCH, NOTE, ": none"):
        assert text not in html


# ---- POST /submit ----


def test_submit_lacking_last_ranks_missing_attributes_last(
    client: FlaskClient, engine: SearchEngine, photo: Path, two_parts: tuple[str, str]
) -> None:
    body = {"img_path": photo.name, "attrs": "; ".join(two_parts), "k": 30}
    plain, off, last = (
        client.post("/submit", json={**body, **more}).get_json()
        for more in ({}, {"lacking_last": False}, {"lacking_last": True})
    )
    assert plain.keys() == off.keys() == {"ids", "similarities", "retrieval_times"}
    assert plain["ids"] == off["ids"] and plain["similarities"] == sorted(plain["similarities"], reverse=True)
    weights = dict.fromkeys(two_parts, 1.0)
    hits = engine.search("parts", SearchRequest(engine.embed(photo), weights, 30, missing_last=True)).hits
    assert last["ids"] == [hit.item.id for hit in hits] != plain["ids"]
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
