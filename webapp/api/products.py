"""PUT and DELETE /api/v1/products/{id}."""

import hashlib

from flask import Response, request
from pydantic import ValidationError

from rpf.engine import SearchEngine
from rpf.ingest.product_writer import ProductWriter
from rpf.products.product import Product
from webapp import extensions
from webapp.api.access import current_key_id
from webapp.api.blueprint import bp, collection_argument, respond
from webapp.api.idempotency import once
from webapp.api.job_worker import MAX_LINE_BYTES, describe_problem
from webapp.api.product_schemas import DeleteResponse, PutResponse, UnreadPhoto
from webapp.middleware.request_body import InvalidField, parse_json, read_bytes

WRITE_WAIT_SECONDS = 5.0  # for another process that writes the collection; then 503 with Retry-After
TOO_LARGE = f"A product may have up to {MAX_LINE_BYTES // 2**20} MB of JSON."
PRODUCT_RULE = "/products/<path:product_id>"  # ids are the shop's, slashes included


@bp.put(PRODUCT_RULE, merge_slashes=False)
def put_product(product_id: str) -> Response:
    """Add a product, or replace the one with its id."""
    body = read_bytes(MAX_LINE_BYTES, TOO_LARGE)
    product = _parse(parse_json(body), product_id)
    refresh = request.args.get("refresh_photos", "false")
    if refresh not in ("true", "false"):
        raise InvalidField("refresh_photos", "%(field)s must be true or false.")
    name = collection_argument()

    def put() -> Response:
        with _open(name) as writer:
            (outcome,) = writer.put([product], lambda phase, done, total: None, refresh == "true")
        problems = [UnreadPhoto(source=one.source, detail=one.why) for one in outcome.problems]
        return respond(PutResponse(id=product_id, change=outcome.change, photos=outcome.photos, problems=problems))

    return once(extensions.answer_store, current_key_id(), hashlib.sha256(body).hexdigest(), put)


@bp.delete(PRODUCT_RULE, merge_slashes=False)
def delete_product(product_id: str) -> Response:
    """Delete a product, and photos that are no other product's."""
    name = collection_argument()

    def delete() -> Response:
        with _open(name) as writer:
            return respond(DeleteResponse(id=product_id, deleted=bool(writer.delete([product_id]))))

    return once(extensions.answer_store, current_key_id(), hashlib.sha256(b"").hexdigest(), delete)


def _open(name: str) -> ProductWriter:
    engine: SearchEngine = extensions.engine_loader.engine
    engine.collection(name)  # raises UnknownCollection, and CollectionError for another checkpoint
    return ProductWriter(engine.settings, name, engine.background_embedder, WRITE_WAIT_SECONDS)


def _parse(value: object, product_id: str) -> Product:
    """Return the product of a body, which may leave the id to the address. Raises InvalidField."""
    if not isinstance(value, dict):
        raise InvalidField("body", "The body is not a JSON object.")
    if value.setdefault("id", product_id) != product_id:
        raise InvalidField("id", "%(field)s must be that of the address, or be left out.")
    try:
        return Product.model_validate(value)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "body"
        raise InvalidField(field, "%(why)s", why=describe_problem(error)) from None
