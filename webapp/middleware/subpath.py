"""Serving below a path of another site, such as /shop/search/: trusted proxies, SCRIPT_NAME, paths of cookies."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


def init_app(app: Flask, trusted_proxies: int) -> None:
    """Trust the X-Forwarded headers of that many proxies, and limit cookies to the path of the site."""
    app.session_interface = PathSessions()
    app.config["SESSION_COOKIE_NAME"] = "rpf_session"  # "session" is other programs' name as well
    if count := trusted_proxies:
        proxied = TrustedProxies(app.wsgi_app, count, count, count, x_prefix=count)
        app.wsgi_app = proxied  # type: ignore[method-assign]


def cookie_path() -> str:
    """Return the path that the site is served at, with a slash at its end."""
    return f"{request.script_root}/"


class PathSessions(SecureCookieSessionInterface):
    """Sessions whose cookie is sent to this site only, not to other programs of its host."""

    def get_cookie_path(self, app: Flask) -> str:
        return cookie_path()


class TrustedProxies(ProxyFix):
    """ProxyFix that ignores an X-Forwarded-Prefix that is not a plain path: "//host" would lead to another site."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        prefixes = environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")
        if not all(PREFIX.fullmatch(prefix.strip()) for prefix in prefixes):
            environ.pop("HTTP_X_FORWARDED_PREFIX", None)
        return super().__call__(environ, start_response)
