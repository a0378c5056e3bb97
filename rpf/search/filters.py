"""Filters by recognised values, and counts of values for facets.

An item passes where the likeliest value of each filtered attribute is one of the wanted ones, with at least the minimal
probability of having the part and this value: or within an attribute, and between attributes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rpf.attributes import Vocabulary
from rpf.collection import Collection
from rpf.errors import QueryError, UnusableFilter

MINIMAL = 0.5  # probability of a value that counts, unless a filter says otherwise

Mask = npt.NDArray[np.bool_]
Groups = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ValueFilter:
    """The wanted values of one attribute."""

    values: frozenset[int]
    minimal: float = MINIMAL  # probability, 0 to 1

    def __post_init__(self) -> None:
        """Raise QueryError for a filter that says nothing."""
        if not self.values or not 0 <= self.minimal <= 1:
            raise QueryError("A filter needs values, and a minimal probability from 0 to 1.")


Filters = Mapping[str, ValueFilter]  # attribute key -> its filter


def parse_filters(vocabulary: Vocabulary, texts: Iterable[str], minimal: float = MINIMAL) -> Filters:
    """Return the filters that texts such as "pant length: full length" name; several values of an attribute are joined.

    Raises UnknownAttribute, QueryError.
    """
    values: dict[str, set[int]] = {}
    for text in texts:
        for key, value in vocabulary.parse(text).items():
            if value is None:
                raise QueryError('The filter "%(text)s" names no value of %(name)s.', text=text, name=key)
            values.setdefault(key, set()).add(value)
    return {key: ValueFilter(frozenset(wanted), minimal) for key, wanted in values.items()}


def passing_rows(collection: Collection, filters: Filters) -> Mask | None:
    """Tell which rows (N,) pass all filters; None without filters. Raises QueryError, UnknownAttribute."""
    masks = _masks(collection, filters)
    return np.logical_and.reduce(list(masks.values())) if masks else None


def count_values(
    collection: Collection, filters: Filters, passing: Mask | None = None, groups: Groups | None = None
) -> dict[str, dict[int, int]]:
    """Count the results of each value of each attribute, that pass the filters of all other attributes.

    So a count is the number of results if that value were the only one chosen of its attribute. passing: (N,) rows that
    pass filters of other kinds, None for all; groups: (N,), each of which is one result, None where each row is one.
    Raises as `passing_rows`.
    """
    masks = _masks(collection, filters)
    recognised, counts = collection.recognised, {}
    for position, key in enumerate(collection.vocabulary.keys):
        rows = _at_least(recognised.probabilities[position], filters[key].minimal if key in filters else MINIMAL)
        for other, mask in masks.items():
            if other != key:
                rows &= mask
        if passing is not None:
            rows &= passing
        # Products, with 0 for other rows: to select the rows takes several times as long.
        codes = (recognised.values[position] + np.int16(1)) * rows
        numbers = np.bincount(codes) if groups is None else count_groups(codes, groups)
        counts[key] = {int(value): int(numbers[value + 1]) for value in np.flatnonzero(numbers[1:])}
    return counts


def count_groups(codes: npt.NDArray[np.integer], groups: Groups) -> Groups:
    """Count the distinct groups of each code, from codes (n,) and groups (n,), which are numbers from 0 up."""
    having = np.zeros((int(codes.max(initial=0)) + 1, int(groups.max(initial=-1)) + 1), bool)
    having[codes, groups] = True
    return having.sum(axis=1)


def require_values(collection: Collection) -> None:
    """Raise UnusableFilter for a collection whose values are unknown."""
    if not collection.knows_values:
        raise UnusableFilter(
            'The values of the collection "%(name)s" are not known; find them with: rpf optimize %(name)s',
            name=collection.name,
        )


def _masks(collection: Collection, filters: Filters) -> dict[str, Mask]:
    if filters:
        require_values(collection)
    return {key: _mask(collection, key, wanted) for key, wanted in filters.items()}


def _mask(collection: Collection, key: str, wanted: ValueFilter) -> Mask:
    position, recognised = collection.vocabulary.index(key), collection.recognised
    values = recognised.values[position]
    # Written out, as np.isin takes several times as long for a few values.
    mask = np.logical_or.reduce([values == value for value in wanted.values])
    return np.asarray(mask & _at_least(recognised.probabilities[position], wanted.minimal))


def _at_least(probabilities: npt.NDArray[np.float16], minimal: float) -> Mask:
    """Compare as integers, of which 16-bit numbers from 0 up have the order: NumPy takes 20 times as long for these."""
    return np.asarray(probabilities.view(np.uint16) >= np.float16(abs(minimal)).view(np.uint16))
