"""Images fetched from web addresses named by a request: from public hosts only, bounded in size and time.

Each connection resolves its host once and goes to the very address that was checked, which defeats DNS rebinding.
Redirects are checked like the first address.
"""

import ipaddress
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from rpf.errors import RPFError
from webapp.images.local import MAX_UPLOAD_BYTES, TooLarge

TIMEOUT_SECONDS = 10.0
MAX_REDIRECTS = 3
_thread = threading.local()  # connections of the fetch in progress
# IPv6 networks that are translated to IPv4 on the way, to any host.
TRANSLATED_NETWORKS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


class Unfetchable(RPFError):
    """Address without an image. The message does not give the reason, which would tell what is behind the address."""


def fetch(url: str, limit: int = MAX_UPLOAD_BYTES, seconds: float = TIMEOUT_SECONDS) -> bytes:
    """Fetch the image at an http or https address. Raises Unfetchable, TooLarge."""
    deadline = time.monotonic() + seconds
    _thread.connections = connections = list[socket.socket]()
    watchdog = threading.Timer(seconds, _hang_up, (connections,))  # each timeout below is for one read of many
    watchdog.start()
    retries = urllib3.Retry(connect=0, read=0, other=0, redirect=MAX_REDIRECTS, status=0)
    timeout = urllib3.Timeout(connect=seconds / 2, read=seconds / 2)
    try:
        with urllib3.PoolManager(num_pools=1, retries=retries, timeout=timeout) as manager:
            manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
            headers = {"Accept": "image/*", "Accept-Encoding": "identity"}
            with manager.request("GET", url, preload_content=False, headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                if answer.status != 200 or not kind.startswith("image/"):
                    raise _unfetchable()
                data = bytearray()
                while part := answer.read1(2**16, decode_content=False):
                    data += part
                    if len(data) > limit:
                        raise TooLarge(limit)
                if time.monotonic() > deadline:  # cut off
                    raise _unfetchable()
                return bytes(data)
    except (HTTPError, OSError, UnicodeError, ValueError):
        raise _unfetchable() from None
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


def _unfetchable() -> Unfetchable:
    return Unfetchable("No image could be fetched from that address.")


def _hang_up(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _PublicOnly:
    """Connection to public addresses only."""

    def _new_conn(self: Any) -> socket.socket:
        entries = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in entries]
        if not addresses or not all(map(is_public, addresses)):
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
