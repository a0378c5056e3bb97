import logging
from pathlib import Path

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Conflict, TooManyRequests

from rpf.errors import (
    BadImage,
    CheckpointError,
    CollectionError,
    QueryError,
    SearchUnavailable,
    TooLarge,
    UnknownAttribute,
    UnknownCollection,
    UnknownItem,
)
from rpf.settings import Settings
from webapp import create_app
from webapp.engine_loader import NotReady, StartFailed
from webapp.images.local import Forbidden, NotFound
from webapp.images.uploads import UploadExpired

JSON = {"Accept": "application/json"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ERRORS = [
    (BadImage, 422),
    (UnknownAttribute, 422),
    (QueryError, 422),
    (UnknownItem, 404),
    (UnknownCollection, 404),
    (CollectionError, 409),
    (UploadExpired, 410),
    (Forbidden, 403),
    (NotFound, 404),
]


@pytest.fixture
def site(tmp_path: Path) -> Flask:
    """Create the site without an engine: errors do not wait for one."""
    settings = Settings(collections=tmp_path, checkpoint=tmp_path / "none", instance=tmp_path / "instance")
    return create_app(settings)


@pytest.fixture
def browser(site: Flask) -> FlaskClient:
    return site.test_client()


def fails(site: Flask, error: Exception) -> str:
    """Add a view that raises the error, and return its address."""

    def view() -> str:
        raise error

    site.add_url_rule("/fails", "fails", view)
    return "/fails"


@pytest.mark.parametrize(("kind", "status"), ERRORS)
def test_each_error_has_its_status(site: Flask, kind: type, status: int) -> None:
    address = fails(site, kind("Item %(id)d is not here.", id=7))
    answer = site.test_client().get(address, headers=JSON)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["type"] == "about:blank"
    assert answer.json["status"] == status
    assert answer.json["title"]
    assert answer.json["detail"] == "Item 7 is not here."


def test_error_for_a_browser_is_a_page(site: Flask) -> None:
    address = fails(site, UnknownItem("Item %(id)s is not here.", id="<script>"))
    answer = site.test_client().get(address, headers=BROWSER)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "Item &lt;script&gt; is not here." in answer.text
    assert "Not found" in answer.text


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("application/json", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json, */*;q=0.1", "application/problem+json"),
        ("text/html", "text/html"),
        ("text/html, application/json", "text/html"),
        ("application/json;q=0", "text/html"),
        ("*/*", "text/html"),
        ("", "text/html"),
    ],
)
def test_error_is_json_where_the_client_accepts_it_by_name(browser: FlaskClient, accept: str, mimetype: str) -> None:
    answer = browser.get("/no/such/page", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, mimetype)


def test_api_errors_are_json_in_english_for_browsers_too(browser: FlaskClient) -> None:
    answer = browser.get("/submit", headers={**BROWSER, "Accept-Language": "vi"})
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert answer.json is not None
    assert answer.json["detail"] == "Use POST here, not GET."
    assert "POST" in answer.headers["Allow"]


def test_http_error_keeps_its_headers_and_message(site: Flask) -> None:
    answer = site.test_client().get(fails(site, TooManyRequests("Slowly, please.", retry_after=7)), headers=JSON)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json is not None
    assert answer.json["detail"] == "Slowly, please."


def test_http_error_with_a_response_keeps_it(site: Flask) -> None:
    answer = site.test_client().get(fails(site, Conflict(response=site.response_class("as it is", 409))), headers=JSON)
    assert (answer.status_code, answer.text) == (409, "as it is")


def test_redirect_is_no_error(site: Flask) -> None:
    site.add_url_rule("/folder/", "folder", lambda: abort(418))
    answer = site.test_client().get("/folder", headers=JSON)
    assert answer.status_code == 308


def test_expired_form_says_to_reload(site: Flask) -> None:
    client = site.test_client()
    client.set_cookie(site.config["SESSION_COOKIE_NAME"], "of another time")
    answer = client.get(fails(site, CSRFError("The CSRF token has expired.")), headers=BROWSER)
    assert answer.status_code == 400
    assert "open for too long" in answer.text
    assert "CSRF" not in answer.text


def test_form_without_a_cookie_says_to_allow_cookies(site: Flask) -> None:
    answer = site.test_client().post("/c/tiny/search", data={"a": "sleeve_length"}, headers=BROWSER)
    assert answer.status_code == 400
    assert "allow cookies" in answer.text


@pytest.mark.parametrize("headers", [JSON, BROWSER])
@pytest.mark.parametrize("error", [RuntimeError("the secret"), CheckpointError("the secret")])
def test_unexpected_error_is_logged_and_not_shown(
    site: Flask, caplog: pytest.LogCaptureFixture, error: Exception, headers: dict[str, str]
) -> None:
    address = fails(site, error)
    with caplog.at_level(logging.ERROR):
        answer = site.test_client().get(address, headers=headers)
    assert answer.status_code == 500
    assert "Something went wrong on our side." in answer.text
    assert "secret" not in answer.text
    assert "Traceback" in caplog.text
    assert "the secret" in caplog.text


@pytest.mark.parametrize("headers", [JSON, BROWSER])
def test_unavailable_search_server_is_logged_and_not_described(
    site: Flask, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    address = fails(site, SearchUnavailable("%(uri)s is away.", uri="http://10.0.0.7:19530"))
    with caplog.at_level(logging.WARNING):
        answer = site.test_client().get(address, headers=headers)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "The search server is not answering." in answer.text
    assert "10.0.0.7" not in answer.text
    assert "http://10.0.0.7:19530 is away." in caplog.text
    translated = site.test_client().get(address, headers={**BROWSER, "Accept-Language": "vi"})
    assert "Máy chủ tìm kiếm hiện không trả lời." in translated.text


@pytest.mark.parametrize("path", ["/no", "/submit"])
def test_too_large_file_is_413(site: Flask, path: str) -> None:
    answer = site.test_client().get(fails(site, TooLarge(16 * 2**20)), headers=JSON)
    assert answer.status_code == 413
    assert "16 MB" in answer.text


def test_engine_not_ready_is_503_with_progress(site: Flask) -> None:
    address = fails(site, NotReady("index", 3, 10))
    for headers, mimetype in ((JSON, "application/problem+json"), (BROWSER, "text/html")):
        answer = site.test_client().get(address, headers=headers)
        assert (answer.status_code, answer.mimetype) == (503, mimetype)
        assert int(answer.headers["Retry-After"]) > 0
    answer = site.test_client().get(address, headers=JSON)
    assert answer.json is not None
    assert {key: answer.json[key] for key in ("phase", "done", "total")} == {"phase": "index", "done": 3, "total": 10}


def test_engine_that_failed_to_start_is_503_with_the_reason(site: Flask) -> None:
    address = fails(site, StartFailed("The checkpoint is missing."))
    for headers in (JSON, BROWSER):
        answer = site.test_client().get(address, headers=headers)
        assert answer.status_code == 503
        assert "Retry-After" in answer.headers
        assert "The checkpoint is missing." in answer.text
