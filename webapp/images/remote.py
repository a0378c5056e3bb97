"""Pictures from addresses on the internet that come from a request: from public hosts only, bounded in size and time.

A name is resolved once for each connection, and the connection goes to the very address that was checked; so a name
that changes its mind (DNS rebinding) leads nowhere, and every redirect is checked like the first address.
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
from webapp.images.local import MAX_BYTES, TooLarge

SECONDS = 10.0
REDIRECTS = 3
_thread = threading.local()  # its connections, while it fetches
# Ways to write an IPv4 address as an IPv6 one; translated on the way, it may be anybody's.
TRANSLATED = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))


class Unfetchable(RPFError):
    """An address from which no picture came. The message does not say why: that would tell what is behind it."""


def fetch(url: str, limit: int = MAX_BYTES, seconds: float = SECONDS) -> bytes:
    """What an http or https address holds, if it says that it is a picture. Raises Unfetchable, TooLarge."""
    until = time.monotonic() + seconds
    _thread.connections = connections = list[socket.socket]()
    watchdog = threading.Timer(seconds, _hang_up, (connections,))  # each timeout below is for one read of many
    watchdog.start()
    retries = urllib3.Retry(connect=0, read=0, other=0, redirect=REDIRECTS, status=0)
    timeout = urllib3.Timeout(connect=seconds / 2, read=seconds / 2)
    try:
        with _Manager(num_pools=1, retries=retries, timeout=timeout) as manager:
            answer = manager.request(
                "GET", url, preload_content=False, headers={"Accept": "image/*", "Accept-Encoding": "identity"}
            )
            try:
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                if answer.status != 200 or not kind.startswith("image/"):
                    raise _unfetchable()
                data = bytearray()
                while part := answer.read1(2**16, decode_content=False):
                    data += part
                    if len(data) > limit:
                        raise TooLarge(limit)
                if time.monotonic() > until:  # cut off
                    raise _unfetchable()
                return bytes(data)
            finally:
                answer.close()
    except (HTTPError, OSError, UnicodeError, ValueError):
        raise _unfetchable() from None
    finally:
        watchdog.cancel()
        for connection in connections:
            connection.close()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # with a scope, as only local ones have
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast


def _unfetchable() -> Unfetchable:
    return Unfetchable("No picture could be fetched from that address.")


def _hang_up(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Checked:
    """Connects to a public address or not at all."""

    def _new_conn(self: Any) -> socket.socket:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(map(is_public, addresses)):
            raise OSError("not public")
        made = create_connection((addresses[0], self.port), self.timeout, socket_options=self.socket_options)
        _thread.connections.append(made.dup())  # TLS takes the other one over
        return made


class _HTTP(_Checked, HTTPConnection):
    pass


class _HTTPS(_Checked, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS


class _Manager(urllib3.PoolManager):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
