"""What programs call: POST /submit, and the two probes for whoever watches over the server."""

import re
import time
from dataclasses import dataclass
from typing import TypeVar

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from rpf.errors import BadImage, RPFError, UnknownAttribute, UnknownCollection
from rpf.utils.paths import WORK_FOLDER
from webapp import errors, extensions
from webapp.engine_loader import NotStarted
from webapp.images import local, remote
from webapp.middleware.request_body import InvalidField, read_json, repeated

api = Blueprint("api", __name__)  # exempt from CSRF as a whole: /submit is the only route here that takes POST

DEFAULT_K, MAX_K = 50, 1000
KINDS: dict[type, str] = {str: "a text", bytes: "a file", bool: "true or false"}
FIELDS: dict[type[RPFError], str] = {
    local.Forbidden: "img_path",
    local.NotFound: "img_path",
    remote.Unfetchable: "img_path",
    UnknownAttribute: "attrs",
    UnknownCollection: "collection",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Ask:
    """A checked request; `image` is the path of a picture, or the picture."""

    image: str | bytes
    attrs: str
    k: int
    collection: str | None  # None: the default one
    lacking_last: bool


@api.post("/submit")
def submit() -> Response:
    """Rank a collection by likeness to a picture in the attributes named.

    Fields: `img_path` (or, in a form, the file `image`) and `attrs`; `k` (50), `collection` (the default one) and
    `lacking_last` (false): whether garments that lack the part of a named attribute come after those that have all, in
    the order of SearchEngine.search. The answer then has `lacks` too: for each id the attributes of which it has none.
    """
    began = time.perf_counter()
    holder = extensions.holder()
    settings = holder.settings
    ask = _ask()
    engine = holder.engine
    name = engine.default if ask.collection is None else ask.collection
    collection = engine.collection(name)
    weights = dict.fromkeys(collection.vocabulary.parse(ask.attrs), 1.0)
    image = ask.image
    if isinstance(image, str) and image.lower().startswith(("http://", "https://")):
        if not extensions.options().allow_urls:
            raise local.Forbidden("Addresses are not fetched here. Send the image itself, as image in a form.")
        image = remote.fetch(image)
    elif isinstance(image, str):
        image = local.read(image, (collection.root, WORK_FOLDER / "data", *settings.image_roots))
    if len(image) > local.MAX_BYTES:
        raise local.TooLarge(local.MAX_BYTES)
    results = engine.search(name, engine.embed(image, weights), weights, ask.k, lacking_last=ask.lacking_last)
    spent = time.perf_counter() - began
    holder.seconds.append(spent)
    return jsonify(
        ids=[hit.item.id for hit in results.hits],
        similarities=[round(hit.similarity, 6) for hit in results.hits],
        **({"lacks": [hit.lacks for hit in results.hits]} if ask.lacking_last else {}),
        retrieval_times=round(spent, 6),
    )


@api.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@api.get("/readyz")
def readyz() -> dict[str, str]:
    """Report that the default collection can be searched; 503 with the progress or the reason while it cannot."""
    engine = extensions.engine()
    try:
        engine.collection(engine.default)
    except RPFError as error:
        raise NotStarted(str(error)) from error
    return {"status": "ready"}


@api.errorhandler(RPFError)
def refuse(error: RPFError) -> Response:
    """The problem, with the field that it is about where there is one."""
    field = error.field if isinstance(error, InvalidField) else FIELDS.get(type(error))
    if isinstance(error, BadImage | local.TooLarge):
        field = "img_path" if request.mimetype == "application/json" else "image"
    return errors.explain(error, **({"errors": [{"field": field, "detail": str(error)}]} if field else {}))


def _ask() -> Ask:
    """Read and check the request."""
    if request.mimetype == "application/json":
        return _checked(read_json(), "img_path", str)
    if request.mimetype == "multipart/form-data":
        return _checked(_form(), "image", bytes)
    raise UnsupportedMediaType("Send application/json or multipart/form-data.")


def _form() -> dict[str, object]:
    """The form's fields with the types that JSON would give them; files as bytes."""
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


def _checked(body: dict[str, object], image: str, kind: type[str] | type[bytes]) -> Ask:
    """The request in `body`, whose picture is in the field `image` and of type `kind`."""
    known = (image, "attrs", "k", "collection", "lacking_last")
    for field in body:
        if field not in known:
            raise InvalidField(field, "There is no field %(field)s; there are %(known)s.", known=", ".join(known))
    whole = {"k": DEFAULT_K, "lacking_last": False, **body}
    return Ask(
        image=_field(whole, image, kind),
        attrs=_field(whole, "attrs", str),
        k=_count(whole["k"]),
        collection=_field(body, "collection", str) if "collection" in body else None,
        lacking_last=_field(whole, "lacking_last", bool),
    )


def _field(body: dict[str, object], field: str, kind: type[T]) -> T:
    if field not in body:
        raise InvalidField(field, "%(field)s is missing.")
    value = body[field]
    if not isinstance(value, kind):
        raise InvalidField(field, "%(field)s must be %(kind)s.", kind=KINDS[kind])
    return value


def _count(k: object) -> int:
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MAX_K:
        raise InvalidField("k", "%(field)s must be a whole number (not a text) from 1 to %(most)d.", most=MAX_K)
    return k
