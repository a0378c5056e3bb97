"""Static files and compression: addresses with a hash, caching, gzip."""

import gzip
import os
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support import ROOT

GZIP = {"Accept-Encoding": "gzip, br"}
RESULTS = "/c/tiny/results?item=1&a=sleeve_length"


def style_sheets(page: str) -> list[str]:
    return re.findall(r'href="(/static/[^"]+\.css[^"]*)"', page)


def test_addresses_of_static_files_have_their_hash_and_are_kept_for_a_year(client: FlaskClient) -> None:
    page = client.get("/c/tiny/").text
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(addresses) > 3
    for address in addresses:
        response = client.get(address)
        assert re.search(r"\?v=[0-9a-f]{12}(#\w+)?$", address)
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        unchanged = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
        assert (unchanged.status_code, unchanged.headers["Cache-Control"]) == (304, response.headers["Cache-Control"])


@pytest.mark.parametrize("address", ["/static/site.css", "/static/site.css?v=", "/static/site.css?v=000000000000"])
def test_static_file_without_its_hash_is_asked_for_each_time(client: FlaskClient, address: str) -> None:
    assert client.get(address).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("address", ["/static/nothing.css?v=1", "/static/../wsgi.py?v=1", "/static/%2e%2e/wsgi.py?v=1"])
def test_missing_static_file_is_not_kept(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert (response.status_code, response.headers.get("Cache-Control")) == (404, None)


def test_changed_static_file_gets_another_address(tmp_path: Path) -> None:
    from webapp.middleware import static_files

    shutil.copy(ROOT / "static" / "site.css", tmp_path)
    app = Flask(__name__, static_folder=str(tmp_path), static_url_path="/static")
    static_files.init_app(app)
    with app.test_request_context():
        before = app.url_for("static", filename="site.css")
        (tmp_path / "site.css").write_text("a {}")
        os.utime(tmp_path / "site.css", ns=(1, 1))
        after = app.url_for("static", filename="site.css")
    assert before != after
    client = app.test_client()
    assert client.get(before).headers["Cache-Control"] == "no-cache"
    assert "immutable" in client.get(after).headers["Cache-Control"]


def test_addresses_below_a_path_are_below_it(app: Flask) -> None:
    page = app.test_client().get("/c/tiny/", environ_overrides={"SCRIPT_NAME": "/shop/search"}).text
    assert re.search(r'href="/shop/search/static/site\.css\?v=', page)


def test_widgets_script_keeps_its_own_caching(client: FlaskClient) -> None:
    assert client.get("/widget.js").headers["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    "path",
    [
        RESULTS,
        "/c/tiny/",
        "/static/site.css",
        "/openapi.json",
        "/widget.js",
        "/c/tiny/results.csv?item=1&a=sleeve_length",
    ],
)
def test_texts_are_compressed_where_the_client_takes_gzip(client: FlaskClient, path: str) -> None:
    plain, packed = client.get(path), client.get(path, headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert all("Accept-Encoding" in response.headers["Vary"] for response in (plain, packed))
    assert len(packed.data) == int(packed.headers["Content-Length"]) < len(plain.data) / 2
    if path not in (RESULTS, "/c/tiny/"):
        assert gzip.decompress(packed.data) == plain.data
    assert client.get(path, headers={"Accept-Encoding": "gzip;q=0"}).data[:2] != b"\x1f\x8b"
    assert client.head(path, headers=GZIP).headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/healthz", "/c/tiny/thumb/1"])
def test_short_texts_and_images_are_not_compressed(client: FlaskClient, path: str) -> None:
    assert "Content-Encoding" not in client.get(path, headers=GZIP).headers


def test_compressed_static_file_is_revalidated_by_its_weak_tag(client: FlaskClient) -> None:
    response = client.get("/static/site.css", headers=GZIP)
    assert response.headers["ETag"].startswith('W/"')
    again = client.get("/static/site.css", headers={**GZIP, "If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_part_of_a_static_file_is_not_compressed(client: FlaskClient) -> None:
    response = client.get("/static/site.css", headers={**GZIP, "Range": "bytes=0-999"})
    assert (response.status_code, len(response.data)) == (206, 1000)


def test_lengths_of_one_compressed_page_differ(client: FlaskClient) -> None:
    lengths = {len(client.get("/c/tiny/about", headers=GZIP).data) for _ in range(12)}
    assert len(lengths) > 3  # against BREACH, which compares them
