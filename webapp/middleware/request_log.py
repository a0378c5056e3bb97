"""One line of JSON for each request and each event, tied together by the request's id.

Nothing in a log says who somebody is: of an address it keeps the network, of a path the route's pattern, and of
pictures and file names nothing.
"""

import ipaddress
import json
import logging
import re
import secrets
import sys
import time
from datetime import datetime, timezone

from flask import Flask, Response, g, has_request_context, request

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
log = logging.getLogger("webapp.requests")


class JSONFormatter(logging.Formatter):
    """time, level, logger, message, request; exceptions with their traceback; and what `extra={"own": {...}}` adds."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if has_request_context() and "request_id" in g:
            line["request"] = g.request_id
        line |= getattr(record, "own", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)  # in ASCII: sound JSON on a terminal of any encoding


def configure() -> None:
    """Send this program's log to standard error as JSON. For a server's worker; a program that embeds the site keeps
    its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    for name in ("webapp", "rpf"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


def init_app(app: Flask) -> None:
    """Give every request an id, or keep the one of X-Request-ID, and log its end, and what nobody expected."""
    app.before_request(_begin)
    app.after_request(_end)
    app.log_exception = _failed  # type: ignore[method-assign]  # Flask's own has the path in it


def network(address: str | None) -> str:
    """The network that an address is in: 192.0.2.0/24, 2001:db8:1::/48."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def method() -> str:
    """The request's method; "other" for what anybody may make up."""
    return request.method if request.method in ("GET", "POST", "HEAD", "OPTIONS") else "other"


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if ID.fullmatch(given) else secrets.token_hex(8)
    g.began = time.perf_counter()


def _failed(exc_info: object) -> None:
    log.error("A request failed", exc_info=exc_info)  # type: ignore[arg-type]


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    own = {
        "method": method(),
        "route": request.url_rule.rule if request.url_rule else "none",
        "status": response.status_code,
        "ms": round(1e3 * (time.perf_counter() - g.began), 1),
        "network": network(request.remote_addr),
    }
    log.info("%(method)s %(route)s %(status)s", own, extra={"own": own})
    return response
