"""Rate limit of searches by address: above what a person does, below what would crowd out the others."""

from flask import Flask, request
from flask_limiter import Limiter

from webapp.middleware.request_log import network

# Endpoints that need the model or a ranking.
LIMITED = (
    "submit.submit", "describe.describe", "search.search", "results.ranked", "results.export", "search.item",
    "images.upload",
)  # fmt: skip


def init_app(app: Flask, rate_limit: str) -> None:
    """Limit the endpoints in LIMITED together; "" for no limit. Over the limit the response is 429 with Retry-After.

    Counts are in the memory of the one process that serves.
    """
    if not rate_limit:
        return
    limiter = Limiter(_client, app=app, storage_uri="memory://", strategy="moving-window", headers_enabled=True)
    shared = limiter.shared_limit(rate_limit, scope="searches")
    for endpoint in LIMITED:
        app.view_functions[endpoint] = shared(app.view_functions[endpoint])  # type: ignore[assignment]


def _client() -> str:
    """Return the client's address; of IPv6 its network of 64 bits, because one person has all of that."""
    return network(request.remote_addr, 32, 64)
