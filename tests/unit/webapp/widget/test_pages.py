"""The widget: keys and the pages that may frame it, no cookies, and searches that are recorded."""

import re
import sqlite3
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.access.event_log import EVENTS_FILE
from rpf.access.keys import KeyStore

SHOP, OTHER = "https://shop.example", "https://other.example:8443"
SLEEVE = "sleeve_length"
HTML = {"Accept": "text/html"}


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    client = site.test_client(use_cookies=False)
    client.environ_base["HTTP_ACCEPT"] = "text/html"
    return client


@pytest.fixture
def token(keys: KeyStore) -> str:
    return keys.create("search", "widget", [SHOP, OTHER])[1]


def ancestors(response: TestResponse) -> str:
    policy = response.headers["Content-Security-Policy"]
    assert policy.count("frame-ancestors") == 1
    return policy.partition("frame-ancestors ")[2]


def results(client: FlaskClient, token: str, **arguments: object) -> TestResponse:
    search = {"key": token, "origin": SHOP, "item": 1, "a": SLEEVE, "anyway": 1}
    return client.get("/widget/shop/results", query_string=search | arguments)


def query_id(response: TestResponse) -> str:
    match = re.search(r'data-query-id="([0-9a-f-]{36})"', response.text)
    assert match
    return match[1]


def test_script_is_for_pages_of_other_sites(client: FlaskClient) -> None:
    response = client.get("/widget.js")
    assert response.mimetype == "text/javascript"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.cache_control.public and response.cache_control.max_age == 3600
    assert "Set-Cookie" not in response.headers and response.headers["Vary"] == "Accept-Encoding"
    assert client.get("/widget.js", headers={"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_colours_are_a_style_sheet_that_ignores_what_is_no_colour(client: FlaskClient) -> None:
    response = client.get("/widget.css", query_string={"accent": "#aa3366", "background": "red;} body {"})
    assert response.mimetype == "text/css" and response.cache_control.max_age
    assert "--button: #aa3366;" in response.text and "red" not in response.text


def test_pages_may_be_framed_by_the_origins_of_the_key_alone(client: FlaskClient, token: str) -> None:
    for response in (
        client.get(f"/widget?key={token}&origin={SHOP}"),
        client.get(f"/widget/shop/?key={token}"),
        results(client, token),
        client.post(f"/widget/shop/search?key={token}"),
        client.get(f"/widget/nowhere/?key={token}"),
    ):
        assert ancestors(response) == f"{SHOP} {OTHER}", response.status
        assert "X-Frame-Options" not in response.headers
        assert "Set-Cookie" not in response.headers
    for path in ("/c/shop/", "/c/shop/results?item=1&a=sleeve_length", "/widget.js", "/c/shop/thumb/1", "/nowhere"):
        response = client.get(path)
        assert ancestors(response) == "'none'" and response.headers["X-Frame-Options"] == "DENY", path


def test_unusable_keys_are_told_what_to_do_and_framed_by_nobody(client: FlaskClient, keys: KeyStore) -> None:
    revoked, revoked_token = keys.create("search", "old", [SHOP])
    keys.revoke(revoked.id)
    elsewhere = keys.create("search", "other shop", [OTHER])[1]
    limited = keys.create("search", "one collection", [SHOP], ["named"])[1]
    for arguments, words in (
        ({}, "needs a search key. Create one with: rpf keys create"),
        ({"key": "nonsense"}, "does not exist, or was revoked"),
        ({"key": revoked_token}, "does not exist, or was revoked"),
        ({"key": keys.create("write", "sync")[1]}, "revoke this one"),
        ({"key": keys.create("search", "server")[1]}, "names no origin"),
        ({"key": elsewhere, "origin": SHOP}, f"--origin {SHOP}"),
        ({"key": limited}, "not for the collection &#34;shop&#34;"),
    ):
        for path in ("/widget/shop/", "/widget/shop/results"):
            response = client.get(path, query_string=arguments)
            assert response.status_code == 403 and words in response.text, (arguments, response.text)
            assert ancestors(response) == "'none'" and response.headers["X-Frame-Options"] == "DENY"
            assert "Set-Cookie" not in response.headers
    refused = client.get("/widget", headers={"Accept-Language": "vi"})
    assert "Tiện ích cần một khóa tìm kiếm" in refused.text


def test_key_of_one_collection_opens_that_one(client: FlaskClient, keys: KeyStore) -> None:
    token = keys.create("search", "widget", [SHOP], ["named"])[1]
    response = client.get("/widget", query_string={"key": token, "origin": SHOP, "accent": "#aa3366", "product": "P1"})
    address = urlsplit(response.headers["Location"])
    assert address.path == "/widget/named/"
    assert parse_qs(address.query) == {"key": [token], "origin": [SHOP], "accent": ["#aa3366"], "product": ["P1"]}


def test_start_page_leads_to_the_widget_only_and_has_the_shops_colours(client: FlaskClient, token: str) -> None:
    page = client.get(f"/widget/shop/?key={token}&origin={SHOP}&theme=dark&accent=%23aa3366&language=vi")
    assert page.status_code == 200
    assert 'href="/widget.css?theme=dark&amp;accent=%23aa3366"' in page.text
    assert '<html lang="vi"' in page.text and "csrf_token" not in page.text
    links = re.findall(r'(?:href|action)="(/[^"]+)"', page.text)
    assert all(link.startswith(("/widget", "/static/")) for link in links), links
    assert all(token in link for link in links if link.startswith("/widget/"))


def test_photo_is_searched_without_a_cookie(client: FlaskClient, token: str, photo: Path) -> None:
    with photo.open("rb") as image:
        response = client.post(
            f"/widget/shop/search?key={token}&origin={SHOP}",
            data={"image": image},
            headers={"Origin": "http://localhost"},
        )
    assert response.status_code == 303, response.text
    address = response.headers["Location"]
    assert address.startswith("/widget/shop/results?") and "upload=" in address and token in address
    page = client.get(address)
    assert page.status_code == 200 and "Set-Cookie" not in page.headers


def test_form_that_is_refused_stays_in_the_widget(client: FlaskClient, token: str) -> None:
    response = client.post(f"/widget/shop/search?key={token}&origin={SHOP}", data={"attrs": "zebra"})
    assert response.status_code == 422 and "zebra" in response.text
    assert '<html lang="en" class="widget"' in response.text and ancestors(response).startswith(SHOP)


def test_product_is_a_start(client: FlaskClient, token: str) -> None:
    response = client.get(f"/widget/shop/?key={token}&origin={SHOP}&product=P2")
    arguments = parse_qs(urlsplit(response.headers["Location"]).query)
    assert response.status_code == 302 and arguments["item"] and arguments["a"]
    unknown = client.get(f"/widget/shop/?key={token}&origin={SHOP}&product=P9")
    assert unknown.status_code == 404 and "P9" in unknown.text
    assert f"/widget/shop/?key={token}" in unknown.text  # the way on


def test_results_link_to_the_shop_and_name_what_was_clicked(client: FlaskClient, token: str) -> None:
    page = results(client, token)
    hits = re.findall(r'<li class="hit".*?</li>\s*(?=<li class="hit"|</ol>)', page.text, re.S)
    assert len(hits) == 4  # the query's own product is left out
    for position, hit in enumerate(hits, 1):
        product = re.search(r'data-id="(P[0-9])"', hit)
        assert product and f'data-position="{position}"' in hit and f'data-title="Shirt {product[1]}"' in hit
        assert hit.count(f'href="https://shop.example/{product[1]}" target="_top"') == 2
    outside = re.findall(r'href="(/c/[^"]+)"', page.text)
    assert outside == [] or all("/thumb/" in link or "/image/" in link for link in outside), outside


def test_result_without_an_address_leads_to_what_is_similar(client: FlaskClient, token: str) -> None:
    page = client.get(f"/widget/named/results?key={token}&origin={SHOP}&item=1&a={SLEEVE}&anyway=1")
    assert re.search(r'data-id="\d+" data-position="1" data-title="Garment \d+" data-url=""', page.text)
    assert re.search(r'class="hit-image" href="/widget/named/\?[^"]*item=\d+[^"]*">', page.text)


def test_searches_and_events_are_recorded(client: FlaskClient, token: str, site: Flask) -> None:
    page = results(client, token)
    again = results(client, token, q=query_id(page))
    assert query_id(again) == query_id(page) != query_id(results(client, token, q="nonsense"))
    click = {
        "action_name": "click",
        "query_id": query_id(page),
        "event_attributes": {"object": {"object_id": "P2"}, "position": {"ordinal": 1}},
    }
    path = re.search(r'data-events="([^"]+)"', page.text)
    assert path
    response = client.post(path[1].replace("&amp;", "&"), json=[{**click, "action_name": "view"}, click])
    assert response.status_code == 202 and response.get_json() == {"accepted": 2, "problems": []}
    log = site.extensions["rpf_events"]
    assert log.flush()
    with sqlite3.connect(Path(site.instance_path) / EVENTS_FILE) as database:
        assert database.execute("SELECT count(*) FROM searches").fetchone() == (2,)
        actions = database.execute("SELECT action, object_id, position FROM events ORDER BY action").fetchall()
    assert actions == [("click", "P2", 1), ("view", "P2", 1)]


def test_search_on_the_site_itself_is_not_recorded(client: FlaskClient, site: Flask) -> None:
    page = client.get(f"/c/shop/results?item=1&a={SLEEVE}&anyway=1")
    assert "data-query-id" not in page.text and "data-position" not in page.text
    assert not (Path(site.instance_path) / EVENTS_FILE).exists()


def test_limit_of_the_key_counts(client: FlaskClient, keys: KeyStore) -> None:
    token = keys.create("search", "widget", [SHOP], rate_limit="2/minute")[1]
    assert [results(client, token).status_code for _ in range(3)] == [200, 200, 429]
    refused = results(client, token)
    assert ancestors(refused) == SHOP and 'class="widget"' in refused.text and refused.headers["Retry-After"]
    assert client.get("/widget.js").status_code == 200
    other = keys.create("search", "other", [SHOP], rate_limit="2/minute")[1]
    assert results(client, other).status_code == 200
