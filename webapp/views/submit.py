"""POST /submit, and the probes /healthz and /readyz."""

from flask import Blueprint, Response

from rpf.attributes import Vocabulary
from rpf.engine import SearchRequest
from rpf.errors import RPFError, UnusableValue
from webapp import extensions, search_params
from webapp.api_body import image_field, name_field, read_body, read_image
from webapp.engine_loader import StartFailed
from webapp.middleware.request_body import InvalidField
from webapp.schemas import SubmitPath, SubmitRequest, SubmitResponse, SubmitUpload
from webapp.wanted_values import read_filters, read_values

bp = Blueprint("submit", __name__)  # exempt from CSRF as a whole: /submit is the only route here that takes POST
bp.register_error_handler(RPFError, name_field)


@bp.post("/submit")
def submit() -> Response:
    """Rank a collection by similarity to an image in the named attributes. The OpenAPI document has the fields."""
    body: SubmitRequest = read_body(SubmitPath, SubmitUpload)
    if not body.model_fields_set & {"attrs", "values"}:
        raise InvalidField("attrs" if "image" in body.model_fields_set else image_field(), "%(field)s is missing.")
    engine = extensions.engine_loader.engine
    name = body.collection if "collection" in body.model_fields_set else engine.default
    vocabulary = engine.collection(name).vocabulary
    wanted = _read_attributes(body, vocabulary)
    changes = {key: value for key, value in wanted.items() if value is not None}
    filters = read_filters(vocabulary, body.filters, body.minimal)
    query = None
    if "image" in body.model_fields_set:
        keys = [key for key in wanted if key not in changes]
        query = engine.embed(read_image(body.image, name), keys, crop=body.as_crop())
    request = SearchRequest(query, dict.fromkeys(wanted, 1.0), body.k, changes=changes, filters=filters)
    try:
        results, seconds = search_params.search(name, request)
    except UnusableValue as error:
        raise InvalidField("values" if body.values else "attrs", error.template, **error.params) from error
    response = SubmitResponse(
        ids=[hit.item.id for hit in results.hits],
        similarities=[round(hit.similarity, 6) for hit in results.hits],
        lacks=[list(hit.missing) for hit in results.hits],
        retrieval_times=round(seconds, 6),
    )
    text = response.model_dump_json(exclude=None if body.lacking_last else {"lacks"})
    return Response(text + "\n", mimetype="application/json")


def _read_attributes(body: SubmitRequest, vocabulary: Vocabulary) -> dict[str, int | None]:
    """Return the chosen attributes, each with its wanted value or None; those in `values` go before those in `attrs`.

    Raises InvalidField where there is no image for an attribute without a wanted value.
    """
    wanted = vocabulary.parse(body.attrs) if body.attrs or not body.values else {}
    wanted |= read_values(vocabulary, body.values)
    if "image" not in body.model_fields_set and (without := [key for key, value in wanted.items() if value is None]):
        raise InvalidField(
            image_field(), "%(field)s is missing; without it, %(keys)s must have a wanted value.",
            keys=", ".join(without),
        )  # fmt: skip
    return wanted


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
