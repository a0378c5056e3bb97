"""Search parameters in the address of a results page, and the one path from a request to results."""

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import g
from werkzeug.datastructures import MultiDict

from rpf.attributes import Vocabulary
from rpf.engine import (
    NO_FILTER,
    Crop,
    Filters,
    Fold,
    ProductFilter,
    Query,
    Results,
    SearchRequest,
    ValueFilter,
)
from rpf.errors import QueryError
from webapp import extensions
from webapp.i18n import language
from webapp.picks import NO_PICKS, Picks
from webapp.pictures import Picture

MAX_WEIGHT = 3.0
FOLDS: Mapping[str, Fold] = {"photos": "photo", "colours": "colour", "products": "product"}  # by the argument `show`
PRICES = ("price_from", "price_to")
MAX_FACETS = 100  # values of product filters in an address


@dataclass(frozen=True)
class SearchParams:
    """Search in an address: a picture or none, and the chosen attributes."""

    picture: Picture | None
    weights: Mapping[str, float]  # of the chosen attributes
    changes: Mapping[str, int] = field(default_factory=dict)  # wanted values, in place of the image's
    filters: Mapping[str, frozenset[int]] = field(default_factory=dict)  # values that results must have
    products: ProductFilter = NO_FILTER
    show: str = "products"  # what one result is, where the collection has products
    anyway: bool = False  # rank, though the image seems to have none of the chosen parts
    garment: str = ""  # kind of the garment in the picture that the search is for; "" for all of it
    picks: Picks = NO_PICKS

    @classmethod
    def parse(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "SearchParams":
        """Parse an address. Attributes come in the collection's order.

        Raises UnknownAttribute, and QueryError for a weight or a value out of range, or a missing image.
        """
        params = cls.parse_known(args, vocabulary)
        chosen = dict[str, int | None].fromkeys(params.weights)
        for text in filter(None, args.getlist("a")):
            if text not in vocabulary:
                chosen |= vocabulary.parse(text, language())
        text = args.get("words", "")
        in_words = vocabulary.parse(text, language()) if text.strip() else {}
        keys = [key for key in vocabulary.keys if key in chosen or key in in_words]
        wanted = {key: in_words.get(key) or args.get(f"v-{key}") or chosen.get(key) for key in keys}
        changes = {key: _value(value) for key, value in wanted.items() if value is not None}
        filters = {
            key: frozenset(map(_value, values)) for key in vocabulary.keys if (values := args.getlist(f"f-{key}"))
        }
        if params.picture is None and (
            missing := [vocabulary[key].name(language()) for key in keys if key not in changes]
        ):
            raise QueryError("Choose a photo, or say what you want for: %(details)s.", details=", ".join(missing))
        weights = {key: _weight(args, key) for key in keys}
        return replace(
            params,
            picture=Picture.parse(args),
            weights=weights,
            changes=changes,
            filters=filters,
            products=_product_filter(args),
            picks=Picks.parse(args),
        )

    @classmethod
    def parse_known(cls, args: "MultiDict[str, str]", vocabulary: Vocabulary) -> "SearchParams":
        """Parse the picture, whole, and the attribute keys in an address, all with weight 1."""
        weights = {key: 1.0 for key in vocabulary.keys if key in args.getlist("a")}
        show = args.get("show", "")
        return cls(
            Picture.parse_whole(args),
            weights,
            show=show if show in FOLDS else "products",
            anyway="anyway" in args,
            garment=args.get("garment", ""),
        )

    @property
    def counting(self) -> list[str]:
        """Return the attributes that count: those with a weight above 0."""
        return [key for key, weight in self.weights.items() if weight > 0]

    def args(self) -> dict[str, Any]:
        """Return the arguments of `url_for`; weights of 1 are left out."""
        return {
            **(self.picture.args() if self.picture else {}),
            "a": list(self.weights),
            **{f"w-{key}": f"{weight:g}" for key, weight in self.weights.items() if weight != 1.0},
            **{f"v-{key}": value for key, value in self.changes.items() if key in self.weights},
            **{f"f-{key}": sorted(values) for key, values in self.filters.items()},
            **{f"p-{name}": sorted(values) for name, values in self.products.facets.items()},
            **{name: f"{bound:g}" for name, bound in self._price_bounds() if bound is not None},
            **({"available": 1} if self.products.available else {}),
            **({"show": self.show} if self.show != "products" else {}),
            **({"anyway": 1} if self.anyway else {}),
            **({"garment": self.garment} if self.garment else {}),
            **self.picks.args(),
        }

    def args_for_item(self, item: int) -> dict[str, Any]:
        """Return the arguments of the same search with an item in place of the image and of wanted values."""
        picks = replace(self.picks, also=(), unlike=())
        return replace(self, picture=Picture(item), changes={}, anyway=False, garment="", picks=picks).args()

    def args_picking(self, picks: Picks) -> dict[str, Any]:
        """Return the arguments of the same search with other picks."""
        return replace(self, picks=picks).args()

    def with_crop(self, crop: Crop, garment: str = "") -> "SearchParams":
        """Return the same search with another crop of the picture, for a kind of garment there."""
        return replace(self, picture=self.picture and replace(self.picture, crop=crop), anyway=False, garment=garment)

    def args_for_attributes(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the arguments of the same search by other attributes."""
        return replace(self, weights={key: self.weights.get(key) or 1.0 for key in keys}).args()

    def args_wanting(self, key: str, value: int) -> dict[str, Any]:
        """Return the arguments of the same search with one more wanted value."""
        weights = {key: 1.0, **self.weights}
        return replace(self, weights=weights, changes={**self.changes, key: value}).args()

    def args_without_filter(self, key: str, value: int) -> dict[str, Any]:
        """Return the arguments of the same search without one value of a filter."""
        filters = {**self.filters, key: self.filters[key] - {value}}
        return replace(self, filters={other: values for other, values in filters.items() if values}).args()

    def args_with_facet(self, name: str, value: str) -> dict[str, Any]:
        """Return the arguments of the same search with one value of a product filter, in place of its others."""
        facets = {**self.products.facets, name: frozenset({value})}
        return replace(self, products=replace(self.products, facets=facets)).args()

    def args_without_facet(self, name: str, value: str) -> dict[str, Any]:
        """Return the arguments of the same search without one value of a product filter."""
        facets = {**self.products.facets, name: self.products.facets[name] - {value}}
        products = replace(self.products, facets={other: values for other, values in facets.items() if values})
        return replace(self, products=products).args()

    def args_without_price(self) -> dict[str, Any]:
        """Return the arguments of the same search at any price."""
        return replace(self, products=replace(self.products, low=None, high=None)).args()

    def args_without_available(self) -> dict[str, Any]:
        """Return the arguments of the same search, whether it can be bought or not."""
        return replace(self, products=replace(self.products, available=False)).args()

    def args_without_filters(self) -> dict[str, Any]:
        """Return the arguments of the same search without filters."""
        return replace(self, filters={}, products=NO_FILTER).args()

    def args_showing(self, show: str) -> dict[str, Any]:
        """Return the arguments of the same search with other results: photos, colours or products."""
        return replace(self, show=show).args()

    @property
    def filter_count(self) -> int:
        """Return the number of filters."""
        values = [*self.filters.values(), *self.products.facets.values()]
        has_price = any(bound is not None for _, bound in self._price_bounds())
        return sum(map(len, values)) + has_price + self.products.available

    def _price_bounds(self) -> tuple[tuple[str, float | None], ...]:
        return tuple(zip(PRICES, (self.products.low, self.products.high), strict=True))

    def args_anyway(self) -> dict[str, Any]:
        """Return the arguments of the same search, ranked whatever the image shows."""
        return replace(self, anyway=True).args()

    def query(self, name: str) -> Query | None:
        """Embed the picture, if there is one. Raises UnknownItem, UploadExpired, BadImage, Overloaded."""
        return self.picks.combine(name, self.picture) if self.picture else None

    @property
    def value_filters(self) -> Filters:
        """Return the filters as the engine takes them."""
        return {key: ValueFilter(values) for key, values in self.filters.items()}

    def request(self, query: Query | None, k: int, offset: int = 0, end_depth: int = 0) -> SearchRequest:
        """Return the engine's request for a page of the ranking. With `anyway`, the picture has the chosen parts.

        end_depth: see SearchRequest.
        """
        if self.anyway and query and query.presence:
            query = replace(query, presence={**query.presence, **dict.fromkeys(self.weights, 1.0)})
        return SearchRequest(
            query,
            self.weights,
            k,
            offset,
            changes=self.changes,
            filters=self.value_filters,
            products=self.products,
            fold=self.fold,
            excluded=self.picks.excluded,
            end_depth=end_depth,
        )

    @property
    def fold(self) -> Fold:
        """Return what one result is, as the engine takes it."""
        return FOLDS[self.show]


def search(name: str, request: SearchRequest) -> tuple[Results, float]:
    """Search, and return also the seconds since the HTTP request arrived, which the About page reports."""
    results = extensions.engine_loader.engine.search(name, request)
    seconds = time.perf_counter() - g.started
    extensions.engine_loader.search_seconds.append(seconds)
    return results, seconds


def _weight(args: "MultiDict[str, str]", key: str) -> float:
    text = args.get(f"w-{key}", "1")
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0.0 <= weight <= MAX_WEIGHT:  # negated so that NaN is rejected too
        raise QueryError('The weight must be a number from 0 to %(most)g, not "%(text)s".', most=MAX_WEIGHT, text=text)
    return weight


def _product_filter(args: "MultiDict[str, str]") -> ProductFilter:
    """Read the filters of products. Raises QueryError."""
    names = [name for name in args if name.startswith("p-") and len(name) > 2]
    facets = {name[2:]: frozenset(filter(None, args.getlist(name))) for name in names}
    if sum(map(len, facets.values())) > MAX_FACETS:
        raise QueryError("These are too many filters.")
    low, high = (read_price(args.get(name, "")) for name in PRICES)
    if low is not None and high is not None and low > high:
        low, high = high, low
    return ProductFilter(low, high, "available" in args, {name: values for name, values in facets.items() if values})


def read_price(text: str) -> float | None:
    """Read a price with a decimal point or comma; None where there is none."""
    if not (text := text.strip()):
        return None
    if not re.fullmatch(r"[0-9]{1,12}([.,][0-9]{1,6})?", text):
        raise QueryError('"%(text)s" is not a price.', text=text[:40])
    return float(text.replace(",", "."))


def _value(text: str | int) -> int:
    if not re.fullmatch("[0-9]{1,4}", str(text)):
        raise QueryError('"%(text)s" is not the number of a value.', text=text)
    return int(text)
