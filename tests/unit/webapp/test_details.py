"""Line drawings on the pages, and the page that says what the details mean."""

import re
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rpf.attributes import Vocabulary
from rpf.engine import SearchEngine
from rpf.settings import Settings
from tests.conftest import started_site
from tests.support import ROOT
from tests.unit.test_attributes import DARN, DEEPFASHION, FASHION
from tests.unit.webapp.test_pages import get, words
from webapp.drawings import drawing_id

USE = re.compile(r'<svg class="drawing[^>]*><use href="/static/details\.svg\?v=\w+#([^"]+)"')


@pytest.fixture(scope="module")
def app(named_settings: Settings) -> Flask:
    return started_site(named_settings, WTF_CSRF_ENABLED=False)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_every_attribute_and_visible_value_is_drawn() -> None:
    symbols = {symbol.get("id") for symbol in ElementTree.parse(ROOT / "static" / "details.svg").getroot()}
    for attribute in FASHION:
        ids = [drawing_id(attribute), *(drawing_id(attribute, value) for value, _ in attribute.wanted_names())]
        assert len(set(ids)) == len(attribute.values) and set(ids) <= symbols, attribute.key
        assert drawing_id(attribute, 0) == ""


def test_drawing_is_looked_up_whatever_the_spelling_of_the_key() -> None:
    (attribute,) = Vocabulary(["Sleeve Length"])
    assert drawing_id(attribute, 3) == "sleeve_length-3"


def test_values_of_another_dataset_and_unknown_attributes_are_not_drawn() -> None:
    sleeves = Vocabulary(DARN)["sleeve length"]
    assert (drawing_id(sleeves), drawing_id(sleeves, 3)) == ("sleeve_length", "")
    for attribute in Vocabulary([*DEEPFASHION, "heel-height"]):
        assert (drawing_id(attribute), drawing_id(attribute, 1)) == ("", "")


def test_every_drawn_attribute_has_a_sentence_in_both_languages() -> None:
    for attribute in FASHION:
        assert all(attribute.meaning(language).endswith(".") for language in ("en", "vi")), attribute.key
        assert attribute.meaning("en") != attribute.meaning("vi")


@pytest.mark.parametrize(("language", "title"), [("en", "What the details mean"), ("vi", "Giải thích các chi tiết")])
def test_page_explains_all_attributes_and_values(client: FlaskClient, language: str, title: str) -> None:
    response = get(client, "/c/named/details", **{"Accept-Language": language})
    page = words(response)
    assert f"<h1>{title}</h1>" in page
    for attribute in client.application.extensions["rpf"].engine.collection("named").vocabulary:
        assert f"<p>{attribute.meaning(language)}</p>" in page
        values = [f"<span>{attribute.value_name(value, language)}</span>" for value, _ in attribute.wanted_names()]
        assert all(value in page for value in values)
        drawn = [name for name in USE.findall(page) if name.startswith(f"{attribute.key}-")]
        assert len(drawn) == len(values)


def test_page_links_values_that_the_model_knows_to_their_results(client: FlaskClient) -> None:
    engine: SearchEngine = client.application.extensions["rpf"].engine
    page = words(get(client, "/c/named/details"))
    links = re.findall(r'href="(/c/named/results\?a=(\w+)&v-\2=(\d+))"', page)
    linked = {(key, int(value)) for _, key, value in links}
    assert linked == {(key, value) for key, values in engine.wanted_values.items() for value in values}
    assert get(client, links[0][0]).status_code == 200


@pytest.mark.parametrize("address", ["/c/named/", "/c/named/about", "/c/named/item/3"])
def test_page_leads_to_the_explanations(client: FlaskClient, address: str) -> None:
    assert 'href="/c/named/details"' in words(get(client, address))


def test_drawings_stand_beside_chips_values_selects_and_facets(client: FlaskClient) -> None:
    engine: SearchEngine = client.application.extensions["rpf"].engine
    start = words(get(client, "/c/named/"))
    assert USE.findall(start) == list(engine.collection("named").vocabulary.keys)
    value = engine.wanted_values["sleeve_length"][0]
    results = words(get(client, f"/c/named/results?item=3&a=sleeve_length&v-sleeve_length={value}"))
    wanted = results.partition('<div class="wanted">')[2].partition("</div>")[0]
    assert USE.findall(wanted) == [f"sleeve_length-{value}"]
    facets = results.partition('id="facet-sleeve_length"')[2].partition("</details>")[0]
    assert USE.findall(facets) == [f"sleeve_length-{number}" for number in re.findall(r'value="(\d+)"', facets)]
    item = words(get(client, "/c/named/item/3"))
    assert set(USE.findall(item)) > set(engine.collection("named").vocabulary.keys)


def test_drawings_are_hidden_from_screen_readers(client: FlaskClient) -> None:
    for address in ("/c/named/", "/c/named/details", "/c/named/item/3"):
        drawings = re.findall(r'<svg class="drawing[^>]*>', words(get(client, address)))
        assert drawings and all('aria-hidden="true"' in drawing for drawing in drawings)
