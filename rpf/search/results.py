"""Results of a search: a page of a ranking, with the items, their values, and how close they are to the query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection, Item
from rpf.search.base import RankedRows
from rpf.search.closeness import SOMEWHAT, same_value
from rpf.search.products import ProductGroup, ProductRows, result_groups
from rpf.search.request import SearchRequest


class Recognised(NamedTuple):
    """The likeliest value of an attribute."""

    value: int
    probability: float  # of having the part, and this value


@dataclass(frozen=True)
class Hit:
    """One item of a ranking."""

    rank: int  # from 1
    item: Item
    similarity: float  # weighted mean of the scores, -1 to 1 (rpf.search.score)
    similarities: dict[str, float]  # score per chosen attribute
    missing: tuple[str, ...]  # chosen attributes whose part it seems to lack
    values: dict[str, Recognised]  # of all attributes whose value was recognised
    same_value: dict[str, float]  # probability of the query's or the wanted value, where that can be told
    product: ProductGroup | None  # that the item is a photo of
    copies: int  # near-duplicates without a product, which the result stands for too


@dataclass(frozen=True)
class Results:
    """A page of a ranking."""

    hits: list[Hit]
    total: int  # items in the whole ranking: those that pass the filters
    offset: int
    shares: dict[str, float]  # of each chosen attribute in the similarity; they sum to 1
    seconds: float  # for the ranking alone, without embedding the query
    last_close: int | None  # rank of the last result that is at least somewhat close, 0 for none; None where unknown


def make_hits(
    collection: Collection, products: ProductRows | None, request: SearchRequest, ranked: RankedRows
) -> list[Hit]:
    """Make the page that was requested out of a ranking."""
    ranked = ranked.take(np.arange(request.offset, len(ranked.rows))[: request.k])
    rows, keys = ranked.rows, request.keys
    chances = _same_value(collection, request, rows)
    recognised = collection.recognised
    groups = result_groups(collection, products, request.fold)
    return [
        Hit(
            rank=request.offset + place + 1,
            item=item,
            similarity=float(ranked.scores[place]),
            similarities={key: float(ranked.attribute_scores[line, place]) for line, key in enumerate(keys)},
            missing=tuple(key for line, key in enumerate(keys) if ranked.missing[line, place]),
            values=name_values(collection.vocabulary.keys, recognised.values[:, row], recognised.probabilities[:, row]),
            same_value={key: float(of_key[place]) for key, of_key in chances.items()},
            product=products.group_of(row, request.fold) if products else None,
            copies=0 if products or groups is None else int(np.count_nonzero(groups == groups[row])) - 1,
        )
        for place, (row, item) in enumerate(zip(rows, collection.items(collection.ids[rows].tolist()), strict=True))
    ]


def find_last_close(
    collection: Collection, request: SearchRequest, shares: Mapping[str, float], ranked: RankedRows, total: int
) -> int | None:
    """Return the rank of the last result that is at least somewhat close; 0 for none.

    None where values are unknown, or it was not looked for. Where the ranking goes on below `request.end_depth`, close
    results in the lower half of what was looked at leave it unknown too.
    """
    depth = request.end_depth
    if not depth or not (chances := _same_value(collection, request, ranked.rows[:depth])):
        return None
    weighted = sum(shares[key] * of_key.astype(np.float64) for key, of_key in chances.items())
    close = np.flatnonzero(weighted >= SOMEWHAT.least * sum(shares[key] for key in chances))
    last = int(close[-1]) + 1 if len(close) else 0
    return last if total <= depth or last <= depth // 2 else None


def recognised_values(collection: Collection, item_id: int) -> dict[str, Recognised]:
    """Return the recognised values of an item, by attribute. Raises UnknownItem."""
    row, recognised = collection.row(item_id), collection.recognised
    return name_values(collection.vocabulary.keys, recognised.values[:, row], recognised.probabilities[:, row])


def name_values(
    keys: Sequence[str], values: npt.NDArray[np.integer], probabilities: npt.NDArray[np.floating]
) -> dict[str, Recognised]:
    """Name the likeliest values (A,) by their attributes, where any is known."""
    rows = zip(keys, values.tolist(), probabilities.tolist(), strict=True)
    return {key: Recognised(value, probability) for key, value, probability in rows if probability > 0}


def _same_value(
    collection: Collection, request: SearchRequest, rows: npt.NDArray[np.int64]
) -> dict[str, npt.NDArray[np.float32]]:
    """Compute for each chosen attribute the probability that rows (n,) have the query's or the wanted value."""
    if not collection.knows_values:
        return {}
    values, chances = collection.values_of(rows), {}
    for key in request.keys:
        position = collection.vocabulary.index(key)
        if key in request.changes:
            wanted = np.zeros(values.shape[2], np.float32)
            wanted[request.changes[key]] = 1
        elif request.query is not None and request.query.values is not None:
            wanted = request.query.values[position]
        else:
            continue
        chances[key] = same_value(wanted, values[:, position], collection.presence_by_attribute[position, rows])
    return chances
