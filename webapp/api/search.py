"""POST /api/v1/search and POST /api/v1/describe."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask import Response, g

from rpf.attributes import Vocabulary
from rpf.engine import Example, Query, SearchRequest, pinned_collections
from rpf.errors import UnknownAttribute, UnusableValue
from rpf.products.filters import ProductFilter
from webapp import extensions, search_params
from webapp.api.blueprint import bp, choose_collection, respond
from webapp.api.result_views import make_facets, make_results
from webapp.api.search_schemas import (
    DescribeByReference,
    DescribeByUpload,
    DescribeFields,
    FurtherPicture,
    ProductFilters,
    SearchByReference,
    SearchByUpload,
    SearchFields,
    SearchResponse,
)
from webapp.api_body import read_body, read_image
from webapp.middleware.request_body import InvalidField
from webapp.product_views import first_photo, result_id
from webapp.views.describe import describe_image
from webapp.wanted_values import read_filters, read_values

REFERENCES = ("img_path", "image_url", "item", "product")  # of an image, of which a search has one at most


@bp.post("/search")
def search() -> Response:
    """Search; the OpenAPI document has the fields."""
    body: SearchFields = read_body(SearchByReference, SearchByUpload)
    engine = extensions.engine_loader.engine
    name = choose_collection(body.collection)
    vocabulary = engine.collection(name).vocabulary
    weights, changes = _read_attributes(body, vocabulary)
    keys = [key for key in weights if key not in changes] or None
    query = _query(body, name, keys)
    others: list[Example] = []
    if query is not None:
        others = _further_pictures(body, name, vocabulary, keys)
        query = engine.combine(query, others)
    elif body.also or body.unlike:
        raise InvalidField("also" if body.also else "unlike", "%(field)s needs an image to go with.")
    if not weights and query is None:
        raise InvalidField("attributes", "Name attributes with an image, or wanted values.")
    wanted = SearchRequest(
        query,
        weights or dict.fromkeys(vocabulary.keys, 1.0),
        body.limit,
        body.offset,
        changes=changes,
        filters=read_filters(vocabulary, body.filters, body.minimal),
        products=_product_filter(body.product_filters),
        fold=body.fold,
        excluded=frozenset(other.query.item_id for other in others if other.away and other.query.item_id is not None),
    )
    started = time.time()
    query_id = body.query_id or uuid4()
    try:
        with pinned_collections():
            results, seconds = search_params.search(name, wanted)
            response = SearchResponse(
                query_id=query_id,
                total=results.total,
                seconds=round(seconds, 6),
                results=make_results(engine, name, results.hits, body),
                facets=make_facets(engine, name, wanted, body.language) if body.facets else None,
            )
    except UnusableValue as error:
        raise InvalidField("values" if body.values else "attributes", error.template, **error.params) from error
    ids = [result_id(hit) for hit in results.hits]
    extensions.event_log.record_query(query_id, started, name, wanted.keys, ids, body.offset)
    included: dict[str, Any] = dict.fromkeys(("query_id", "total", "seconds"), True)
    included |= {"results": {"__all__": set(body.fields)}, **({"facets": True} if body.facets else {})}
    return Response(response.model_dump_json(include=included) + "\n", mimetype="application/json")


@bp.post("/describe")
def describe() -> Response:
    """Describe an image in every attribute of the model."""
    body: DescribeFields = read_body(DescribeByReference, DescribeByUpload)
    if isinstance(body, DescribeByReference):
        field = _one_reference(body)
        if field is None:
            raise InvalidField("img_path", "%(field)s or image_url is missing.")
        data = _read(field, getattr(body, field), choose_collection(body.collection))
    else:
        assert isinstance(body, DescribeByUpload)
        data = _read("image", body.image, "")
    return respond(describe_image(data, body.as_crop(), body.language))


def _read_attributes(body: SearchFields, vocabulary: Vocabulary) -> tuple[dict[str, float], dict[str, int]]:
    """Return the weight of each attribute, and the wanted values. Raises InvalidField."""
    weights, changes = dict[str, float](), dict[str, int]()
    given = {body.attributes: 1.0} if isinstance(body.attributes, str) else body.attributes
    pairs = given.items() if isinstance(given, Mapping) else [(text, 1.0) for text in given]
    for text, weight in pairs:
        try:
            parsed = vocabulary.parse(text)
        except UnknownAttribute as error:
            raise InvalidField("attributes", error.template, **error.params) from error
        for key, value in parsed.items():
            weights[key] = weight
            if value is not None:
                changes[key] = value
    changes |= read_values(vocabulary, body.values)
    weights = {**dict.fromkeys(changes, 1.0), **weights}
    if weights and not any(weights.values()):
        raise InvalidField("attributes", "All weights are 0. Raise one.")
    return weights, changes


def _further_pictures(body: SearchFields, name: str, vocabulary: Vocabulary, wanted: list[str] | None) -> list[Example]:
    """Embed the further pictures of a search for the wanted attributes.

    Raises InvalidField where one names no image, or an unknown attribute.
    """
    examples = []
    for field, pictures in (("also", body.also), ("unlike", body.unlike)):
        for picture in pictures:
            query = _query(picture, name, wanted)
            if query is None:
                raise InvalidField(field, "%(field)s names no image; give each item, product, img_path or image_url.")
            try:
                keys = [key for text in picture.attributes for key in vocabulary.parse(text)]
            except UnknownAttribute as error:
                raise InvalidField(field, error.template, **error.params) from error
            examples.append(Example(query, keys, field == "unlike"))
    return examples


def _query(body: SearchFields | FurtherPicture, name: str, keys: list[str] | None) -> Query | None:
    """Make the query that a request names, embedded for `keys`, all if None; None for a search by values alone."""
    engine, crop = extensions.engine_loader.engine, body.as_crop()
    if isinstance(body, SearchByUpload):
        return engine.embed(_read("image", body.image, name), keys, crop=crop)
    field = _one_reference(body)
    if field in ("img_path", "image_url"):
        return engine.embed(_read(field, getattr(body, field), name), keys, crop=crop)
    if field == "item":
        return engine.query_item(name, getattr(body, field), crop)
    return engine.query_item(name, first_photo(name, getattr(body, field)), crop) if field else None


def _one_reference(body: SearchFields | FurtherPicture | DescribeFields) -> str | None:
    """Return the field that names the image; None where there is none. Raises InvalidField for two."""
    given = {field for field in body.model_fields_set if getattr(body, field) is not None}
    fields = [field for field in REFERENCES if field in given]
    if len(fields) > 1:
        raise InvalidField(fields[1], "Give one image: %(first)s or %(field)s.", first=fields[0])
    return fields[0] if fields else None


def _read(field: str, image: str | bytes, name: str) -> bytes:
    """Return the bytes of an image. Raises as `read_image`, and InvalidField for an address that is none."""
    g.image_field = field
    is_address = isinstance(image, str) and image.lower().startswith(("http://", "https://"))
    if is_address != (field == "image_url"):
        if field == "image_url":
            raise InvalidField(field, "%(field)s must be an http or https address.")
        if is_address:
            raise InvalidField(field, "%(field)s must be a path; give an address as image_url.")
    return read_image(image, name)


def _product_filter(fields: ProductFilters) -> ProductFilter:
    """Convert the filters of products. Raises QueryError."""
    facets = {name: frozenset(values) for name, values in fields.facets.items()}
    return ProductFilter(fields.price.low, fields.price.high, fields.available, facets)
