"""Pages of results: where the list ends, and what leads further."""

import re
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from flask.testing import FlaskClient

from rpf.engine import SearchEngine, SearchRequest
from rpf.settings import Settings
from tests.conftest import started_site, with_instance
from tests.support.ranked_items import SKIRT, SLEEVE, make_ranked_items
from tests.unit.webapp.test_pages import get, words
from webapp.paging import END_DEPTH, Page, ResultPage
from webapp.view_models import closeness

ADDRESS, QUERY = f"results?item=1&a={SLEEVE}", {"item": "1", "a": SLEEVE}


@pytest.fixture(scope="module")
def app(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    base = tmp_path_factory.mktemp("paging")
    changed = with_instance(settings, base / "instance").model_copy(
        update={"collections": base / "collections", "collection": "long"}
    )
    make_ranked_items(changed, "long", 101, {*range(1, 30), 40})
    make_ranked_items(changed, "few", 101, {2})
    make_ranked_items(changed, "none", 101, set())
    make_ranked_items(changed, "all", 31, set(range(1, 31)))
    make_ranked_items(changed, "unknown", 101)
    return started_site(changed)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ranks(html: str) -> list[int]:
    return [int(rank) for rank in re.findall(r'data-position="(\d+)"', html)]


def link(html: str, kind: str) -> dict[str, str]:
    """Return the arguments of the link to the next page ("rel") or to the rest ("data-rest"); empty without one."""
    match = re.search(rf'class="[^"]*more-results" {kind}[^>]*? ?href="[^"?]+\?([^"]+)"', html)
    return dict(parse_qsl(match[1])) if match else {}


def test_list_ends_after_the_last_close_result_on_its_page(client: FlaskClient) -> None:
    first = words(get(client, f"/c/long/{ADDRESS}"))
    assert "100 garments, most similar first; close ones up to number 40" in first
    assert ranks(first) == list(range(1, 25)) and "is close" not in first and "are the most similar" not in first
    assert link(first, "rel") == {**QUERY, "page": "2"}
    second = words(get(client, f"/c/long/{ADDRESS}&page=2"))
    assert ranks(second) == list(range(25, 41)) and "Nothing further down is close." in second
    assert not link(second, "rel") and link(second, "data-rest") == {**QUERY, "page": "2", "rest": "1"}
    assert "40 of 40 results are shown." in second


def test_rest_goes_on_where_the_list_has_ended(client: FlaskClient) -> None:
    page = words(get(client, f"/c/long/{ADDRESS}&page=2&rest=1"))
    assert ranks(page) == list(range(25, 49)) and "is close" not in page
    assert ">100 garments, most similar first" in page
    assert link(page, "rel") == {**QUERY, "page": "3", "rest": "1"}
    last = words(get(client, f"/c/long/{ADDRESS}&page=5&rest=1"))
    assert ranks(last) == list(range(97, 101)) and not link(last, "rel")


def test_page_behind_the_end_is_shown_when_its_number_is_in_the_address(client: FlaskClient) -> None:
    page = words(get(client, f"/c/long/{ADDRESS}&page=3"))
    assert ranks(page) == list(range(49, 73)) and "is close" not in page
    assert get(client, f"/c/long/{ADDRESS}&page=6").status_code == 404


@pytest.mark.parametrize(
    ("name", "shown", "words_at_the_end"),
    [("few", 12, "Nothing further down is close."), ("none", 12, "Nothing here is close.")],
)
def test_list_has_twelve_results_however_few_are_close(
    client: FlaskClient, name: str, shown: int, words_at_the_end: str
) -> None:
    page = words(get(client, f"/c/{name}/{ADDRESS}"))
    assert ranks(page) == list(range(1, shown + 1)) and words_at_the_end in page


@pytest.mark.parametrize("name", ["all", "unknown"])
def test_list_goes_on_where_all_is_close_and_where_values_are_unknown(client: FlaskClient, name: str) -> None:
    page = words(get(client, f"/c/{name}/{ADDRESS}"))
    assert len(ranks(page)) == 24 and "is close" not in page and "The first" not in page
    assert link(page, "rel")


def test_page_size_stays_on_the_next_page(client: FlaskClient) -> None:
    page = words(get(client, f"/c/unknown/{ADDRESS}&n=48"))
    assert link(page, "rel") == {**QUERY, "page": "2", "n": "48"}


def test_last_close_result_is_the_last_with_a_word(app: Flask, shop_site: Flask) -> None:
    engine: SearchEngine = shop_site.extensions["rpf"].engine
    checked = 0
    for item in (1, 5, 12):
        query = engine.query_item("shop", item)
        for keys in ([SLEEVE], [SLEEVE, SKIRT], list(engine.vocabulary.keys)):
            for fold in ("photo", "product"):
                request = SearchRequest(query, dict.fromkeys(keys, 1.0), 100, fold=fold, end_depth=100)
                results = engine.search("shop", request)
                worded = [hit.rank for hit in results.hits if closeness(hit, results.shares)]
                assert results.last_close == max(worded, default=0)
                checked += bool(worded)
    assert checked


def test_end_of_a_longer_ranking_is_known_only_above_many_that_are_not_close(app: Flask) -> None:
    engine: SearchEngine = app.extensions["rpf"].engine
    query = engine.query_item("long", 1)

    def last_close(depth: int) -> int | None:
        return engine.search("long", SearchRequest(query, {SLEEVE: 1.0}, 24, end_depth=depth)).last_close

    assert (last_close(100), last_close(80), last_close(79), last_close(0)) == (40, 40, None, None)


def test_large_collections_are_not_ranked_as_a_whole() -> None:
    page = Page(1, 24, False)
    assert page.end_depth == END_DEPTH and Page(1, 24, True).end_depth == 0


@pytest.mark.parametrize(
    ("number", "last", "offered"),
    [(1, 1, [1]), (1, 4, [1, 2, 3, 4]), (6, 29, [1, None, 5, 6, 7, None, 29]), (2, 9, [1, 2, 3, None, 9])],
)
def test_page_numbers_are_the_ends_and_the_neighbours(
    app: Flask, number: int, last: int, offered: list[int | None]
) -> None:
    engine: SearchEngine = app.extensions["rpf"].engine
    results = engine.search("unknown", SearchRequest(engine.query_item("unknown", 1), {SLEEVE: 1.0}, 1))
    assert ResultPage(Page(number, 24, False), replace(results, total=24 * last)).numbers == offered
