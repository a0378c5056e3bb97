"""Values on the pages: what is seen, another value, words alone, filters, and a photo with no garment."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.engine import Query, SearchEngine, SearchRequest, ValueFilter
from rpf.settings import Settings
from tests.conftest import started_site
from tests.unit.webapp.test_pages import get, words
from tests.unit.webapp.test_pages import send as send_to_tiny

SLEEVE, NECKLINE = "sleeve_length", "neckline_design"


@pytest.fixture(scope="module")
def app(named_settings: Settings) -> Flask:
    return started_site(named_settings, WTF_CSRF_ENABLED=False)


@pytest.fixture(scope="module")
def engine(app: Flask) -> SearchEngine:
    return app.extensions["rpf"].engine


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def send(client: FlaskClient, image: Path | None = None, **fields: object) -> TestResponse:
    return send_to_tiny(client, image, to="/c/named/search", **fields)


def ids(response: TestResponse) -> list[int]:
    return list(map(int, re.findall(r'class="hit-image" href="/c/named/item/(\d+)\?', words(response))))


def shown(engine: SearchEngine, request: SearchRequest) -> list[int]:
    return [hit.item.id for hit in engine.search("named", request).hits]


def commonest(engine: SearchEngine, key: str) -> int:
    counts = engine.facets("named", {})[key]
    return max(counts, key=counts.__getitem__)


def query(response: TestResponse) -> dict[str, list[str]]:
    return parse_qs(urlsplit(response.location or "").query)


def is_told(page: str, engine: SearchEngine, image: Query) -> bool:
    """Tell whether a page says what an image shows: values of 95% as they are, those of 50% after "Probably"."""
    described, vocabulary, sentences = engine.describe(image), engine.vocabulary, []
    for introduction, low, high in (("We see", 0.95, 2), ("Probably", 0.5, 0.95)):
        values = {key: one.value for key, one in described.items() if low <= (one.probability or 0) < high}
        if values:
            named = ", ".join(vocabulary[key].told(value, "en") for key, value in values.items() if value is not None)
            sentences.append(f"{introduction}: {named}.")
    return bool(sentences) and " ".join(sentences) in page


def test_photo_alone_is_a_search_by_what_it_shows(client: FlaskClient, engine: SearchEngine, photo: Path) -> None:
    response = send(client, photo)
    assert response.status_code == 303
    image = engine.embed(photo)
    present = [key for key in engine.model.attributes if not image.is_missing(key)]
    assert query(response)["a"] == present
    html = words(get(client, response.location or ""))
    described = {key: one for key, one in engine.describe(image).items() if (one.probability or 0) >= 0.5}
    named = {key: one.value for key, one in described.items() if one.value is not None}
    assert named and is_told(html, engine, image)
    for key, value in named.items():
        assert f"as here: {engine.vocabulary[key].value_name(value)}" in html


def test_another_value_is_the_same_search_with_that_value(client: FlaskClient, engine: SearchEngine) -> None:
    value = commonest(engine, SLEEVE)
    page = get(client, f"/c/named/results?item=3&a={SLEEVE}&a={NECKLINE}&v-{SLEEVE}={value}&v-{NECKLINE}=&rest=1")
    request = SearchRequest(engine.query_item("named", 3), {SLEEVE: 1, NECKLINE: 1}, 24, changes={SLEEVE: value})
    assert ids(page) == shown(engine, request)
    html = words(page)
    assert f'<option value="{value}" selected>' in html
    assert f"v-{SLEEVE}={value}" in html.split('class="export"')[1]  # permalinks carry it
    assert f"v-{SLEEVE}" not in html.split('class="hit-act"')[1].split(">")[0]  # a garment speaks for itself


def test_words_alone_are_a_search(client: FlaskClient, engine: SearchEngine) -> None:
    value = next(value for value in engine.wanted_values[SLEEVE] if value in (3, 7))
    name = engine.collection("named").vocabulary[SLEEVE].value_name(value)
    response = send(client, attrs=name)
    assert query(response) == {"a": [SLEEVE], f"v-{SLEEVE}": [str(value)]}
    page = get(client, f"{response.location}&rest=1")
    assert ids(page) == shown(engine, SearchRequest(None, {SLEEVE: 1}, 24, changes={SLEEVE: value}))
    assert "region-image" not in words(page)


def test_words_with_a_photo_are_changes_of_all_that_it_shows(
    client: FlaskClient, engine: SearchEngine, photo: Path
) -> None:
    value = next(value for value in engine.wanted_values[SLEEVE] if value in (3, 7))
    name, image = engine.vocabulary[SLEEVE].value_name(value), engine.embed(photo)
    changed = query(send(client, photo, attrs=name))
    assert changed["a"] == [key for key in engine.vocabulary.keys if key == SLEEVE or not image.is_missing(key)]
    assert len(changed["a"]) > 1 and changed[f"v-{SLEEVE}"] == [str(value)]
    chosen = query(send(client, photo, attrs=f"{name}; neckline"))
    assert chosen["a"] == [SLEEVE, NECKLINE]


def choices(response: TestResponse) -> list[str]:
    return [unescape(text) for text in re.findall(r'name="attrs_instead" value="([^"]+)"', response.text)]


def test_words_without_a_value_are_asked_for_one_where_there_is_no_photo(client: FlaskClient) -> None:
    for attrs, detail in (("slevees", "Sleeve length"), ("long sleeves; neckline", "Neckline design")):
        response = send(client, attrs=attrs)
        assert response.status_code == 422 and f"{detail}: which one?" in words(response)
        assert "Choose a photo, or pick one" not in words(response) and "not colours" not in words(response)
        assert choices(response)
        for text in choices(response):
            assert send(client, attrs=attrs, attrs_instead=text).status_code == 303
    ticked = send(client, a=[SLEEVE])
    assert ticked.status_code == 422 and "Choose a photo, or pick one of the garments shown." in words(ticked)


def test_suggestions_without_a_photo_are_searches_by_themselves(client: FlaskClient) -> None:
    response = send(client, attrs="red dress")
    assert "not colours" in words(response) and "filtered by colour" not in words(response)
    assert choices(response)
    for text in choices(response):
        assert send(client, attrs=text).status_code == 303


def test_values_without_a_photo_are_needed_for_each_detail(client: FlaskClient) -> None:
    response = get(client, f"/c/named/results?a={SLEEVE}&a={NECKLINE}&v-{SLEEVE}=7")
    assert response.status_code == 422 and "Choose a photo, or say what you want for: Neckline design." in words(
        response
    )
    assert get(client, f"/c/named/results?a={SLEEVE}").status_code == 422
    assert get(client, "/c/named/results").location == "/c/named/"


def test_words_that_are_not_understood_can_be_corrected_by_a_click(client: FlaskClient, photo: Path) -> None:
    response = send(client, photo, attrs="short; hood")
    assert response.status_code == 422
    choices = [unescape(text) for text in re.findall(r'name="attrs_instead" value="([^"]+)"', response.text)]
    assert choices and all(text.endswith("; hood") for text in choices)
    upload = re.search(r'name="upload" value="([0-9a-f]{64})"', response.text)
    assert upload
    again = send(client, upload=upload[1], attrs="short; hood", attrs_instead=choices[0].removesuffix("; hood"))
    assert again.status_code == 303 and any(key.startswith("v-") for key in query(again))


def test_words_on_a_page_of_results_change_the_search(client: FlaskClient, engine: SearchEngine) -> None:
    address = f"/c/named/results?a={SLEEVE}&v-{SLEEVE}=7&rest=1"
    values = engine.wanted_values
    changed = get(client, f"{address}&words=short+sleeves")
    assert ids(changed) == shown(engine, SearchRequest(None, {SLEEVE: 1}, 24, changes={SLEEVE: 3}))
    label = engine.vocabulary.label(NECKLINE, values[NECKLINE][0])
    more = get(client, f"{address}&words={label}")
    both = SearchRequest(None, {SLEEVE: 1, NECKLINE: 1}, 24, changes={SLEEVE: 7, NECKLINE: values[NECKLINE][0]})
    assert ids(more) == shown(engine, both)


def test_words_that_are_not_understood_cost_no_result(client: FlaskClient) -> None:
    address = f"/c/named/results?a={SLEEVE}&v-{SLEEVE}=7"
    for text, says in (("hood", "We can't compare"), ("neckline", "Neckline design: which one?")):
        page = get(client, f"{address}&words={text}")
        assert page.status_code == 422 and ids(page) == ids(get(client, address))
        assert re.search(rf'id="words-problem" role="alert">[^<]*{says}', words(page))
        assert f'value="{text}" aria-invalid="true"' in words(page)
    link = re.search(r'class="corrections"><a [^>]*href="([^"]+)#query"', words(page))
    assert link and get(client, unescape(link[1])).status_code == 200


def test_details_are_added_without_a_photo_by_a_value(client: FlaskClient, engine: SearchEngine) -> None:
    page = words(get(client, f"/c/named/results?a={SLEEVE}&v-{SLEEVE}=7"))
    value = engine.wanted_values[NECKLINE][0]
    assert f"/c/named/results?a={NECKLINE}&a={SLEEVE}&v-{SLEEVE}=7&v-{NECKLINE}={value}#query" in page
    assert "Compare</a>" in page and "Not like this</a>" in page and "More like this too</a>" not in page


def test_filters_combine_and_can_be_removed(client: FlaskClient, engine: SearchEngine) -> None:
    counts = engine.facets("named", {})
    first, second = list(counts[SLEEVE])[:2]
    address = f"/c/named/results?item=3&a={NECKLINE}&f-{SLEEVE}={first}&f-{SLEEVE}={second}&anyway=1"
    page = get(client, address)
    both = {SLEEVE: ValueFilter(frozenset({first, second}))}
    request = SearchRequest(engine.query_item("named", 3), {NECKLINE: 1}, 24, filters=both)
    assert ids(page) == shown(engine, request)
    html = words(page)
    for value, count in counts[SLEEVE].items():
        ticked = " checked" if value in (first, second) else ""
        assert re.search(
            rf'name="f-{SLEEVE}" value="{value}" id="[^"]+"{ticked}> (?:<svg.*?</svg> ?)?<span>[^<]+</span> '
            rf'<span class="count">{count}<',
            html,
        )
    links = re.findall(r'class="active-filter [^"]*" href="([^"]+)"', html)
    assert [parse_qs(urlsplit(link).query)[f"f-{SLEEVE}"] for link in links] == [[str(second)], [str(first)]]
    assert "Remove all filters" in html


def test_filters_that_leave_nothing_say_so(client: FlaskClient) -> None:
    page = get(client, f"/c/named/results?item=3&a={SLEEVE}&f-{SLEEVE}=999")
    assert page.status_code == 200 and not ids(page)
    assert "Nothing is left with these filters." in words(page) and "Remove all filters" in words(page)


@pytest.mark.parametrize(
    "change", ["f-sleeve_length=x", "f-sleeve_length=-1", "v-sleeve_length=1e3", "v-sleeve_length=0"]
)
def test_values_out_of_range_are_a_problem_and_not_a_crash(client: FlaskClient, change: str) -> None:
    page = get(client, f"/c/named/results?item=3&a={SLEEVE}&{change}")
    assert page.status_code == 422 and 'class="problem"' in words(page)


def test_image_without_the_chosen_parts_is_told_so_and_can_be_searched_all_the_same(
    client: FlaskClient, engine: SearchEngine
) -> None:
    for item_id in engine.collection("named").ids.tolist():
        image = engine.query_item("named", item_id)
        lacking = [key for key in engine.model.attributes if image.is_missing(key)]
        if lacking and len(lacking) < 8:
            break
    address = f"/c/named/results?item={item_id}&a={lacking[0]}"
    page = words(get(client, address))
    part = engine.collection("named").vocabulary[lacking[0]].part()
    assert f"We see no {part} in this photo." in page and "hit-image" not in page
    assert is_told(page, engine, image) and "That is wrong: search by" in page
    anyway = get(client, f"{address}&anyway=1&rest=1")
    assert ids(anyway) == shown(engine, SearchRequest(image, {lacking[0]: 1.0}, 24))
    assert "We see no" not in words(anyway)


def test_cards_say_the_values_and_mark_those_of_the_query(client: FlaskClient, engine: SearchEngine) -> None:
    value = commonest(engine, SLEEVE)
    request = SearchRequest(None, {SLEEVE: 1}, 24, changes={SLEEVE: value})
    hits = engine.search("named", request).hits
    html = words(get(client, f"/c/named/results?a={SLEEVE}&v-{SLEEVE}={value}"))
    named = [hit for hit in hits if not hit.missing and SLEEVE in hit.values and hit.values[SLEEVE].probability >= 0.65]
    assert html.count('class="same"') == sum(hit.values[SLEEVE].value == value for hit in named) > 0
    vocabulary = engine.collection("named").vocabulary
    for hit in named[:5]:
        assert f"Garment {hit.item.id}: " in html
        assert vocabulary[SLEEVE].told(hit.values[SLEEVE].value) in html


def test_item_page_lists_what_is_recognised_apart_from_labels(client: FlaskClient, engine: SearchEngine) -> None:
    collection = engine.collection("named")
    item = collection.item(3)
    html = words(get(client, "/c/named/item/3"))
    for key, value in item.labels.items():
        assert f"labelled: {collection.vocabulary[key].value_name(value)}" in html
    for key in collection.vocabulary.keys:
        if engine.query_item("named", 3).is_missing(key):
            assert f"no {collection.vocabulary[key].part()}" in html
