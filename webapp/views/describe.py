"""POST /describe: presence and values of an image."""

from flask import Blueprint, Response

from rpf.engine import Query, SearchEngine
from rpf.errors import RPFError
from webapp import extensions
from webapp.api_body import name_field, read_body, read_image
from webapp.schemas import DescribedAttribute, DescribePath, DescribeRequest, DescribeResponse, DescribeUpload

bp = Blueprint("describe", __name__)  # exempt from CSRF as a whole
bp.register_error_handler(RPFError, name_field)


@bp.post("/describe")
def describe() -> Response:
    """Describe an image in every attribute of the model. The OpenAPI document has the fields."""
    body: DescribeRequest = read_body(DescribePath, DescribeUpload)
    engine = extensions.engine_loader.engine
    chosen = body.collection if isinstance(body, DescribePath) and "collection" in body.model_fields_set else None
    query = engine.embed(read_image(body.image, engine.default if chosen is None else chosen), crop=body.as_crop())
    response = describe_query(engine, query, body.language)
    return Response(response.model_dump_json() + "\n", mimetype="application/json")


def describe_query(engine: SearchEngine, query: Query, language: str) -> DescribeResponse:
    """Describe an image that was embedded for all attributes, with names in a language."""
    attributes = {}
    for key, described in engine.describe(query).items():
        attribute, rounded = engine.vocabulary[key], described.rounded()
        values = {attribute.value_name(at, language): share for at, share in rounded.values.items()}
        attributes[key] = DescribedAttribute(
            name=attribute.name(language),
            presence=rounded.presence,
            value=rounded.value,
            value_name=None if rounded.value is None else attribute.value_name(rounded.value, language),
            probability=rounded.probability,
            values=values or None,
        )
    return DescribeResponse(attributes=attributes)
