"""Place of an item's or a product's page among the results that it was opened from, kept in its address."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import request, url_for

from rpf.engine import Hit, ListedProduct
from rpf.errors import RPFError
from rpf.products.table import CATEGORY
from webapp import extensions, product_views
from webapp.paging import Page
from webapp.search_params import SearchParams

MAX_RANK = 10**6


@dataclass(frozen=True)
class Place:
    """Addresses of the results, and of what is before and after in them."""

    results: str
    before: str | None
    after: str | None
    name: str  # of the collection
    params: SearchParams

    def in_category(self, category: str) -> str:
        """Return the address of the results in a category alone."""
        return url_for("results.ranked", name=self.name, **self.params.args_with_facet(CATEGORY, category))


def hit_address(name: str, hit: Hit, params: SearchParams, listed: object) -> str:
    """Return the address of a result's page: its product's where that is listed, else its item's."""
    args = {**params.args(), **Page.read().args, "rank": hit.rank}
    if listed and hit.product:
        return url_for("search.product", name=name, product_id=hit.product.product, photo=hit.item.id, **args)
    return url_for("search.item", name=name, item_id=hit.item.id, **args)


def find_place(name: str) -> Place | None:
    """Find the place that the request's address names; None where it names none, or the search cannot be run."""
    rank = request.args.get("rank", 0, type=int)
    if not 1 <= rank <= MAX_RANK:
        return None
    engine = extensions.engine_loader.engine
    try:
        params = SearchParams.parse(request.args, engine.collection(name).vocabulary)
        hits = engine.search(name, params.request(params.query(name), 3, max(0, rank - 2))).hits
    except RPFError:  # such as an expired photo
        return None
    products: Mapping[str, ListedProduct] = product_views.products_of(name, hits)
    near = {hit.rank: hit_address(name, hit, params, hit.product and products.get(hit.product.product)) for hit in hits}
    page = Page.read()
    number = (rank - 1) // page.size + 1
    args = {**params.args(), **page.args, "page": number if number > 1 else None}
    results = url_for("results.ranked", name=name, **args, _anchor=f"rank-{rank}")
    return Place(results, near.get(rank - 1), near.get(rank + 1), name, params)
