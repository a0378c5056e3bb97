"""Security response headers."""

from collections.abc import Iterable

from flask import Flask, Response, g

YEAR_SECONDS = 365 * 24 * 3600
# All content is from this site, nothing is inline. (blob: is for the preview of a chosen photo.)
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def allow_frames(origins: Iterable[str]) -> None:
    """Let pages of these origins show the response to this request in a frame; otherwise none may."""
    g.frame_ancestors = " ".join(origins)


def init_app(app: Flask, https: bool) -> None:
    """Add the headers to all responses. https: visitors come by HTTPS only (HSTS, secure cookies)."""
    headers = HEADERS | ({"Strict-Transport-Security": f"max-age={YEAR_SECONDS}"} if https else {})
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SECURE=https)

    @app.after_request
    def add_headers(response: Response) -> Response:
        ancestors = g.get("frame_ancestors", "'none'")
        response.headers.setdefault("Content-Security-Policy", f"{POLICY}; frame-ancestors {ancestors}")
        if ancestors == "'none'":  # X-Frame-Options cannot name origins
            response.headers.setdefault("X-Frame-Options", "DENY")
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html":
            response.vary.update(("Cookie", "Accept-Language"))
        return response
