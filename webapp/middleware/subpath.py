"""Serving below a path of another site, such as /shop/search/: trusted proxies, SCRIPT_NAME and the cookies' path."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+/?")


def init_app(app: Flask, proxies: int) -> None:
    """Believe the X-Forwarded headers of that many proxies, and keep cookies to the path that the site is served at."""
    app.session_interface = PathSessions()
    app.config["SESSION_COOKIE_NAME"] = "rpf_session"  # "session" is other programs' name as well
    if proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, proxies, proxies, proxies, x_prefix=proxies)  # type: ignore[method-assign]


def cookie_path() -> str:
    """Return the path that the site is served at, with a slash at its end."""
    return f"{request.script_root}/"


class PathSessions(SecureCookieSessionInterface):
    """Sessions whose cookie goes to this site alone, not to the other programs of its host."""

    def get_cookie_path(self, app: Flask) -> str:
        return cookie_path()


class TrustedProxies(ProxyFix):
    """ProxyFix that ignores an X-Forwarded-Prefix that is no plain path: "//host" would lead links to another site."""

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        prefixes = environ.get("HTTP_X_FORWARDED_PREFIX", "").split(",")
        if not all(PREFIX.fullmatch(prefix.strip()) for prefix in prefixes):
            environ.pop("HTTP_X_FORWARDED_PREFIX", None)
        return super().__call__(environ, start_response)
