"""The files in deploy/ do what they say: Debian's nginx before gunicorn on a socket, as the unit starts it."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from rpf.bench.site import free_port
from rpf.settings import ROOT, Settings
from tests.hostile import form

UNIT = (ROOT / "deploy" / "rpf.service").read_text(encoding="utf-8")
SITE = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
HOST = "fashion.example.org"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass
class Front:
    """nginx, listening."""

    https: int
    http: int
    below: int  # the port where the site is served below /shop/search/
    log: Path

    def ask(self, method: str, path: str, port: int = 0, **kwargs: object) -> urllib3.BaseHTTPResponse:
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", port or self.https, cert_reqs=ssl.CERT_NONE, assert_hostname=False
        )
        headers = {"Host": HOST, **kwargs.pop("headers", {})}  # type: ignore[dict-item]
        return pool.request(method, path, headers=headers, retries=False, redirect=False, timeout=60, **kwargs)  # type: ignore[arg-type]


def below_a_path(text: str) -> str:
    """The last server of the file, with the three changes that its comment names."""
    *_, server = text.rpartition("server {")
    location, proxy_pass, prefix = re.search(
        r"# Below a path of another site: `(.*?)`, `(.*?)`, `(.*?)`", server
    ).groups()  # type: ignore[union-attr]
    server = server.replace("location / {", f"{location} {{", 1).replace("proxy_pass http://rpf;", f"{proxy_pass};", 1)
    return "server {" + server.replace('X-Forwarded-Prefix "";', f"{prefix};", 1)


@pytest.fixture(scope="module")
def front(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    if NGINX is None or shutil.which("openssl") is None:
        pytest.skip("needs nginx and openssl: apt-get install nginx openssl")
    folder = tmp_path_factory.mktemp("front")
    folder.chmod(0o755)
    made = Front(free_port(), free_port(), free_port(), folder / "log")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True,
    )  # fmt: skip
    text = SITE.replace("listen 80;", f"listen 127.0.0.1:{made.http};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{made.https} ").replace(
        "/run/rpf/rpf.sock", f"{folder}/rpf.sock"
    )
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", f"{folder}/cert.pem", text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", f"{folder}/key.pem", text)
    text += below_a_path(text).replace(f"127.0.0.1:{made.https} ", f"127.0.0.1:{made.below} ")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # the test's folder is its maker's
    (folder / "nginx.conf").write_text(
        f"{user}pid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}}}\n"
    )
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
    with made.log.open("wb") as log:
        site = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *command[1].split()], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    subprocess.run([NGINX, "-t", "-p", folder, "-c", folder / "nginx.conf"], check=True, capture_output=True)
    nginx = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"])
    try:
        until = time.monotonic() + 60
        while True:
            assert time.monotonic() < until and site.poll() is None and nginx.poll() is None, made.log.read_text()
            try:
                if made.ask("GET", "/readyz").status == 200:
                    break
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.2)
        yield made
    finally:
        for process in (nginx, site):
            process.terminate()
            process.wait()


def test_pages_come_by_https_and_cookies_with_them(front: Front) -> None:
    answer = front.ask("GET", "/c/tiny/")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Secure" in answer.headers["Set-Cookie"]
    plain = urllib3.request("GET", f"http://127.0.0.1:{front.http}/c/tiny/", headers={"Host": HOST}, redirect=False)
    assert (plain.status, plain.headers["Location"]) == (301, f"https://{HOST}/c/tiny/")


def test_the_form_goes_all_the_way(front: Front, photo: Path) -> None:
    """The token, which Flask-WTF checks against the address that the browser came from, too."""
    first = front.ask("GET", "/c/tiny/")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', first.data.decode())
    assert token
    body, headers = form(photo.read_bytes(), a="sleeve_length", csrf_token=token[1])
    headers |= {"Cookie": first.headers["Set-Cookie"].partition(";")[0], "Referer": f"https://{HOST}/c/tiny/"}
    found = front.ask("POST", "/c/tiny/search", body=body, headers=headers)
    assert found.status == 303
    assert front.ask("GET", found.headers["Location"]).status == 200


def test_what_is_too_large_is_explained_by_the_site(front: Front) -> None:
    body, headers = form(bytes(17 * 2**20))
    answer = front.ask("POST", "/submit", body=body, headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/healthz", 405), ("/submit", 415)])
def test_refusal_of_a_large_body_comes_through(front: Front, path: str, status: int) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    assert front.ask("POST", path, body=bytes(8_000_000), headers=headers).status == status


def test_site_below_a_path_keeps_to_it(front: Front, photo: Path) -> None:
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


def test_a_search_by_json_and_the_limit_by_address(front: Front, photo: Path) -> None:
    body, headers = form(photo.read_bytes())
    statuses = [front.ask("POST", "/submit", body=body, headers=headers).status for _ in range(40)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    forged = {**headers, "X-Forwarded-For": "192.0.2.9"}
    assert front.ask("POST", "/submit", body=body, headers=forged).status == 429
    assert front.ask("GET", "/healthz").status == 200


def test_the_request_keeps_its_id(front: Front) -> None:
    assert re.fullmatch("[0-9a-f]{32}", front.ask("GET", "/healthz").headers["X-Request-ID"])


def test_metrics_are_for_this_machine(front: Front) -> None:
    assert b"rpf_ready 1.0" in front.ask("GET", "/metrics").data
    assert "deny all;" in SITE


def test_no_log_has_an_address(front: Front) -> None:
    assert '"network": "127.0.0.0/24"' in front.log.read_text()
    assert "127.0.0.1" not in front.log.read_text().partition('"')[2]
