"""Keys of /api/v1: who may read and write, origins, limits, metrics."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.access.keys import KeyStore
from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app
from webapp.config import SiteConfig

SHOP, OTHER = "https://shop.example", "https://other.example"
READS = ("/api/v1/collections", "/api/v1/attributes", "/api/v1/products/P1")


def bearer(token: str, origin: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **({"Origin": origin} if origin else {})}


def detail(response: TestResponse, status: int) -> str:
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.text
    text: str = response.get_json()["detail"]
    assert "\n" not in text
    return text


def preflight(client: FlaskClient, path: str, origin: str, method: str = "POST") -> TestResponse:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers=headers)


def test_without_a_key_reading_is_open_and_writing_is_off(reader: FlaskClient) -> None:
    assert [reader.get(path).status_code for path in READS] == [200] * 3
    for response in (
        reader.put("/api/v1/products/P1", json={"title": "x"}),
        reader.delete("/api/v1/products/P1"),
        reader.post("/api/v1/batch", data=b"{}", content_type="application/x-ndjson"),
        reader.get("/api/v1/jobs/1"),
    ):
        assert "rpf keys create --kind write" in detail(response, 403)
    answer = reader.get(READS[0], headers={"Origin": SHOP})
    assert "Access-Control-Allow-Origin" not in answer.headers and "Origin" in answer.headers["Vary"]


def test_with_a_key_reading_needs_one_and_a_search_key_changes_nothing(site: Flask, keys: KeyStore) -> None:
    token = keys.create("search", "app")[1]
    client = site.test_client()
    missing, unknown = client.get(READS[0]), client.get(READS[0], headers=bearer(token[:-1] + "x"))
    assert "Authorization: Bearer" in detail(missing, 401) and missing.headers["WWW-Authenticate"].startswith("Bearer")
    assert "revoked" in detail(unknown, 401) and 'error="invalid_token"' in unknown.headers["WWW-Authenticate"]
    assert client.get(READS[0], headers={"Authorization": "Basic abc"}).status_code == 401
    assert client.get(READS[0], headers=bearer(token)).status_code == 200
    assert "rpf keys create" in detail(client.delete("/api/v1/products/P1", headers=bearer(token)), 403)
    write = keys.create("write", "sync")[1]
    assert "search key" in detail(client.delete("/api/v1/products/P1", headers=bearer(token)), 403)
    assert client.delete("/api/v1/products/P1").status_code == 401
    assert client.get(READS[2], headers=bearer(write)).status_code == 200
    assert client.post("/submit", json={"img_path": "P0-red-0.jpg", "attrs": "sleeve length"}).status_code == 200
    keys.revoke(keys.list_keys()[0].id)
    assert client.get(READS[0], headers=bearer(token)).status_code == 401


def test_scripts_of_the_origins_of_a_key_may_read(site: Flask, keys: KeyStore) -> None:
    token = keys.create("search", "widget", [SHOP])[1]
    other = keys.create("search", "another widget", [OTHER])[1]
    client = site.test_client()
    for path, method in (("/api/v1/search", "POST"), ("/api/v1/products/P1", "GET"), ("/api/v1/events", "POST")):
        answer = preflight(client, path, SHOP, method)
        assert answer.status_code == 204 and answer.headers["Access-Control-Allow-Origin"] == SHOP
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
        assert method in answer.headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Credentials" not in answer.headers and "Origin" in answer.headers["Vary"]
    for answer in (
        preflight(client, "/api/v1/search", "https://evil.example"),
        preflight(client, "/api/v1/products/P1", SHOP, "PUT"),
        preflight(client, "/api/v1/products/P1", SHOP, "DELETE"),
        preflight(client, "/api/v1/batch", SHOP),
    ):
        assert "Access-Control-Allow-Origin" not in answer.headers
    allowed = client.get(READS[0], headers=bearer(token, SHOP))
    assert allowed.status_code == 200 and allowed.headers["Access-Control-Allow-Origin"] == SHOP
    assert client.get(READS[0], headers=bearer(token)).status_code == 200  # programs send no origin
    assert "this origin" in detail(client.get(READS[0], headers=bearer(other, SHOP)), 403)
    assert "this origin" in detail(client.get(READS[0], headers=bearer(token, "https://evil.example")), 403)
    refused = client.get(READS[0], headers={"Origin": SHOP})
    assert refused.status_code == 401 and refused.headers["Access-Control-Allow-Origin"] == SHOP  # scripts read why


def test_write_key_in_a_browser_is_refused(site: Flask, keys: KeyStore) -> None:
    keys.create("search", "widget", [SHOP])
    token = keys.create("write", "sync")[1]
    client = site.test_client()
    for response in (
        client.get(READS[0], headers=bearer(token, SHOP)),
        client.delete("/api/v1/products/P1", headers=bearer(token, "null")),
    ):
        assert "never be in a browser" in detail(response, 403)
    assert client.get(READS[2], headers=bearer(token)).status_code == 200


def test_key_of_some_collections_reaches_no_other(site: Flask, keys: KeyStore) -> None:
    token = keys.create("write", "sync", collections=["named"])[1]
    client = site.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    listed = client.get("/api/v1/collections").get_json()["collections"]
    assert [one["name"] for one in listed] == ["named"]
    for response in (
        client.get("/api/v1/products/P1"),
        client.get("/api/v1/attributes?collection=shop"),
        client.post("/api/v1/search", json={"item": 1}),
        client.put("/api/v1/products/P1", json={"title": "x"}),
        client.delete("/api/v1/products/P1?collection=shop"),
        client.post("/api/v1/batch", data=b'{"delete": "P1"}', content_type="application/x-ndjson"),
    ):
        assert "not for this collection" in detail(response, 403)
    assert client.post("/api/v1/search", json={"item": 1, "collection": "named"}).status_code == 200


def test_limit_and_use_are_those_of_the_key(tmp_path: Path, site: Flask, shop_settings: Settings) -> None:
    settings = with_instance(shop_settings, tmp_path / "limited")
    app = create_app(settings, SiteConfig(rate_limit="4 per minute", metrics=True), TESTING=True)
    app.extensions["rpf"]._engine = site.extensions["rpf"].engine
    store: KeyStore = app.extensions["rpf_keys"]
    (slow, one), (_, other) = store.create("search", "a", rate_limit="2/minute"), store.create("search", "b")
    client = app.test_client()

    def statuses(token: str, count: int) -> list[int]:
        return [client.get(READS[0], headers=bearer(token)).status_code for _ in range(count)]

    assert statuses(one, 3) == [200, 200, 429]
    refused = client.get("/api/v1/attributes", headers=bearer(one))
    assert refused.status_code == 429 and 0 < int(refused.headers["Retry-After"]) <= 60
    assert statuses(other, 5) == [200] * 4 + [429]  # the site's limit, by address
    assert statuses(one, 1) == [429]
    metrics = client.get("/metrics").text
    line = f'rpf_api_requests_total{{key="{slow.id}",route="/api/v1/collections",status="200"}} 2.0'
    assert line in metrics.splitlines()


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1", "/api/v2/search"])
def test_unknown_addresses_are_problems_in_json(reader: FlaskClient, path: str) -> None:
    assert "nothing at this address" in detail(reader.get(path), 404)
