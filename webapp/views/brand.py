"""The operator's logo and colours over HTTP."""

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from webapp import extensions
from webapp.middleware.security_headers import YEAR_SECONDS

# Of an SVG that is opened by itself, where a browser would run its scripts; as an image in a page it runs none.
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

bp = Blueprint("brand", __name__, url_prefix="/brand")


@bp.get("/logo")
def logo() -> Response:
    """Serve the logo."""
    image = extensions.brand.logo
    if image is None:
        raise NotFound
    response = _respond(image.data, image.media_type, image.version)
    response.headers["Content-Security-Policy"] = LOGO_POLICY
    return response


@bp.get("/accent.css")
def accent() -> Response:
    """Serve the style sheet of the accent."""
    style = extensions.brand.style
    if not style:
        raise NotFound
    return _respond(style.encode(), "text/css", extensions.brand.style_version)


def _respond(data: bytes, media_type: str, version: str) -> Response:
    """Respond with what a browser may keep: its address carries the version."""
    response = Response(data, mimetype=media_type, headers={"Cache-Control": f"public, max-age={YEAR_SECONDS}"})
    response.set_etag(version)
    return response
