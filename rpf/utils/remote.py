"""Images fetched from web addresses named by a request: from public hosts only, bounded in size and time.

Each connection resolves its host once and goes to the very address that was checked, which defeats DNS rebinding.
Redirects are checked like the first address.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Container
from contextlib import suppress
from typing import Any, NamedTuple

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from rpf.errors import RPFError, TooLarge

TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 3
OVERLOADED = (429, 503)
TOO_SLOW = "it takes too long"
USER_AGENT = "rpf-fashion-search"
_thread = threading.local()  # of the fetch in progress: connections, trusted hosts, whether a host was refused
# IPv6 networks that are translated to IPv4 on the way, to any host.
TRANSLATED_NETWORKS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


class Unfetchable(RPFError):
    """Address without an image. The message does not give the reason, which would tell what is behind the address."""

    reason = ""  # for whoever runs this installation


class Fetched(NamedTuple):
    """An image, and how its server tells whether it has changed."""

    data: bytes
    etag: str  # "" where the server names none
    modified: str  # Last-Modified, "" likewise


def fetch(url: str, limit: int, hosts: Container[str] = (), seconds: float = TIMEOUT_SECONDS) -> bytes:
    """Fetch the image at an http or https address. Raises Unfetchable, TooLarge (bytes above `limit`).

    hosts: may lie in a private network, as "name" or "name:port".
    """
    fetched = fetch_if_changed(url, limit, hosts, seconds=seconds)
    assert fetched is not None
    return fetched.data


def fetch_if_changed(
    url: str,
    limit: int,
    hosts: Container[str] = (),
    *,
    etag: str = "",
    modified: str = "",
    seconds: float = TIMEOUT_SECONDS,
    retries: int = 0,
) -> Fetched | None:
    """Fetch an image as `fetch` does; None if it is still the one that `etag` and `modified` came with.

    retries: where the server says that it is overloaded, after the time that it asks for.
    """
    deadline = time.monotonic() + seconds
    _thread.connections = connections = list[socket.socket]()
    _thread.hosts, _thread.refused = hosts, False
    watchdog = threading.Timer(seconds, _hang_up, (connections,))  # each timeout below is for one read of many
    watchdog.start()
    policy = urllib3.Retry(
        connect=0,
        read=0,
        other=0,
        redirect=MAX_REDIRECTS,
        status=retries,
        status_forcelist=OVERLOADED if retries else (),
        backoff_factor=1,
        raise_on_status=False,
    )
    timeout = urllib3.Timeout(connect=seconds / 2, read=seconds / 2)
    headers = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
    headers |= {name: value for name, value in (("If-None-Match", etag), ("If-Modified-Since", modified)) if value}
    try:
        with urllib3.PoolManager(num_pools=1, retries=policy, timeout=timeout) as manager:
            manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
            with manager.request("GET", url, preload_content=False, headers=headers) as answer:
                if answer.status == 304 and (etag or modified):
                    return None
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                if answer.status != 200:
                    raise _unfetchable(f"the server answers {answer.status}")
                if not kind.startswith("image/"):
                    raise _unfetchable(f"it is of the type {kind or 'unknown'}")
                data = bytearray()
                while part := answer.read1(2**16, decode_content=False):
                    data += part
                    if len(data) > limit:
                        raise TooLarge(limit)
                if time.monotonic() > deadline:  # cut off
                    raise _unfetchable(TOO_SLOW)
                return Fetched(bytes(data), *(answer.headers.get(name, "") for name in ("ETag", "Last-Modified")))
    except (HTTPError, OSError, UnicodeError, ValueError) as error:
        raise _unfetchable(_reason(error)) from None
    finally:
        watchdog.cancel()
        for connection in connections:
            connection.close()


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # with a scope, as only local ones have
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in TRANSLATED_NETWORKS)


def _unfetchable(reason: str) -> Unfetchable:
    error = Unfetchable("No image could be fetched from that address.")
    error.reason = reason
    return error


def _reason(error: Exception) -> str:
    """Say in a few words why a request failed."""
    if _thread.refused:
        return "its host is not public; RPF_IMAGE_HOSTS lists those that may be asked all the same"
    timeout = isinstance(getattr(error, "reason", error), urllib3.exceptions.TimeoutError | TimeoutError)
    return TOO_SLOW if timeout else "the server cannot be reached"


def _hang_up(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _PublicOnly:
    """Connection to public addresses only."""

    def _new_conn(self: Any) -> socket.socket:
        entries = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in entries]
        trusted = self.host in _thread.hosts or f"{self.host}:{self.port}" in _thread.hosts
        if not addresses or not (trusted or all(map(is_public, addresses))):
            _thread.refused = True
            raise OSError("not public")
        connection = create_connection((addresses[0], self.port), self.timeout, socket_options=self.socket_options)
        _thread.connections.append(connection.dup())  # TLS takes the other one over
        return connection


class _HTTP(_PublicOnly, HTTPConnection):
    pass


class _HTTPS(_PublicOnly, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS
