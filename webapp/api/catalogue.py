"""GET /api/v1/products/{id}, /collections and /attributes."""

from flask import Response, request

from rpf.attributes import LANGUAGES
from rpf.engine import SearchEngine
from rpf.errors import UnknownProduct
from webapp import extensions
from webapp.api.access import allows_collection, may_see_all
from webapp.api.blueprint import bp, collection_argument, respond
from webapp.api.product_schemas import (
    AttributeList,
    AttributeSummary,
    AttributeValue,
    CollectionList,
    CollectionSummary,
)
from webapp.api.products import PRODUCT_RULE
from webapp.api.result_views import product_details
from webapp.api.search_schemas import PriceRange
from webapp.middleware.request_body import InvalidField


@bp.get(PRODUCT_RULE, merge_slashes=False)
def get_product(product_id: str) -> Response:
    """Return a product with its variants and photos."""
    engine, name = extensions.engine_loader.engine, collection_argument()
    collection = engine.collection(name)
    listed = engine.products(name, [product_id]).get(product_id)
    if listed is None:
        raise UnknownProduct('There is no product "%(id)s" in the collection %(name)s.', id=product_id, name=name)
    return respond(product_details(collection, listed, may_see_all()))


@bp.get("/collections")
def get_collections() -> Response:
    """List the collections that the key is for."""
    engine = extensions.engine_loader.engine
    names = [name for name in engine.names() if allows_collection(name)]
    return respond(CollectionList(collections=[_summarise(engine, name) for name in names]))


@bp.get("/attributes")
def get_attributes() -> Response:
    """List the attributes of a collection, with their values, in a language."""
    language = request.args.get("language", "en")
    if language not in LANGUAGES:
        raise InvalidField("language", "%(field)s must be one of %(known)s.", known=", ".join(LANGUAGES))
    engine, name = extensions.engine_loader.engine, collection_argument()
    return respond(
        AttributeList(
            attributes=[
                AttributeSummary(
                    key=one.key,
                    name=one.name(language),
                    values=[
                        AttributeValue(
                            value=value,
                            name=one.value_name(value, language),
                            searchable=value in engine.wanted_values.get(one.key, ()),
                        )
                        for value, _ in one.wanted_names()
                    ],
                )
                for one in engine.collection(name).vocabulary
            ]
        )
    )


def _summarise(engine: SearchEngine, name: str) -> CollectionSummary:
    collection, products = engine.collection(name), engine.product_summary(name)
    return CollectionSummary(
        name=name,
        title=collection.manifest.spec.title,
        items=len(collection),
        products=products.products if products else 0,
        prices={
            currency: PriceRange(low=low, high=high) for currency, (low, high) in engine.price_ranges(name).items()
        },
        default=name == engine.default,
        attributes=list(collection.vocabulary.keys),
    )
