"""Images over HTTP, by item id or upload digest only; always re-encoded, so that only our own WebP goes out."""

from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from webapp import extensions
from webapp.images.thumbnails import VERSION
from webapp.middleware.security_headers import YEAR_SECONDS
from webapp.view_models import SIDES

HOUR_SECONDS = 3600

bp = Blueprint("images", __name__, url_prefix="/c/<name>")


@bp.get("/<any(thumb, image):kind>/<int:item_id>")
def item(name: str, kind: str, item_id: int) -> BaseResponse:
    """Serve an item's image: the thumbnail of a card, or the large image of its own page."""
    engine, side = extensions.engine_loader.engine, SIDES[kind]
    collection = engine.collection(name)
    item = collection.item(item_id)
    if not item.sha256:
        raise NotFound
    source: Path = collection.image_path(item)
    data = extensions.thumbnails.get(item.sha256, side, lambda: engine.thumbnail(source, side))
    return _respond(data, f"{item.sha256}-{side}-v{VERSION}", f"public, max-age={YEAR_SECONDS}, immutable")


@bp.get("/upload/<digest>")
def upload(name: str, digest: str) -> BaseResponse:
    """Serve an uploaded image, encoded for each request, because no copy may outlive the upload."""
    data = extensions.uploads.read(digest)
    webp = extensions.engine_loader.engine.thumbnail(data, SIDES["image"])
    return _respond(webp, f"{digest}-{SIDES['image']}", f"private, max-age={HOUR_SECONDS}")


def _respond(webp: bytes, etag: str, cache_control: str) -> BaseResponse:
    response = Response(webp, mimetype="image/webp", headers={"Cache-Control": cache_control})
    response.set_etag(etag)
    return response.make_conditional(request)
