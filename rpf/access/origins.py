"""Origins of web pages: scheme://host[:port], as browsers send them."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from rpf.errors import ConfigError

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_HOST_LENGTH = 253  # characters, of a name in the DNS
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def normalize_origin(text: str) -> str:
    """Return an origin as a browser sends it: in lower case, without the scheme's default port. Raises ConfigError.

    There are no patterns: a wildcard would trust whoever gets a subdomain.
    """
    match = _ORIGIN.fullmatch(text.lower()) if text.isascii() else None
    host = _normalize_host(match["host"]) if match else None
    port = int(match["port"] or 0) if match else 0
    if not match or not host or port > 65535:
        raise ConfigError(
            '"%(text)s" is not an origin. Write scheme://host[:port] without a path or a wildcard, such as '
            "https://shop.example; a name in other letters as xn--...",
            text=text,
        )
    scheme = match["scheme"]
    return f"{scheme}://{host}:{port}" if port not in (0, DEFAULT_PORTS[scheme]) else f"{scheme}://{host}"


def _normalize_host(host: str) -> str | None:
    """Return a host as browsers write it, None for one that they refuse or write in another way."""
    try:
        if host.startswith("["):
            address = IPv6Address(host[1:-1])
            return None if address.ipv4_mapped else f"[{address}]"  # browsers and Python write those differently
        if host.rpartition(".")[2].isdecimal():  # browsers take any such name for an IPv4 address
            return str(IPv4Address(host))
    except AddressValueError:
        return None
    is_name = len(host) <= MAX_HOST_LENGTH and all(_LABEL.fullmatch(label) for label in host.split("."))
    return host if is_name else None
