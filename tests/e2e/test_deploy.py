"""The files in deploy/: Debian's nginx before gunicorn on a socket, started as by the systemd unit."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from rpf.settings import Settings
from tests.support import ROOT
from tests.support.hostile import form
from tests.support.nginx import HOST, SITE, Front, nginx

UNIT = (ROOT / "deploy" / "rpf.service").read_text(encoding="utf-8")


@dataclass
class Deployed(Front):
    """nginx before gunicorn, whose output is in the file `log`."""

    log: Path


@pytest.fixture(scope="module")
def front(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("front")
    environment = {
        **os.environ,
        **dict(word.split("=", 1) for line in re.findall(r"^Environment=(.*)$", UNIT, re.M) for word in line.split()),
        "RPF_BIND": f"unix:{folder}/rpf.sock",
        "RPF_COLLECTIONS": str(settings.collections),
        "RPF_COLLECTION": settings.collection,
        "RPF_CHECKPOINT": str(settings.checkpoint),
        "RPF_INSTANCE": str(folder / "instance"),
        "RPF_METRICS": "1",
        "RPF_RATE_LIMIT": "30 per minute",
    }
    command = re.search(r"^ExecStart=\S+/gunicorn (.*)$", UNIT, re.M)
    assert command
    with (folder / "log").open("wb") as log:
        site = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *command[1].split()], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        with nginx(folder, f"unix:{folder}/rpf.sock") as listening:
            yield Deployed(listening.https, listening.http, listening.below, folder / "log")
    finally:
        site.terminate()
        site.wait()


def test_nginx_serves_pages_and_cookies_by_https(front: Deployed) -> None:
    answer = front.ask("GET", "/c/tiny/")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in answer.headers["Set-Cookie"]
    plain = urllib3.request("GET", f"http://127.0.0.1:{front.http}/c/tiny/", headers={"Host": HOST}, redirect=False)
    assert (plain.status, plain.headers["Location"]) == (301, f"https://{HOST}/c/tiny/")


def test_nginx_passes_the_form_with_its_csrf_token(front: Deployed, photo: Path) -> None:
    """Send the CSRF token too, which Flask-WTF checks against the address that the browser came from."""
    first = front.ask("GET", "/c/tiny/")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', first.data.decode())
    assert token
    body, headers = form(photo.read_bytes(), a="sleeve_length", csrf_token=token[1])
    headers |= {"Cookie": first.headers["Set-Cookie"].partition(";")[0], "Referer": f"https://{HOST}/c/tiny/"}
    response = front.ask("POST", "/c/tiny/search", body=body, headers=headers)
    assert response.status == 303
    assert front.ask("GET", response.headers["Location"]).status == 200


def test_nginx_leaves_the_refusal_of_large_uploads_to_the_site(front: Deployed) -> None:
    body, headers = form(bytes(17 * 2**20))
    answer = front.ask("POST", "/submit", body=body, headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/healthz", 405), ("/submit", 415)])
def test_nginx_passes_the_refusal_of_a_large_body(front: Deployed, path: str, status: int) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    assert front.ask("POST", path, body=bytes(8_000_000), headers=headers).status == status


def test_nginx_below_a_path_keeps_all_addresses_below_it(front: Deployed, photo: Path) -> None:
    def ask(method: str, path: str, **kwargs: object) -> urllib3.BaseHTTPResponse:
        return front.ask(method, path, front.below, **kwargs)

    home = ask("GET", "/shop/search/")
    assert home.headers["Location"] == "/shop/search/c/tiny/"
    page = ask("GET", home.headers["Location"])
    assert page.status == 200
    assert "Path=/shop/search/" in page.headers["Set-Cookie"]
    addresses = {address for address in re.findall(r'(?:href|src|action)="(/[^"]*)"', page.data.decode())}
    assert addresses and {address for address in addresses if not address.startswith("/shop/search/")} == set()
    for address in addresses:
        if "/static/" in address or "/thumb/" in address:
            assert ask("GET", address).status == 200, address
    switch = ask("GET", next(address for address in addresses if "/language/vi" in address))
    assert switch.headers["Location"] == "/shop/search/c/tiny/"
    assert "Path=/shop/search/" in switch.headers["Set-Cookie"]

    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.data.decode())
    assert token
    body, headers = form(photo.read_bytes(), a="sleeve_length", csrf_token=token[1])
    headers |= {
        "Cookie": page.headers["Set-Cookie"].partition(";")[0],
        "Referer": f"https://{HOST}/shop/search/c/tiny/",
    }
    searched = ask("POST", "/shop/search/c/tiny/search", body=body, headers=headers)
    assert searched.headers["Location"].startswith("/shop/search/c/tiny/results?")
    assert ask("GET", searched.headers["Location"]).status == 200

    document = ask("GET", "/shop/search/openapi.json").json()
    assert document["servers"] == [{"url": f"https://{HOST}/shop/search"}]
    assert f"curl https://{HOST}/shop/search/submit" in ask("GET", "/shop/search/api").data.decode()
    assert ask("POST", "/shop/search/submit", body=form(photo.read_bytes())[0], headers=headers).status == 200


def test_nginx_rate_limit_counts_the_clients_address(front: Deployed, photo: Path) -> None:
    body, headers = form(photo.read_bytes())
    statuses = [front.ask("POST", "/submit", body=body, headers=headers).status for _ in range(40)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    forged = {**headers, "X-Forwarded-For": "192.0.2.9"}
    assert front.ask("POST", "/submit", body=body, headers=forged).status == 429
    assert front.ask("GET", "/healthz").status == 200


def test_nginx_passes_its_request_id(front: Deployed) -> None:
    assert re.fullmatch("[0-9a-f]{32}", front.ask("GET", "/healthz").headers["X-Request-ID"])


def test_nginx_serves_metrics_to_this_machine_only(front: Deployed) -> None:
    assert b"rpf_ready 1.0" in front.ask("GET", "/metrics").data
    assert "deny all;" in SITE


def test_log_behind_nginx_has_no_address(front: Deployed) -> None:
    assert '"network": "127.0.0.0/24"' in front.log.read_text()
    assert "127.0.0.1" not in front.log.read_text().partition('"')[2]
