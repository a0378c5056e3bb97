"""Remote images, fetched from a real server on loopback that a fixture declares public."""

import ipaddress
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.errors import TooLarge
from rpf.utils import remote
from rpf.utils.remote import Unfetchable

PUBLIC = "127.0.0.1"
IMAGE = b"\xff\xd8\xff" + bytes(1000)
LIMIT = 16 * 2**20
ETAG = '"v1"'


class Handler(BaseHTTPRequestHandler):
    """Serve /image, /tagged (with an ETag), /redirect?ADDRESS, /slow, /hesitate, /large, /page, /gone."""

    requested_paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.requested_paths.append(self.path)
        kind, _, rest = self.path[1:].partition("?")
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", rest)
            self.end_headers()
            return
        if kind == "hesitate":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            kind = "slow"
        else:
            self._head(kind)
        self._body(kind)

    def _head(self, kind: str) -> None:
        if kind == "tagged" and self.headers["If-None-Match"] == ETAG:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(404 if kind == "gone" else 200)
        if kind == "tagged":
            self.send_header("ETag", ETAG)
        self.send_header("Content-Type", "text/html" if kind == "page" else "image/jpeg; q=1")
        self.end_headers()

    def _body(self, kind: str) -> None:
        try:
            if kind == "slow":
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            elif kind == "large":
                while True:
                    self.wfile.write(bytes(2**16))
            else:
                self.wfile.write(IMAGE)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server on all of loopback, of which only 127.0.0.1 counts as public; return that address."""
    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(remote, "is_public", lambda address: address == PUBLIC)
    Handler.requested_paths = []
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_fetch_returns_an_image(internet: str) -> None:
    assert remote.fetch(internet + "/image", LIMIT) == IMAGE


def test_fetch_if_changed_returns_an_image_once(internet: str) -> None:
    first = remote.fetch_if_changed(internet + "/tagged", LIMIT)
    assert first is not None and (first.data, first.etag, first.modified) == (IMAGE, ETAG, "")
    assert remote.fetch_if_changed(internet + "/tagged", LIMIT, etag=first.etag) is None
    assert remote.fetch_if_changed(internet + "/tagged", LIMIT, etag='"v0"') == first


def test_fetch_reaches_listed_hosts_in_a_private_network(internet: str) -> None:
    inside = internet.replace("127.0.0.1", "127.0.0.2") + "/image"
    host = inside.split("/")[2]
    for hosts in ({host}, {"127.0.0.2"}):
        assert remote.fetch(inside, LIMIT, hosts) == IMAGE
    for others in ((), {"127.0.0.2:1"}, {"127.0.0.3"}):
        with pytest.raises(Unfetchable) as failure:
            remote.fetch(inside, LIMIT, others)
        assert "RPF_IMAGE_HOSTS" in failure.value.reason and host not in str(failure.value)


@pytest.mark.parametrize(("path", "reason"), [("/gone", "404"), ("/page", "text/html"), ("/slow", "too long")])
def test_unfetchable_tells_its_reason_to_the_operator_only(internet: str, path: str, reason: str) -> None:
    with pytest.raises(Unfetchable) as failure:
        remote.fetch(internet + path, LIMIT, seconds=0.5)
    assert reason in failure.value.reason and reason not in str(failure.value)


def test_fetch_follows_redirects_up_to_the_limit(internet: str) -> None:
    assert remote.fetch(f"{internet}/redirect?{internet}/redirect?/image", LIMIT) == IMAGE
    endless = internet + "/redirect?" + "/redirect?" * 5 + "/image"
    with pytest.raises(Unfetchable):
        remote.fetch(endless, LIMIT)


@pytest.mark.parametrize("path", ["/page", "/gone"])
def test_fetch_refuses_other_content_types(internet: str, path: str) -> None:
    with pytest.raises(Unfetchable):
        remote.fetch(internet + path, LIMIT)


def test_fetch_refuses_a_redirect_to_a_private_address(internet: str) -> None:
    inside = internet.replace("127.0.0.1", "127.0.0.2")
    with pytest.raises(Unfetchable):
        remote.fetch(f"{internet}/redirect?{inside}/secret", LIMIT)
    with pytest.raises(Unfetchable):
        remote.fetch(f"{internet}/redirect?file:///etc/passwd", LIMIT)
    assert not any("secret" in path for path in Handler.requested_paths[1:])


def test_fetch_is_safe_from_dns_rebinding(internet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve the name to another address each time; only the checked address is connected to."""
    port = int(internet.rpartition(":")[2])
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    real = remote.socket.getaddrinfo

    def resolve(host: str, *args: object, **kwargs: object) -> object:
        return real(next(answers) if host == "rebound.example" else host, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(remote.socket, "getaddrinfo", resolve)
    assert remote.fetch(f"http://rebound.example:{port}/image", LIMIT) == IMAGE
    with pytest.raises(Unfetchable):
        remote.fetch(f"http://rebound.example:{port}/image", LIMIT)
    assert Handler.requested_paths == ["/image"]


def test_fetch_of_a_too_large_image_raises_too_large(internet: str) -> None:
    with pytest.raises(TooLarge):
        remote.fetch(internet + "/large", limit=10**6)


@pytest.mark.parametrize("path", ["/slow", "/hesitate"])
def test_fetch_from_a_slow_server_ends_in_time(internet: str, path: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unfetchable):
        remote.fetch(internet + path, LIMIT, seconds=0.5)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]:9/x", "http://169.254.169.254/latest/meta-data",
     "http://10.0.0.1/x", "http://0x7f000001/x", "http://2130706433/x", "http://0/x", "http://[::ffff:127.0.0.1]/x",
     "http://[fe80::1%25eth0]/x", "https://192.168.1.1/x", "http://user@127.0.0.1/x", "http://", "http://a b/x",
     "http://\x00/x", "http://%31/x", "https://" + "a" * 300 + ".example/x"],
)  # fmt: skip
def test_fetch_refuses_private_and_malformed_addresses(address: str) -> None:
    with pytest.raises(Unfetchable):
        remote.fetch(address, LIMIT, seconds=2)


@given(st.ip_addresses())
def test_is_public_of_public_addresses(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if remote.is_public(str(address)):
        assert address.is_global
        assert not (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast)


@pytest.mark.parametrize("inner", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "192.168.0.1"])
def test_is_public_of_ipv4_addresses_in_ipv6(inner: str) -> None:
    number = int(ipaddress.IPv4Address(inner))
    for outer in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert not remote.is_public(str(ipaddress.IPv6Address(outer)))
    assert remote.is_public("::ffff:8.8.8.8")
    assert remote.is_public("2606:4700:4700::1111")


def test_submit_fetches_addresses_only_where_they_are_on(client, photo: Path) -> None:  # type: ignore[no-untyped-def]
    answer = client.post("/submit", json={"img_path": "http://example.org/a.jpg", "attrs": "sleeve length"})
    assert answer.status_code == 403
