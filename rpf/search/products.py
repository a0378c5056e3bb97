"""Products in a search: the entries of a collection's items, filters by them, and results folded by product."""

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.errors import QueryError, UnknownItem
from rpf.products.filters import ProductFilter, count_facets, passing_entries
from rpf.products.view import FOLDS, Fold, Ints, ProductView
from rpf.search.base import RankedRows, Searcher
from rpf.search.request import ResolvedRequest, SearchRequest

MARGIN = 1.5  # times as many rows are searched for as the wanted groups have on average

Mask = npt.NDArray[np.bool_]


class ProductGroup(NamedTuple):
    """What one result stands for."""

    product: str  # its id
    colour: str  # of the photo; "" where unknown
    photos: int  # of the product, or of it in this colour
    colours: int  # of the product
    duplicates: tuple[str, ...]  # ids of other products with the same photos, which the result stands for too


class ProductRows:
    """The products of one generation of a collection, by its rows."""

    def __init__(self, collection: Collection, view: ProductView) -> None:
        self.view, self._has_duplicates = view, collection.duplicate_groups is not None
        self.entries: Ints = view.entries_of(collection.ids)  # (N,), -1 for items without a product
        self._groups = {fold: view.groups_of(self.entries, collection.originals, fold) for fold in FOLDS}

    def groups(self, fold: Fold) -> Ints | None:
        """Return the group (N,) of each row; None where each row is a result."""
        return self._groups[fold]

    def passing(self, wanted: ProductFilter) -> Mask | None:
        """Tell which rows (N,) pass; None for all. Raises QueryError."""
        return np.append(passing_entries(self.view, wanted), False)[self.entries] if wanted else None

    def count(self, wanted: ProductFilter, fold: Fold, passing: Mask | None) -> dict[str, dict[str, int]]:
        """Count results by the values of the facets, as `count_facets`."""
        return count_facets(self.view, wanted, self.entries, self.groups(fold), passing)

    def group_of(self, row: int, fold: Fold) -> ProductGroup | None:
        """Describe what the best photo of a group stands for; None for an item without a product."""
        if (entry := int(self.entries[row])) < 0:
            return None
        view, product = self.view, self.view.products[entry]
        photos = {"photo": 1, "colour": self._photos[entry], "product": self._photos_of_product[product]}[fold]
        return ProductGroup(
            view.ids[product],
            view.colours[entry],
            int(photos),
            int(self._colours[product]),
            tuple(view.ids[other] for other in self._joined(row, fold) if other != product),
        )

    def _joined(self, row: int, fold: Fold) -> Ints:
        """Return the products of a row's group."""
        groups, rows = self.groups(fold), np.array([row])
        if groups is not None and self._has_duplicates:
            rows = np.flatnonzero(groups == groups[row])
        return np.unique(self.view.products[self.entries[rows]])

    @cached_property
    def _photos(self) -> Ints:
        """Count the items of each entry (E,)."""
        return np.bincount(self.entries[self.entries >= 0], minlength=len(self.view.products))

    @cached_property
    def _photos_of_product(self) -> Ints:
        return np.bincount(self.view.products, self._photos, len(self.view.ids)).astype(np.int64)

    @cached_property
    def _colours(self) -> Ints:
        return np.bincount(self.view.products, minlength=len(self.view.ids))


def result_groups(collection: Collection, products: ProductRows | None, fold: Fold) -> Ints | None:
    """Return the group (N,) of each row, of which one is shown; None where each row is a result."""
    if products:
        return products.groups(fold)
    return None if fold == "photo" else collection.duplicate_groups


class Ranking(NamedTuple):
    """The best results of a request."""

    ranked: RankedRows  # a row for each result, without the query itself
    total: int  # results in the whole ranking


def rank_results(
    searcher: Searcher,
    collection: Collection,
    products: ProductRows | None,
    request: SearchRequest,
    resolved: ResolvedRequest,
) -> Ranking:
    """Rank what one result is (`request.fold`), each by its best photo; an item's own group is left out of its results.

    Raises SearchUnavailable, QueryError.
    """
    passing = resolved.passing
    if products and (mask := products.passing(request.products)) is not None:
        passing = mask if passing is None else passing & mask
    elif request.products:
        raise QueryError("This collection has no products to filter by.")
    if request.excluded:
        mask = _others(collection, products, request.excluded)
        passing = mask if passing is None else passing & mask
    groups = result_groups(collection, products, request.fold)
    left_out = None
    with suppress(UnknownItem):  # removed meanwhile
        left_out = None if request.item_id is None else collection.row(request.item_id)
    if groups is None:
        return _rank_photos(searcher, resolved._replace(passing=passing), len(collection), left_out)
    return _rank_groups(searcher, resolved._replace(passing=passing), groups, left_out)


def _others(collection: Collection, products: ProductRows | None, items: Iterable[int]) -> Mask:
    """Tell which rows (N,) are none of the items, no copies of them, and no photos of their products."""
    groups = result_groups(collection, products, "product")
    rows = []
    for item in items:
        with suppress(UnknownItem):  # removed meanwhile
            rows.append(collection.row(item))
    if groups is None:
        groups = np.arange(len(collection))
    return np.isin(groups, groups[rows], invert=True)


def _rank_photos(searcher: Searcher, request: ResolvedRequest, count: int, left_out: int | None) -> Ranking:
    total = count if request.passing is None else int(request.passing.sum())
    ranked = searcher.search(request if left_out is None else request._replace(k=request.k + 1))
    if left_out is None:
        return Ranking(ranked, total)
    total -= request.passing is None or bool(request.passing[left_out])
    return Ranking(ranked.take(np.flatnonzero(ranked.rows != left_out)[: request.k]), total)


def _rank_groups(searcher: Searcher, request: ResolvedRequest, groups: Ints, left_out: int | None) -> Ranking:
    """Search for more rows until enough groups (N,) are among them."""
    if left_out is not None:
        others = groups != groups[left_out]
        request = request._replace(passing=others if request.passing is None else others & request.passing)
    rows = len(groups) if request.passing is None else int(request.passing.sum())
    total = int(np.count_nonzero(np.bincount(groups if request.passing is None else groups[request.passing])))
    wanted = min(request.k, total)
    k = int(np.ceil(MARGIN * wanted * rows / max(1, total)))
    while True:
        ranked = searcher.search(request._replace(k=max(1, min(k, rows))))
        first = np.sort(np.unique(groups[ranked.rows], return_index=True)[1])[:wanted]
        if len(first) == wanted or k >= rows:
            return Ranking(ranked.take(first), total)
        k *= 4
