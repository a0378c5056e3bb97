"""Search requests: a query, the weights of its attributes, and the page of the ranking that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.attributes import MISSING_BELOW, Vocabulary
from rpf.collection import Collection
from rpf.errors import QueryError
from rpf.search.score import query_share


@dataclass(frozen=True)
class Query:
    """An embedded image, from a file or from the collection itself."""

    embedding: npt.NDArray[np.float32]  # (A, D), unit vectors; NaN rows for attributes that it was not embedded for
    boxes: npt.NDArray[np.int32] | None  # (A, 4): left, top, right, bottom in pixels; None when unknown
    size: tuple[int, int]  # width, height of the image in pixels
    item_id: int | None = None  # set for an item of the collection, which is left out of its own results
    presence: Mapping[str, float] | None = None  # attribute -> probability of having its part; None when unknown

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
        )

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


@dataclass(frozen=True)
class SearchRequest:
    """One page of a ranking by the weighted mean of the scores in a query's attributes (rpf.search.score)."""

    query: Query
    weights: Mapping[str, float]  # attribute key -> weight; those of 0 are left out
    k: int = 50
    offset: int = 0

    def __post_init__(self) -> None:
        """Raise QueryError for a weight, a number of results or an offset that makes no search."""
        if not all(0 <= weight < float("inf") for weight in self.weights.values()):
            raise QueryError("A weight must be a number from 0 up.")
        if not any(self.weights.values()):
            raise QueryError("Choose at least one attribute.")
        if self.k < 1 or self.offset < 0:
            raise QueryError("The number of results must be at least 1.")

    @property
    def keys(self) -> list[str]:
        """List the attributes with a weight above 0, in the order of `weights`."""
        return [key for key, weight in self.weights.items() if weight > 0]

    def resolve(self, vocabulary: Vocabulary, knows_presence: bool = False) -> ResolvedRequest:
        """Resolve the request against a collection's attributes.

        Where the collection knows presence, parts that the query may lack count for less.
        Raises QueryError for an attribute that the collection does not have, ValueError for one that the query was
        not embedded for.
        """
        for key in self.weights:
            if key not in vocabulary:
                raise QueryError("This collection has no attribute %(key)s.", key=key)
        keys = self.keys
        attributes = tuple(vocabulary.index(key) for key in keys)
        vectors = self.query.embedding[list(attributes)]
        if np.isnan(vectors[:, -1]).any():
            raise ValueError(f"the query was not embedded for all of {', '.join(keys)}")
        presence = (knows_presence and self.query.presence) or {}
        weights = np.array([self.weights[key] * query_share(presence.get(key, 1.0)) for key in keys])
        k = self.offset + self.k + (self.query.item_id is not None)
        return ResolvedRequest(vectors, attributes, weights, k)
