"""POST /submit, and the probes /healthz and /readyz."""

import re

from flask import Blueprint, Response, request
from pydantic import ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from rpf.engine import SearchRequest
from rpf.errors import BadImage, RPFError, UnknownAttribute, UnknownCollection
from rpf.utils.paths import WORK_FOLDER
from webapp import errors, extensions, search_params
from webapp.engine_loader import StartFailed
from webapp.images import local, remote
from webapp.middleware.request_body import InvalidField, read_json, repeated
from webapp.schemas import MAX_K, SubmitPath, SubmitRequest, SubmitResponse, SubmitUpload

bp = Blueprint("submit", __name__)  # exempt from CSRF as a whole: /submit is the only route here that takes POST

FIELDS: dict[type[RPFError], str] = {
    local.Forbidden: "img_path",
    local.NotFound: "img_path",
    remote.Unfetchable: "img_path",
    UnknownAttribute: "attrs",
    UnknownCollection: "collection",
}
KINDS = {
    "image": "a file",
    "k": f"a whole number (not a text) from 1 to {MAX_K}",
    "lacking_last": "true or false",
}


@bp.post("/submit")
def submit() -> Response:
    """Rank a collection by similarity to an image in the named attributes. The OpenAPI document has the fields."""
    body = _read_request()
    engine = extensions.engine_loader.engine
    name = body.collection if "collection" in body.model_fields_set else engine.default
    collection = engine.collection(name)
    weights = dict.fromkeys(collection.vocabulary.parse(body.attrs), 1.0)
    image = body.image
    if isinstance(image, str) and image.lower().startswith(("http://", "https://")):
        if not extensions.site_config.allow_urls:
            raise local.Forbidden("Addresses are not fetched here. Send the image itself in the form field image.")
        image = remote.fetch(image)
    elif isinstance(image, str):
        roots = (collection.root, WORK_FOLDER / "data", *extensions.engine_loader.settings.image_roots)
        image = local.read(image, roots)
    if len(image) > local.MAX_UPLOAD_BYTES:
        raise local.TooLarge(local.MAX_UPLOAD_BYTES)
    query = engine.embed(image, weights)
    results, seconds = search_params.search(name, SearchRequest(query, weights, body.k))
    response = SubmitResponse(
        ids=[hit.item.id for hit in results.hits],
        similarities=[round(hit.similarity, 6) for hit in results.hits],
        lacks=[list(hit.missing) for hit in results.hits],
        retrieval_times=round(seconds, 6),
    )
    text = response.model_dump_json(exclude=None if body.lacking_last else {"lacks"})
    return Response(text + "\n", mimetype="application/json")


@bp.get("/healthz")
def healthz() -> dict[str, str]:
    """Report that the process answers."""
    return {"status": "ok"}


@bp.get("/readyz")
def readyz() -> dict[str, str]:
    """Report that the default collection can be searched; 503 with the progress or the reason while it cannot."""
    engine = extensions.engine_loader.engine
    try:
        engine.collection(engine.default)
    except RPFError as error:
        raise StartFailed(str(error)) from error
    return {"status": "ready"}


@bp.errorhandler(RPFError)
def name_field(error: RPFError) -> Response:
    """Respond with the problem, and the field that it is about where there is one."""
    field = error.field if isinstance(error, InvalidField) else FIELDS.get(type(error))
    if isinstance(error, BadImage | local.TooLarge):
        field = "img_path" if request.mimetype == "application/json" else "image"
    return errors.explain(error, **({"errors": [{"field": field, "detail": str(error)}]} if field else {}))


def _read_request() -> SubmitRequest:
    """Read and check the request's body. Raises InvalidField, UnsupportedMediaType."""
    if request.mimetype == "application/json":
        return _validate(SubmitPath, read_json())
    if request.mimetype == "multipart/form-data":
        return _validate(SubmitUpload, _read_form())
    raise UnsupportedMediaType("Send application/json or multipart/form-data.")


def _read_form() -> dict[str, object]:
    """Return the form's fields in the types that JSON would give them, files as bytes."""
    body: dict[str, object] = {}
    for field, value in (*request.form.items(multi=True), *request.files.items(multi=True)):
        if field in body:
            raise repeated(field)
        body[field] = value.read() if isinstance(value, FileStorage) else value
        if field == "k" and isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value):
            body[field] = int(value)
        if field == "lacking_last" and value in ("true", "false"):
            body[field] = value == "true"
    return body


def _validate(model: type[SubmitRequest], body: dict[str, object]) -> SubmitRequest:
    known = [field.alias or name for name, field in model.model_fields.items()]
    for key in body:  # before pydantic, which reports unknown fields last
        if key not in known:
            raise InvalidField(key, "There is no field %(field)s; there are %(known)s.", known=", ".join(known))
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = str(first["loc"][0])
        if first["type"] == "missing":
            raise InvalidField(field, "%(field)s is missing.") from None
        raise InvalidField(field, "%(field)s must be %(kind)s.", kind=KINDS.get(field, "a text")) from None
