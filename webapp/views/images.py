"""Images over HTTP, by item id or upload digest only; always re-encoded, so that only our own WebP goes out."""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import HEAT_SIDE, HEAT_VERSION, WHOLE, Crop
from rpf.errors import QueryError
from webapp import extensions
from webapp.images.thumbnails import VERSION
from webapp.middleware.security_headers import YEAR_SECONDS
from webapp.pictures import Picture
from webapp.view_models import FRAMES, SIDES

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
    crop, frame = _read_turn(), request.args.get("frame", "")
    if frame and frame not in FRAMES:
        raise NotFound
    if crop.turn:  # of a query only
        data = engine.thumbnail(source, side, crop)
    else:
        data = extensions.thumbnails.get(
            item.sha256, side, lambda: engine.thumbnail(source, side, ratio=FRAMES.get(frame)), frame
        )
    cache_control = f"public, max-age={YEAR_SECONDS}, immutable"
    return _respond(data, f"{item.sha256}-{side}-{crop.turn}-{frame}-v{VERSION}", cache_control)


@bp.get("/upload/<digest>")
def upload(name: str, digest: str) -> BaseResponse:
    """Serve an uploaded image, encoded for each request, because no copy may outlive the upload."""
    data, crop = extensions.uploads.read(digest), _read_turn()
    webp = extensions.engine_loader.engine.thumbnail(data, SIDES["image"], crop)
    return _respond(webp, f"{digest}-{SIDES['image']}-{crop.turn}", f"private, max-age={HOUR_SECONDS}")


@bp.get("/heat")
def heat(name: str) -> BaseResponse:
    """Serve where the model looks in a picture; that of a whole item is computed once."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    try:
        picture = Picture.parse(request.args)
    except QueryError as error:
        raise NotFound from error
    if picture is None:
        raise NotFound
    if picture.item is None:
        assert picture.upload is not None
        data = extensions.uploads.read(picture.upload)
        webp = engine.heat(data, picture.upload, picture.crop)
        return _respond(webp, f"{picture.upload}-heat-{picture.crop}", f"private, max-age={HOUR_SECONDS}")
    item = collection.item(picture.item)
    if not item.sha256:
        raise NotFound
    source = collection.image_path(item)
    facts = f"{item.sha256} {engine.model.checkpoint_hash} {HEAT_VERSION} {picture.crop}"
    key = hashlib.sha256(facts.encode()).hexdigest()
    if picture.crop == WHOLE:
        webp = extensions.thumbnails.get(key, HEAT_SIDE, lambda: engine.heat(source, item.sha256))
    else:
        webp = engine.heat(source, item.sha256, picture.crop)
    return _respond(webp, key, f"public, max-age={YEAR_SECONDS}, immutable")


def _read_turn() -> Crop:
    """Read how the image is to be turned. Raises NotFound."""
    try:
        return Crop.parse("", request.args.get("turn", "0"))
    except QueryError as error:
        raise NotFound from error


def _respond(webp: bytes, etag: str, cache_control: str) -> BaseResponse:
    response = Response(webp, mimetype="image/webp", headers={"Cache-Control": cache_control})
    response.set_etag(etag)
    return response.make_conditional(request)
