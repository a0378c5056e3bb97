"""Pictures over HTTP, by item id or upload digest only; always encoded anew by us, so only WebP goes out."""

from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from webapp import extensions
from webapp.images.thumbnails import VERSION
from webapp.view_models import LARGE, SMALL

YEAR = 365 * 24 * 3600
HOUR = 3600

bp = Blueprint("pictures", __name__, url_prefix="/c/<name>")


@bp.get("/thumb/<int:item_id>")
def thumb(name: str, item_id: int) -> BaseResponse:
    """An item's picture for a card."""
    return _item(name, item_id, SMALL)


@bp.get("/image/<int:item_id>")
def image(name: str, item_id: int) -> BaseResponse:
    """An item's picture for a page of its own."""
    return _item(name, item_id, LARGE)


@bp.get("/upload/<digest>")
def upload(name: str, digest: str) -> BaseResponse:
    """The picture a person searched with. Made each time, because no copy may outlive the upload."""
    data = extensions.uploads().read(digest)
    response = Response(extensions.engine().thumbnail(data, LARGE), mimetype="image/webp")
    response.set_etag(f"{digest}-{LARGE}")
    response.cache_control.private = True
    response.cache_control.max_age = HOUR
    return response.make_conditional(request)


def _item(name: str, item_id: int, side: int) -> BaseResponse:
    engine = extensions.engine()
    collection = engine.collection(name)
    item = collection.item(item_id)
    if not item.sha256:
        raise NotFound
    source: Path = collection.image_path(item)
    data = extensions.thumbnails().get(item.sha256, side, lambda: engine.thumbnail(source, side))
    response = Response(data, mimetype="image/webp")
    response.set_etag(f"{item.sha256}-{side}-v{VERSION}")
    response.cache_control.max_age = YEAR
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response.make_conditional(request)
