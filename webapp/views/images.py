"""Images over HTTP, by item id or upload digest only; always re-encoded, so that only our own WebP goes out."""

from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from webapp import extensions
from webapp.images.thumbnails import VERSION
from webapp.view_models import LARGE_SIDE, THUMBNAIL_SIDE

YEAR_SECONDS = 365 * 24 * 3600
HOUR_SECONDS = 3600

bp = Blueprint("images", __name__, url_prefix="/c/<name>")


@bp.get("/thumb/<int:item_id>")
def thumbnail(name: str, item_id: int) -> BaseResponse:
    """Serve an item's image for a card."""
    return _serve_item(name, item_id, THUMBNAIL_SIDE)


@bp.get("/image/<int:item_id>")
def large(name: str, item_id: int) -> BaseResponse:
    """Serve an item's image for a page of its own."""
    return _serve_item(name, item_id, LARGE_SIDE)


@bp.get("/upload/<digest>")
def upload(name: str, digest: str) -> BaseResponse:
    """Serve an uploaded image, encoded for each request, because no copy may outlive the upload."""
    data = extensions.uploads().read(digest)
    response = Response(extensions.engine().thumbnail(data, LARGE_SIDE), mimetype="image/webp")
    response.set_etag(f"{digest}-{LARGE_SIDE}")
    response.cache_control.private = True
    response.cache_control.max_age = HOUR_SECONDS
    return response.make_conditional(request)


def _serve_item(name: str, item_id: int, side: int) -> BaseResponse:
    engine = extensions.engine()
    collection = engine.collection(name)
    item = collection.item(item_id)
    if not item.sha256:
        raise NotFound
    source: Path = collection.image_path(item)
    data = extensions.thumbnails().get(item.sha256, side, lambda: engine.thumbnail(source, side))
    response = Response(data, mimetype="image/webp")
    response.set_etag(f"{item.sha256}-{side}-v{VERSION}")
    response.cache_control.max_age = YEAR_SECONDS
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response.make_conditional(request)
