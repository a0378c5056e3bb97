"""Log of requests and events: one line of JSON each, tied together by the request's id.

Logs hold no personal data: addresses are truncated to their network, paths are logged as route patterns, file names
are omitted.
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
    """Formatter of records as JSON: time, level, logger, message, request, traceback, and `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if has_request_context() and "request_id" in g:
            line["request"] = g.request_id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)  # ASCII, so valid on a terminal of any encoding


def configure() -> None:
    """Log to standard error as JSON. For a server's worker; programs that embed the site keep their own logging."""
    logging.raiseExceptions = False  # or a log on a full disk gets a traceback for each line that it cannot take
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    for name in ("webapp", "rpf"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)


def init_app(app: Flask) -> None:
    """Give every request an id, or keep that of X-Request-ID, and log its end and unexpected exceptions."""
    app.before_request(_start)
    app.after_request(_log_request)
    app.log_exception = _log_exception  # type: ignore[method-assign]  # Flask's own has the path in it


def network(address: str | None, ipv4_bits: int = 24, ipv6_bits: int = 48) -> str:
    """Return the network of an address: 192.0.2.0/24, 2001:db8:1::/48."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network((ip, ipv4_bits if ip.version == 4 else ipv6_bits), strict=False))


def method() -> str:
    """Return the request's method; "other" for unusual ones, of which there is no end."""
    return request.method if request.method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS") else "other"


def _start() -> None:
    request_id = request.headers.get("X-Request-ID", "")
    g.request_id = request_id if ID.fullmatch(request_id) else secrets.token_hex(8)
    g.started = time.perf_counter()


def _log_exception(exc_info: object) -> None:
    log.error("A request failed", exc_info=exc_info)  # type: ignore[arg-type]


def _log_request(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    fields = {
        "method": method(),
        "route": request.url_rule.rule if request.url_rule else "none",
        "status": response.status_code,
        "ms": round(1e3 * (time.perf_counter() - g.started), 1),
        "network": network(request.remote_addr),
    }
    log.info("%(method)s %(route)s %(status)s", fields, extra={"fields": fields})
    return response
