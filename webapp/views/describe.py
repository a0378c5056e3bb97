"""POST /describe: presence and values of an image."""

import hashlib

from flask import Blueprint, Response

from rpf.engine import Crop
from rpf.errors import RPFError
from webapp import extensions
from webapp.api_body import name_field, read_body, read_image
from webapp.schemas import (
    DescribedAttribute,
    DescribedGarment,
    DescribePath,
    DescribeRequest,
    DescribeResponse,
    DescribeUpload,
    GarmentBox,
)

DECIMALS = 4

bp = Blueprint("describe", __name__)  # exempt from CSRF as a whole
bp.register_error_handler(RPFError, name_field)


@bp.post("/describe")
def describe() -> Response:
    """Describe an image in every attribute of the model. The OpenAPI document has the fields."""
    body: DescribeRequest = read_body(DescribePath, DescribeUpload)
    engine = extensions.engine_loader.engine
    chosen = body.collection if isinstance(body, DescribePath) and "collection" in body.model_fields_set else None
    data = read_image(body.image, engine.default if chosen is None else chosen)
    response = describe_image(data, body.as_crop(), body.language)
    return Response(response.model_dump_json() + "\n", mimetype="application/json")


def describe_image(data: bytes, crop: Crop, language: str) -> DescribeResponse:
    """Describe the crop of an image, and find the garments in the whole. Raises as `embed`."""
    engine, digest = extensions.engine_loader.engine, hashlib.sha256(data).hexdigest()
    attributes = {}
    for key, described in engine.describe(engine.embed(data, digest=digest, crop=crop)).items():
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
    garments = []
    for kind, (left, top, right, bottom), probability in engine.find_garments(data, digest, crop.turn):
        sides = {"left": left, "top": top, "width": right - left, "height": bottom - top}
        box = GarmentBox(**{side: round(share, DECIMALS) for side, share in sides.items()})
        garments.append(DescribedGarment(kind=kind, box=box, probability=round(probability, DECIMALS)))
    return DescribeResponse(attributes=attributes, garments=garments)
