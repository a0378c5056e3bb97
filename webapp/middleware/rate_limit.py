"""How often one address may search: more than a person does, less than would leave nothing for the others."""

import ipaddress

from flask import Flask, request
from flask_limiter import Limiter

from webapp.config import Options

SEARCHES = ("api.submit", "search.search", "results.ranked", "results.export", "search.item", "pictures.upload")


def init_app(app: Flask, options: Options) -> None:
    """Count the routes that need the model or a ranking, together; thumbnails, health and the rest are free.

    Counts are in memory, of the one process that serves. Over the limit the answer is 429 with Retry-After.
    """
    if not options.rate_limit:
        return
    limiter = Limiter(_client, app=app, storage_uri="memory://", strategy="moving-window", headers_enabled=True)
    shared = limiter.shared_limit(options.rate_limit, scope="searches")
    for endpoint in SEARCHES:
        app.view_functions[endpoint] = shared(app.view_functions[endpoint])  # type: ignore[assignment]


def _client() -> str:
    """The address that asks; of IPv6 the network of 64 bits, because one person has all of that."""
    address = request.remote_addr or "unknown"
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if ip.version == 4 else str(ipaddress.ip_network((ip, 64), strict=False))
