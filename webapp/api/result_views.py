"""Results and products as /api/v1 responds with them."""

from collections.abc import Sequence

from flask import url_for

from rpf.attributes import Vocabulary
from rpf.engine import Collection, Hit, Item, SearchEngine, SearchRequest
from rpf.products.table import ListedProduct
from webapp.api.product_schemas import ProductDetails, ProductPhoto, ProductVariant
from webapp.api.search_schemas import (
    ItemAddress,
    ResultProduct,
    ResultValue,
    SearchFacets,
    SearchFields,
    SearchResult,
    ValueCount,
)

DECIMALS = 6  # of similarities
PROBABILITY_DECIMALS = 4
MAX_DUPLICATES = 100  # of a product


def make_results(engine: SearchEngine, name: str, hits: Sequence[Hit], body: SearchFields) -> list[SearchResult]:
    """Convert a page of results."""
    with_product = "product" in body.fields
    products = engine.products(name, {hit.product.product for hit in hits if hit.product}) if with_product else {}
    vocabulary = engine.collection(name).vocabulary
    return [
        SearchResult(
            rank=hit.rank,
            similarity=round(hit.similarity, DECIMALS),
            similarities={key: round(similarity, DECIMALS) for key, similarity in hit.similarities.items()},
            missing=list(hit.missing),
            values=_values(vocabulary, hit, body.language),
            item=item_address(name, hit.item),
            product=_result_product(hit, products, by_colour=body.fold != "product"),
        )
        for hit in hits
    ]


def make_facets(engine: SearchEngine, name: str, request: SearchRequest, language: str) -> SearchFacets:
    """Count the results of a request by what they can be filtered by."""
    vocabulary = engine.collection(name).vocabulary
    facts = request.filters, request.products, request.fold
    return SearchFacets(
        filters={
            key: [
                ValueCount(value=value, name=vocabulary[key].value_name(value, language), count=count)
                for value, count in counts.items()
                if vocabulary[key].is_visible(value)
            ]
            for key, counts in engine.facets(name, *facts).items()
        },
        product_filters=engine.product_facets(name, *facts),
    )


def item_address(name: str, item: Item) -> ItemAddress:
    """Return an item with the addresses of its images, which change with the image."""

    def address(kind: str) -> str | None:
        if not item.sha256:  # imported without its image
            return None
        return url_for("images.item", name=name, kind=kind, item_id=item.id, v=item.sha256[:8], _external=True)

    return ItemAddress(
        id=item.id, width=item.width, height=item.height, thumbnail=address("thumb"), image=address("image")
    )


def product_details(collection: Collection, listed: ListedProduct, see_all: bool) -> ProductDetails:
    """Return a product with its variants and photos. see_all: with what the shop may keep to itself."""
    product = listed.product
    items = collection.live_items(listed.items.values())
    return ProductDetails(
        id=product.id,
        title=product.title,
        url=product.url,
        categories=[list(path) for path in product.categories],
        price=None if product.price is None else float(product.price),
        currency=product.currency,
        available=product.available,
        columns=dict(product.columns) if see_all else None,
        variants=[ProductVariant.of(variant, see_all) for variant in product.variants],
        photos=[
            ProductPhoto(
                colour=photo.colour,
                source=photo.source if see_all else None,
                item=item_address(collection.name, items[item_id]) if item_id in items else None,
            )
            for photo in product.photos
            for item_id in [listed.items.get(photo.source, -1)]
        ],
    )


def _values(vocabulary: Vocabulary, hit: Hit, language: str) -> dict[str, ResultValue]:
    return {
        key: ResultValue(
            value=one.value,
            name=vocabulary[key].value_name(one.value, language),
            probability=round(one.probability, PROBABILITY_DECIMALS),
        )
        for key, one in hit.values.items()
        if vocabulary[key].is_visible(one.value)
    }


def _result_product(hit: Hit, products: dict[str, ListedProduct], by_colour: bool) -> ResultProduct | None:
    group = hit.product
    if group is None or group.product not in products:  # deleted meanwhile
        return None
    product = products[group.product].product
    colour = group.colour if by_colour else ""
    offer = product.offer(colour)
    price = offer.low if colour or product.price is None else product.price
    return ResultProduct(
        id=product.id,
        title=product.title,
        url=product.url,
        price=None if price is None else float(price),
        currency=product.currency,
        available=offer.available,
        colour=group.colour,
        colours=group.colours,
        photos=group.photos,
        duplicates=list(group.duplicates[:MAX_DUPLICATES]),
    )
