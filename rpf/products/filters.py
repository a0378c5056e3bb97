"""Filters by price, availability and facets, and counts of results for the choices that are left."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rpf.errors import QueryError
from rpf.products.view import Facet, Ints, ProductView

Mask = npt.NDArray[np.bool_]
MAX_TABLE = 10**7  # values times groups that a table has; more are sorted instead, which takes longer
PRICE, AVAILABLE = "price", "available"  # the names of these filters among those of facets


@dataclass(frozen=True)
class ProductFilter:
    """What a product has to be. An entry passes where all is so."""

    low: float | None = None  # of the prices, in the currency of the collection, both ends included
    high: float | None = None
    available: bool = False  # only what can be bought
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)  # name -> wanted values, of which one suffices

    def __post_init__(self) -> None:
        """Raise QueryError for prices that no product can have."""
        low, high = self.low or 0.0, float("inf") if self.high is None else self.high
        if not 0 <= low <= high:
            raise QueryError("The lowest price must be 0 or more, and not above the highest.")

    def __bool__(self) -> bool:
        return self.available or bool(self.facets) or self.low is not None or self.high is not None

    def masks(self, view: ProductView) -> dict[str, Mask]:
        """Tell for each part of the filter which entries (E,) pass. Raises QueryError for an unknown facet."""
        masks: dict[str, Mask] = {}
        if self.low is not None or self.high is not None:
            high = np.inf if self.high is None else self.high
            masks[PRICE] = (view.high >= (self.low or 0)) & (view.low <= high)  # false for unknown prices
        if self.available:
            masks[AVAILABLE] = view.available == 1
        for name, wanted in self.facets.items():
            if name not in view.facets:
                raise QueryError('This collection has no facet "%(name)s".', name=name)
            masks[name] = _having(view.facets[name], wanted, len(view.products))
        return masks


def passing_entries(view: ProductView, wanted: ProductFilter) -> Mask:
    """Tell which entries (E,) pass. Raises QueryError for an unknown facet."""
    return np.logical_and.reduce([np.ones(len(view.products), bool), *wanted.masks(view).values()])


def count_facets(
    view: ProductView, wanted: ProductFilter, entries: Ints, groups: Ints | None, passing: Mask | None
) -> dict[str, dict[str, int]]:
    """Count, for each value of each facet, the results that are left if it is the only one chosen of its facet.

    entries: (N,) of the items; groups: (N,), each of which is one result, None where each item is one; passing: (N,)
    items that pass all other filters, None for all. Values of which none is left are not listed.
    """
    masks, counts = wanted.masks(view), {}
    listed = entries >= 0 if passing is None else passing & (entries >= 0)
    for name, facet in view.facets.items():
        others = [mask for other, mask in masks.items() if other != name]
        rows = listed & np.append(np.logical_and.reduce(others), False)[entries] if others else listed
        of_code = _count(facet, len(view.products), entries[rows], None if groups is None else groups[rows])
        counts[name] = {facet.values[code]: int(of_code[code]) for code in np.flatnonzero(of_code)}
    return counts


def _having(facet: Facet, values: frozenset[str], entries: int) -> Mask:
    codes = [code for code, value in enumerate(facet.values) if value in values]
    mask = np.zeros(entries, bool)
    mask[facet.entries[np.isin(facet.codes, codes)]] = True
    return mask


def _count(facet: Facet, total: int, entries: Ints, groups: Ints | None) -> Ints:
    """Count the results of each value from the entries (n,), of `total`, and the groups (n,) of items."""
    if groups is None:
        per_entry = np.bincount(entries, minlength=total)
        return np.bincount(facet.codes, per_entry[facet.entries], len(facet.values)).astype(np.int64)
    # All items of an entry are in one group, so one of them stands for it; `none` is for entries without any.
    none = int(groups.max(initial=-1)) + 1
    of_entry = np.full(total, none)
    of_entry[entries] = groups
    pairs = facet.codes * (none + 1) + of_entry[facet.entries]
    if len(facet.values) * none <= MAX_TABLE:
        having = np.zeros((len(facet.values), none + 1), bool)
        having.ravel()[pairs] = True
        return having[:, :none].sum(axis=1)
    pairs = np.unique(pairs[of_entry[facet.entries] < none])
    return np.bincount(pairs // (none + 1), minlength=len(facet.values))
