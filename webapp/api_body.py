"""Requests of the JSON API: bodies as JSON or forms, the image in them, and errors that name the field at fault."""

import json
import re
from collections.abc import Mapping
from typing import TypeVar

from flask import Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from rpf.attributes import LANGUAGES
from rpf.errors import BadImage, RPFError, TooLarge, UnknownAttribute, UnknownCollection, UnusableFilter
from rpf.utils import remote
from rpf.utils.paths import WORK_FOLDER
from webapp import errors, extensions
from webapp.images import local
from webapp.middleware.request_body import InvalidField, read_json, repeated, unique_keys
from webapp.schemas import MAX_K

FIELDS: Mapping[type[RPFError], str] = {
    local.Forbidden: "img_path",
    local.NotFound: "img_path",
    remote.Unfetchable: "img_path",
    UnknownAttribute: "attrs",
    UnknownCollection: "collection",
    UnusableFilter: "filters",
}
KINDS = {
    "image": "a file",
    "k": f"a whole number (not a text) from 1 to {MAX_K}",
    "lacking_last": "true or false",
    "values": 'an object of attributes and values, such as {"sleeve_length": "long"}',
    "filters": 'an object of attributes and values, such as {"sleeve_length": ["long", "short"]}',
    "minimal": "a number from 0 to 1",
    "language": f"one of {', '.join(LANGUAGES)}",
    "attributes": 'a list of names, or an object of names and weights from 0 to 3, such as {"sleeve_length": 2}',
    "product_filters": 'an object such as {"price": {"low": 10}, "available": true, "facets": {"size": ["M"]}}',
    "fold": "one of photo, colour, product",
    "offset": "a whole number from 0 to 9999",
    "limit": f"a whole number (not a text) from 1 to {MAX_K}",
    "fields": "a list of names of result fields",
    "facets": "true or false",
    "item": "the id of an item, a whole number",
    "query_id": "the query_id of an earlier response",
    "turn": "0, 90, 180 or 270 (a number)",
    "also": 'a list of pictures such as {"item": 12, "attributes": ["sleeve length"]}, up to 4',
    "unlike": 'a list of pictures such as {"item": 12}, up to 5',
}
AS_JSON = (  # which a form has as JSON text
    "values", "filters", "attributes", "product_filters", "offset", "limit", "fields", "facets",
    "turn", "also", "unlike",
)  # fmt: skip

Body = TypeVar("Body", bound=BaseModel)


def read_body(as_json: type[Body], as_form: type[Body]) -> Body:
    """Read and check the request's body by the model of its content type. Raises InvalidField, UnsupportedMediaType."""
    if request.mimetype == "application/json":
        return _validate(as_json, read_json())
    if request.mimetype == "multipart/form-data":
        return _validate(as_form, _read_form())
    raise UnsupportedMediaType("Send application/json or multipart/form-data.")


def image_field() -> str:
    """Return the name of the field that has the image."""
    return "img_path" if request.mimetype == "application/json" else "image"


def read_image(image: str | bytes, collection: str) -> bytes:
    """Return the bytes of an upload, of a path that may be read, or of an address that may be fetched.

    collection: whose image folder a path may be relative to. Raises Forbidden, NotFound, TooLarge, Unfetchable; for a
    path, UnknownCollection and CollectionError too.
    """
    if isinstance(image, str) and image.lower().startswith(("http://", "https://")):
        if not extensions.site_config.allow_urls:
            raise local.Forbidden("Addresses are not fetched here. Send the image itself in the form field image.")
        image = remote.fetch(image, local.MAX_UPLOAD_BYTES, extensions.engine_loader.settings.image_hosts)
    elif isinstance(image, str):
        loader = extensions.engine_loader
        root = loader.engine.collection(collection).root
        image = local.read(image, (root, WORK_FOLDER / "data", *loader.settings.image_roots))
    if len(image) > local.MAX_UPLOAD_BYTES:
        raise TooLarge(local.MAX_UPLOAD_BYTES)
    return image


def name_field(error: RPFError) -> Response:
    """Respond with the problem, and the field that it is about where there is one."""
    field = error.field if isinstance(error, InvalidField) else FIELDS.get(type(error))
    if isinstance(error, BadImage | TooLarge):
        field = image_field()
    return errors.explain(error, **({"errors": [{"field": field, "detail": str(error)}]} if field else {}))


def _read_form() -> dict[str, object]:
    """Return the form's fields in the types that JSON would give them, files as bytes."""
    body: dict[str, object] = {}
    for field, value in (*request.form.items(multi=True), *request.files.items(multi=True)):
        if field in body:
            raise repeated(field)
        body[field] = value.read() if isinstance(value, FileStorage) else _typed(field, str(value))
    return body


def _typed(field: str, text: str) -> object:
    """Return a text as a number, a boolean or an object where the field wants one, and it is one."""
    if field == "k" and re.fullmatch("[0-9]{1,9}", text):
        return int(text)
    if field == "lacking_last" and text in ("true", "false"):
        return text == "true"
    if field == "minimal" and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    if field in AS_JSON:
        try:
            return json.loads(text, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError):
            return text
    return text


def _validate(model: type[Body], body: dict[str, object]) -> Body:
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
