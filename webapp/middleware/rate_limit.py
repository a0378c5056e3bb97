"""Rate limit of searches by address, and by key: above what is usual, below what would crowd out others."""

from flask import Flask, g, request
from flask_limiter import Limiter

from rpf.access.keys import Key
from webapp.middleware.request_log import network

# Endpoints that need the model or a ranking.
LIMITED = (
    "submit.submit", "describe.describe", "search.search", "results.ranked", "results.export", "search.item",
    "images.upload", "images.heat",
)  # fmt: skip
KEY_ENDPOINTS = ("v1.", "widget.")  # of the API and the widget, of which all are limited
SEARCHES = "searches"


def init_app(app: Flask, rate_limit: str) -> None:
    """Limit the endpoints in LIMITED together; "" for no limit. Over the limit the response is 429 with Retry-After.

    Endpoints that need a key are limited by it where it has a limit, else together with the others by address.
    Counts are in the memory of the one process that serves.
    """

    def api_limit() -> str:
        key = _limited_key()
        return key.rate_limit if key else rate_limit

    limiter = Limiter(_client, app=app, storage_uri="memory://", strategy="moving-window", headers_enabled=True)
    shared = limiter.shared_limit(rate_limit, scope=SEARCHES)
    of_api = limiter.shared_limit(api_limit, scope=lambda _: "keys" if _limited_key() else SEARCHES, key_func=_owner)
    for endpoint, view in app.view_functions.items():
        if endpoint.startswith(KEY_ENDPOINTS):
            app.view_functions[endpoint] = of_api(view)  # type: ignore[assignment]
        elif rate_limit and endpoint in LIMITED:
            app.view_functions[endpoint] = shared(view)  # type: ignore[assignment]


def _limited_key() -> Key | None:
    """Return the request's key if it has a limit."""
    key: Key | None = g.get("api_key")
    return key if key and key.rate_limit else None


def _owner() -> str:
    """Return the id of a key that has a limit, else the client's address."""
    key = _limited_key()
    return key.id if key else _client()


def _client() -> str:
    """Return the client's address; of IPv6 its network of 64 bits, because one person has all of that."""
    return network(request.remote_addr, 32, 64)
