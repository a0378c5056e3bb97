"""The blueprint of /api/v1, its errors, and what its views have in common."""

from flask import Blueprint, Response, g, request
from pydantic import BaseModel

from rpf.errors import (
    BadImage,
    OutOfReach,
    RPFError,
    TooLarge,
    UnknownAttribute,
    UnknownCollection,
    UnknownItem,
    UnusableFilter,
)
from rpf.utils.remote import Unfetchable
from webapp import errors, extensions
from webapp.api.access import OTHER_COLLECTION, allows_collection, protect
from webapp.images import local
from webapp.middleware.request_body import InvalidField

PREFIX = "/api/v1"

bp = Blueprint("v1", __name__, url_prefix=PREFIX)  # exempt from CSRF as a whole: it knows no cookie
protect(bp)
_FIELDS: dict[type[RPFError], str] = {
    UnknownAttribute: "attributes",
    UnknownCollection: "collection",
    UnusableFilter: "filters",
    UnknownItem: "item",
}
_IMAGE_ERRORS = (BadImage, TooLarge, Unfetchable, local.Forbidden, local.NotFound)


@bp.errorhandler(RPFError)
def explain(error: RPFError) -> Response:
    """Respond with the problem, and the field that it is about where there is one."""
    field = error.field if isinstance(error, InvalidField) else _FIELDS.get(type(error))
    if isinstance(error, _IMAGE_ERRORS):
        field = g.get("image_field")
    return errors.explain(error, **({"errors": [{"field": field, "detail": str(error)}]} if field else {}))


def choose_collection(name: str) -> str:
    """Return the collection of a request, "" for the default one. Raises OutOfReach for one of other keys."""
    chosen = name or extensions.engine_loader.engine.default
    if not allows_collection(chosen):
        raise OutOfReach(OTHER_COLLECTION)
    return chosen


def collection_argument() -> str:
    """Return the collection that the address names, as `choose_collection`."""
    return choose_collection(request.args.get("collection", ""))


def respond(body: BaseModel, status: int = 200, **options: bool) -> Response:
    """Respond with a model as JSON. options: those of model_dump_json."""
    return Response(body.model_dump_json(**options) + "\n", status, mimetype="application/json")  # type: ignore[arg-type]
