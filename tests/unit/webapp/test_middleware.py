"""Middleware of the site: rate limit, security headers, request log, metrics."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app
from webapp.config import SiteConfig
from webapp.middleware.request_log import JSONFormatter, network

RESULTS = "/c/tiny/results?item=1&a=sleeve_length"
Make = Callable[..., FlaskClient]


@pytest.fixture
def make(settings: Settings, app: Flask, tmp_path: Path) -> Make:
    """Return a function that makes a client of a site with these options, over the engine that is loaded already."""

    def make_client(csrf: bool = False, **options: object) -> FlaskClient:
        site = create_app(
            with_instance(settings, tmp_path),
            SiteConfig(**options),  # type: ignore[arg-type]
            TESTING=True,
            WTF_CSRF_ENABLED=csrf,
        )
        loader = site.extensions["rpf"]
        if options.get("metrics"):
            loader.start()
            loader.wait()
        else:
            loader._engine = app.extensions["rpf"].engine
        return site.test_client()

    return make_client


def test_rate_limit_counts_searches_together_and_nothing_else(make: Make, photo: Path) -> None:
    client = make(rate_limit="3 per minute")
    assert client.get(RESULTS).status_code == 200
    assert client.get("/c/tiny/results.csv?item=1&a=sleeve_length").status_code == 200
    assert client.post("/submit", json={"img_path": str(photo), "attrs": "sleeve length"}).status_code == 200
    for refused in (client.get(RESULTS), client.post("/submit", json={}), client.post("/c/tiny/search")):
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 60
    problem = client.post("/submit", json={})
    assert problem.content_type == "application/problem+json"
    assert problem.json is not None and problem.json["detail"].startswith("Too many searches")
    page = client.get(RESULTS, headers={"Accept-Language": "vi", "Accept": "text/html"})
    assert ">Chờ một chút</h1>" in page.text
    for free in (
        "/",
        "/healthz",
        "/readyz",
        "/c/tiny/",
        "/c/tiny/thumb/1",
        "/c/tiny/about",
        "/static/site.css",
        "/openapi.json",
    ):
        assert client.get(free).status_code < 400, free


def test_rate_limit_counts_by_address(make: Make) -> None:
    client = make(rate_limit="1 per minute")

    def ask(address: str, **headers: str) -> int:
        return client.get(RESULTS, environ_base={"REMOTE_ADDR": address}, headers=headers).status_code

    assert [ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2")] == [200, 429, 200]
    assert [ask("2001:db8::1"), ask("2001:db8::ffff"), ask("2001:db8:0:1::1")] == [200, 429, 200]
    assert ask("192.0.2.1", **{"X-Forwarded-For": "192.0.2.77"}) == 429  # any client can send this header


def test_rate_limit_behind_a_proxy_counts_the_forwarded_address(make: Make) -> None:
    client = make(rate_limit="1 per minute", trusted_proxies=1)

    def ask(forwarded: str) -> int:
        return client.get(RESULTS, headers={"X-Forwarded-For": forwarded}).status_code

    assert [ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2")] == [200, 429, 200]
    assert ask("192.0.2.99, 192.0.2.1") == 429  # only the last entry is the proxy's; the client wrote the others


def test_rate_limit_off_limits_nothing(make: Make) -> None:
    client = make(rate_limit="")
    assert {client.get(RESULTS).status_code for _ in range(40)} == {200}


@pytest.mark.parametrize(
    "path", [RESULTS, "/c/tiny/", "/c/tiny/thumb/1", "/nowhere", "/healthz", "/static/site.js", "/api"]
)
def test_security_headers_are_on_every_response(make: Make, path: str) -> None:
    headers = make().get(path).headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


def test_security_headers_of_https_have_hsts_and_secure_cookies(make: Make) -> None:
    answer = make(csrf=True, https=True).get("/c/tiny/")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Lax"))


def test_session_cookie_is_http_only_and_lax(make: Make) -> None:
    cookie = make(csrf=True).get("/c/tiny/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


# ---- logs ----


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Return a function that gives the lines logged so far."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JSONFormatter())
    loggers = [logging.getLogger(name) for name in ("webapp", "rpf")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    for logger in loggers:
        logger.removeHandler(handler)


def test_request_log_has_a_line_for_a_request(
    client: FlaskClient, logged: Callable[[], list[dict[str, object]]]
) -> None:
    answer = client.get(RESULTS, headers={"X-Request-ID": "abc-1"}, environ_base={"REMOTE_ADDR": "192.0.2.77"})
    assert answer.headers["X-Request-ID"] == "abc-1"
    line = logged()[-1]
    assert line.pop("ms") > 0  # type: ignore[operator]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", str(line.pop("time")))
    assert line == {
        "level": "INFO", "logger": "webapp.requests", "message": "GET /c/<name>/results 200", "request": "abc-1",
        "method": "GET", "route": "/c/<name>/results", "status": 200, "network": "192.0.2.0/24",
    }  # fmt: skip


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "<script>"])
def test_request_log_replaces_a_malformed_request_id(client: FlaskClient, given: str) -> None:
    first, second = (client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert first != second


def test_request_log_holds_no_personal_data(
    client: FlaskClient, photo: Path, logged: Callable[[], list[dict[str, object]]]
) -> None:
    where = {"REMOTE_ADDR": "192.0.2.77"}
    body = {"image": (io.BytesIO(photo.read_bytes()), "my-secret-name.jpg"), "attrs": "sleeve length"}
    client.post("/submit", data=body, environ_base=where)
    client.post("/submit", json={"img_path": "/home/me/secret.jpg", "attrs": "sleeve length"}, environ_base=where)
    digest = "ab" * 32
    client.get(f"/c/tiny/upload/{digest}", environ_base=where)
    client.get("/c/secret/", environ_base=where)
    client.get("/secret?x=secret", environ_base=where)
    client.get(RESULTS, headers={"User-Agent": "secret", "Cookie": "secret=1"}, environ_base=where)
    text = json.dumps(logged())
    assert len(logged()) >= 6
    for word in ("secret", "192.0.2.77", digest, photo.name):
        assert word not in text


def test_request_log_of_an_exception_has_its_traceback_and_id(
    settings: Settings, tmp_path: Path, logged: Callable[[], list[dict[str, object]]]
) -> None:
    app = create_app(with_instance(settings, tmp_path), SiteConfig())

    @app.get("/broken/<secret>")
    def broken(secret: str) -> str:
        raise ZeroDivisionError

    answer = app.test_client().get("/broken/hidden", headers={"X-Request-ID": "r1"})
    assert answer.status_code == 500
    errors = [line for line in logged() if line["level"] == "ERROR"]
    assert len(errors) == 1
    assert errors[0]["request"] == "r1"
    assert "ZeroDivisionError" in str(errors[0]["exception"])
    assert "hidden" not in json.dumps(errors)


@pytest.mark.parametrize(
    ("address", "truncated"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("", "unknown"),
        (None, "unknown"),
        ("x", "unknown"),
    ],
)
def test_request_log_truncates_addresses_to_their_network(address: str | None, truncated: str) -> None:
    assert network(address) == truncated


# ---- metrics ----


def test_metrics_are_off_by_default(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 404


def test_metrics_count_requests_stages_and_cache_hits(make: Make, photo: Path) -> None:
    client = make(metrics=True, rate_limit="")
    body = {"img_path": str(photo), "attrs": "sleeve length"}
    for _ in range(2):
        assert client.post("/submit", json=body).status_code == 200
    client.get("/nowhere/at/all")
    families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}

    def value(family: str, sample: str = "", **labels: str) -> float:
        values = [
            one.value for one in families[family].samples if one.name == (sample or family) and one.labels == labels
        ]
        assert len(values) == 1, families[family].samples
        return values[0]

    assert value("rpf_requests", "rpf_requests_total", route="/submit", method="POST", status="200") == 2
    assert value("rpf_requests", "rpf_requests_total", route="none", method="GET", status="404") == 1
    assert value("rpf_request_seconds", "rpf_request_seconds_count", route="/submit") == 2
    assert value("rpf_stage_seconds", "rpf_stage_seconds_count", stage="decode") == 1
    assert value("rpf_stage_seconds", "rpf_stage_seconds_count", stage="model") == 1
    assert value("rpf_stage_seconds", "rpf_stage_seconds_count", stage="search") == 2
    assert value("rpf_embeddings", "rpf_embeddings_total", known="yes") == 1
    assert value("rpf_embeddings", "rpf_embeddings_total", known="no") == 1
    assert value("rpf_collection_items", collection="tiny") == 40
    assert value("rpf_ready") == 1
    assert value("rpf_queue") == 0
    assert value("process_resident_memory_bytes") > 1e6
