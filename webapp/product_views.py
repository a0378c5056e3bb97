"""Products as the pages show them: cards, prices, filters, and the page of one product."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from flask_babel import format_currency, format_decimal, gettext
from markupsafe import Markup

from rpf.engine import Hit, Item, ListedProduct
from rpf.errors import QueryError, UnknownProduct
from rpf.products.table import CATEGORY, COLOUR, LEVELS, SIZE
from webapp import extensions
from webapp.i18n import N_
from webapp.search_params import SearchParams

FACET_NAMES = {CATEGORY: N_("Category"), COLOUR: N_("Colour"), SIZE: N_("Size")}
COLUMN_NAMES = (  # of feeds, of which there are translations
    N_("Activity"), N_("Age group"), N_("Brand"), N_("Climate"), N_("Collection"), N_("Condition"), N_("Fabric"),
    N_("Features"), N_("Fit"), N_("Gender"), N_("Manufacturer"), N_("Material"), N_("Occasion"), N_("Pattern"),
    N_("Product type"), N_("Season"), N_("Style"), N_("Tags"), N_("Type"), N_("Vendor"),
)  # fmt: skip
DESCRIPTIONS = ("description", "body (html)", "body html", "short_description", "short description", "summary")
MAX_OPTIONS = 200  # of a facet on a page
MAX_DUPLICATES = 20  # on the page of a product


@dataclass(frozen=True)
class FacetOption:
    """A value of a product filter, with the number of results that have it."""

    value: str
    label: str
    depth: int  # of a category below its first level
    count: int
    chosen: bool


@dataclass(frozen=True)
class ProductFacet:
    """A product filter with its values."""

    name: str
    label: str
    options: list[FacetOption]


def shop_facts(name: str) -> dict[str, object]:
    """Return what a page of results has to know of a collection's products."""
    engine = extensions.engine_loader.engine
    summary = engine.product_summary(name)
    return {
        "has_products": summary is not None,
        "has_copies": engine.collection(name).duplicate_groups is not None,
        "prices": summary and summary.prices,
        "has_stock": bool(summary and summary.knows_stock),
    }


def has_colours(name: str) -> bool:
    """Tell whether the results of a collection can be filtered by colour."""
    return any(facet.name == COLOUR for facet in product_facets(name, SearchParams(None, {})))


def products_of(name: str, hits: Iterable[Hit]) -> dict[str, ListedProduct]:
    """Return the products of a page of results, by id."""
    return extensions.engine_loader.engine.products(name, {hit.product.product for hit in hits if hit.product})


def result_id(hit: Hit) -> str:
    """Return the id by which events name a result: the product's, or the item's where it has no product."""
    return hit.product.product if hit.product else str(hit.item.id)


def first_photo(name: str, product_id: str) -> int:
    """Return the item of a product's first photo. Raises UnknownProduct, and QueryError where it has none."""
    listed = extensions.engine_loader.engine.products(name, [product_id]).get(product_id)
    if listed is None:
        raise UnknownProduct('There is no product "%(id)s" in the collection %(name)s.', id=product_id, name=name)
    if not listed.items:
        raise QueryError('The product "%(id)s" has no photo to search by.', id=product_id)
    return next(iter(listed.items.values()))


def product_facets(name: str, params: SearchParams) -> list[ProductFacet]:
    """Return the product filters of a collection that have any choice to offer."""
    engine = extensions.engine_loader.engine
    counts = engine.product_facets(name, params.value_filters, params.products, params.fold)
    known = [*FACET_NAMES, *sorted(facet for facet in counts if facet not in FACET_NAMES)]
    facets = []
    for facet in known:
        chosen = params.products.facets.get(facet, frozenset())
        of_facet = dict.fromkeys(chosen, 0) | counts.get(facet, {})
        if len(of_facet) > 1 or chosen:
            options = [_option(facet, value, count, value in chosen) for value, count in sorted(of_facet.items())]
            facets.append(ProductFacet(facet, facet_label(facet), options[:MAX_OPTIONS]))
    return facets


def facet_label(facet: str) -> str:
    """Return the name of a product filter for people to read."""
    if facet in FACET_NAMES:
        return gettext(FACET_NAMES[facet])
    label = facet.replace("_", " ").capitalize()
    return gettext(label) if label in COLUMN_NAMES else label


def format_price(low: float | Decimal | None, high: float | Decimal | None, currency: str) -> str:
    """Format a price or a range of prices; empty where it is unknown."""
    if low is None or high is None:
        return ""
    if low != high:
        lowest, highest = _format_amount(low, currency), _format_amount(high, currency)
        return gettext("%(lowest)s to %(highest)s", lowest=lowest, highest=highest)
    return _format_amount(low, currency)


def price_of(listed: ListedProduct, colour: str = "") -> str:
    """Format the price of a product, or of its variants in a colour."""
    offer = listed.product.offer(colour)
    return format_price(offer.low, offer.high, listed.product.currency)


def plain_text(html: str) -> str:
    """Return the text of a name or a description that may be HTML, with its characters unescaped."""
    return Markup(html).striptags()


def is_sold_out(listed: ListedProduct, colour: str = "") -> bool:
    """Tell whether the shop says that nothing of a product, or of a colour of it, can be bought."""
    return listed.product.offer(colour).available is False


def photos_of(name: str, listed: ListedProduct, first: int | None = None) -> dict[str, list[Item]]:
    """Return the items of a product's photos by colour, in the order of the feed.

    first: the item that comes first with its colour, where it is one of them.
    """
    photos: dict[str, list[Item]] = {}
    items = extensions.engine_loader.engine.collection(name).live_items(listed.items.values())
    for photo in listed.product.photos:
        if item := items.get(listed.items.get(photo.source, -1)):
            photos.setdefault(photo.colour, []).append(item)
    by_colour = [(colour, sorted(of_colour, key=lambda item: item.id != first)) for colour, of_colour in photos.items()]
    return dict(sorted(by_colour, key=lambda of_colour: of_colour[1][0].id != first))


def category_levels(categories: Sequence[str]) -> list[tuple[str, str]]:
    """Return the name of each level of a category, and the value of the filter by it."""
    return [(level, LEVELS.join(categories[: depth + 1])) for depth, level in enumerate(categories)]


def duplicates_of(name: str, listed: ListedProduct) -> dict[str, ListedProduct]:
    """Return the other products with the same photos, by id."""
    engine = extensions.engine_loader.engine
    for item in engine.collection(name).live_items(listed.items.values()):
        if group := engine.product_of(name, item):
            return engine.products(name, group.duplicates[:MAX_DUPLICATES])
    return {}


def description_of(listed: ListedProduct) -> list[str]:
    """Return the paragraphs of a product's description as plain text."""
    columns = {name.lower(): text for name, text in listed.product.columns.items()}
    html = next((columns[name] for name in DESCRIPTIONS if columns.get(name)), "")
    paragraphs = re.split(r"</p>|<br ?/?>|</li>|\n\s*\n", html)
    return [text for paragraph in paragraphs if (text := plain_text(paragraph))]


def _option(facet: str, value: str, count: int, chosen: bool) -> FacetOption:
    levels = value.split(LEVELS) if facet == CATEGORY else [value]
    return FacetOption(value, levels[-1], len(levels) - 1, count, chosen)


def _format_amount(amount: float | Decimal, currency: str) -> str:
    return str(format_currency(amount, currency) if currency else format_decimal(amount, "#,##0.00"))
