"""Search requests: a query, the weights of its attributes, and the page of the ranking that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.attributes import MISSING_BELOW, Attribute
from rpf.collection import Collection
from rpf.errors import QueryError, UnusableValue
from rpf.products.filters import ProductFilter
from rpf.products.view import Fold
from rpf.search.filters import Filters, passing_rows
from rpf.search.score import query_share

# Largest presence of an image's parts: of 100 held-out photographs of clothes, 97 have more; plain and noisy images,
# the sky and other gradients less.
GARMENT_PRESENCE = 0.85


@dataclass(frozen=True)
class Query:
    """An embedded image, from a file or from the collection itself."""

    embedding: npt.NDArray[np.float32]  # (A, D), unit vectors; NaN rows for attributes that it was not embedded for
    boxes: npt.NDArray[np.int32] | None  # (A, 4): left, top, right, bottom in pixels of the whole; None when unknown
    size: tuple[int, int]  # width, height of the whole image in pixels, turned as the crop
    item_id: int | None = None  # set for an item of the collection, which is left out of its own results
    presence: Mapping[str, float] | None = None  # attribute -> probability of having its part; None when unknown
    values: npt.NDArray[np.floating] | None = None  # (A, V) probabilities, given the part; None when unknown

    @classmethod
    def of_item(cls, collection: Collection, item_id: int) -> "Query":
        """Make an item of a collection the query. Raises UnknownItem."""
        item, presence = collection.item(item_id), collection.presence(item_id)
        return cls(
            collection.vectors(item_id),
            collection.boxes(item_id),
            (item.width, item.height),
            item_id,
            name_presence(collection.vocabulary.keys, presence),
            collection.values(item_id),
        )

    @property
    def shows_garment(self) -> bool:
        """Tell whether the image seems to show a garment at all: blank ones show each part with little probability."""
        return self.presence is None or max(self.presence.values()) >= GARMENT_PRESENCE

    def is_missing(self, key: str) -> bool:
        """Tell whether the part that the attribute is about seems to be missing from the garment."""
        return self.presence is not None and self.presence[key] < MISSING_BELOW


def name_presence(keys: Sequence[str], presence: npt.NDArray[np.float16] | None) -> dict[str, float] | None:
    """Name the presence probabilities (A,) by their attributes."""
    return None if presence is None else dict(zip(keys, presence.tolist(), strict=True))


class ResolvedRequest(NamedTuple):
    """A request as searchers take it: positions in the collection in place of attribute keys."""

    vectors: npt.NDArray[np.float32]  # (a, D) unit vectors, one for each attribute
    attributes: tuple[int, ...]  # (a,) positions in the collection
    weights: npt.NDArray[np.float64]  # (a,) from 0 up, with a sum above 0
    k: int  # rows to return, fewer where the collection is smaller
    passing: npt.NDArray[np.bool_] | None = None  # (N,) rows that pass the filters; None for all


@dataclass(frozen=True)
class SearchRequest:
    """One page of a ranking by the weighted mean of the scores in a query's attributes (rpf.search.score).

    In attributes with a change, the value's own vector takes the place of the query's: "the same, but with long
    sleeves". Without a query, all attributes need one.
    """

    query: Query | None
    weights: Mapping[str, float]  # attribute key -> weight; those of 0 are left out
    k: int = 50
    offset: int = 0
    changes: Mapping[str, int] = field(default_factory=dict)  # attribute key -> wanted value
    filters: Filters = field(default_factory=dict)
    products: ProductFilter = field(default_factory=ProductFilter)
    fold: Fold = "photo"  # what one result is; near-duplicates are one unless it is "photo"
    excluded: frozenset[int] = frozenset()  # items that are left out of the results, with all photos of their products
    end_depth: int = 0  # results among which `Results.last_close` is looked for; 0: it is not

    def __post_init__(self) -> None:
        """Raise QueryError for a weight, a number of results or an offset that makes no search."""
        if not all(0 <= weight < float("inf") for weight in self.weights.values()):
            raise QueryError("A weight must be a number from 0 up.")
        if not any(self.weights.values()):
            raise QueryError("Choose at least one attribute.")
        if self.k < 1 or self.offset < 0:
            raise QueryError("The number of results must be at least 1.")
        if self.query is None and (missing := [key for key in self.keys if key not in self.changes]):
            raise QueryError("Give an image, or a wanted value of %(keys)s.", keys=", ".join(missing))

    @property
    def keys(self) -> list[str]:
        """List the attributes with a weight above 0, in the order of `weights`."""
        return [key for key, weight in self.weights.items() if weight > 0]

    @property
    def item_id(self) -> int | None:
        """Return the item that is the query, if one is."""
        return self.query.item_id if self.query else None

    def resolve(self, collection: Collection, value_vectors: npt.NDArray[np.float32] | None = None) -> ResolvedRequest:
        """Resolve the request against a collection.

        value_vectors: (A, V, D), NaN for unknown ones. Where the collection knows presence, parts that the query may
        lack count for less.
        Raises QueryError for an attribute or a value that the collection does not have, ValueError for an attribute
        that the query was not embedded for.
        """
        vocabulary, keys = collection.vocabulary, self.keys
        for key in (*self.weights, *self.filters):
            if key not in vocabulary:
                raise QueryError("This collection has no attribute %(key)s.", key=key)
        vectors = []
        for key in keys:
            attribute = vocabulary.index(key)
            if key in self.changes:
                vectors.append(_value_vector(vocabulary[key], attribute, self.changes[key], value_vectors))
            elif self.query is not None:
                vectors.append(self.query.embedding[attribute])
        if np.isnan(np.array(vectors)[:, -1]).any():
            raise ValueError(f"the query was not embedded for all of {', '.join(keys)}")
        presence = (collection.knows_presence and self.query and self.query.presence) or {}
        shares = {key: 1.0 if key in self.changes else query_share(presence.get(key, 1.0)) for key in keys}
        return ResolvedRequest(
            np.array(vectors, np.float32),
            tuple(vocabulary.index(key) for key in keys),
            np.array([self.weights[key] * shares[key] for key in keys]),
            max(self.offset + self.k, self.end_depth),
            passing_rows(collection, self.filters),
        )


def _value_vector(
    attribute: Attribute, position: int, value: int, vectors: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.float32]:
    """Return the vector (D,) of an attribute's value. Raises UnusableValue where it is unknown."""
    if vectors is None:
        raise UnusableValue("What values look like is unknown for this model; find out with: rpf fit-values")
    if not 0 <= value < vectors.shape[1] or np.isnan(vectors[position, value, 0]):
        raise UnusableValue(
            '"%(value)s" cannot be searched for: the model has learnt no example of it.',
            value=attribute.value_name(value),
        )
    return vectors[position, value]
