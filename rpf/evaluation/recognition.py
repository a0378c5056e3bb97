"""Evaluation of what the site says of images: words for closeness, and results of a wanted value.

Both are measured on the whole catalogue by labels of people, never by predictions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.collection import Collection
from rpf.evaluation.metrics import Bools, Ints
from rpf.search.closeness import WORDS, find_word, same_value
from rpf.search.exact import Exact
from rpf.search.request import Query, SearchRequest

FIRST_PAGE = 24  # results of a query whose words are measured
FIRST = 12  # results of a search whose precision is measured
MIN_ITEMS = 30  # of a value, for its precision to say something


class WordedPair(NamedTuple):
    """The word for the closeness of a result to its query, beside the truth."""

    word: str
    same: bool


def word_pairs(collection: Collection, attribute: int, query: Query, rows: Ints, same: Bools) -> list[WordedPair]:
    """Return the words of results `rows` (m,), best first, for a query; `same` (m,): whether they have its value."""
    if query.values is None:
        return []
    rows = rows[:FIRST_PAGE]
    presence = collection.presence_by_attribute[attribute, rows]
    chances = same_value(query.values[attribute], collection.values_of(rows)[:, attribute], presence)
    words = [(find_word(chance), bool(truth)) for chance, truth in zip(chances.tolist(), same, strict=False)]
    return [WordedPair(closeness.word, truth) for closeness, truth in words if closeness]


def word_figures(pairs: Mapping[str, Sequence[WordedPair]]) -> dict[str, Any]:
    """Compare what each word stands for with the share of such pairs that have the same value, all attributes together.

    The result is EvaluationReport's `words`.
    """
    together = [pair for of_attribute in pairs.values() for pair in of_attribute]
    figures = {}
    for closeness in WORDS:
        truths = {key: [pair.same for pair in of if pair.word == closeness.word] for key, of in pairs.items()}
        of_word = [pair.same for pair in together if pair.word == closeness.word]
        figures[closeness.word] = {
            "meaning": closeness.meaning,
            "pairs": len(of_word),
            "measured": float(np.mean(of_word)) if of_word else None,
            "by_attribute": {key: float(np.mean(of)) if of else None for key, of in truths.items()},
        }
    return figures


def measure_wanted_values(
    collection: Collection, key: str, has_value: Bools, known: Bools, vectors: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Search for each value of an attribute that MIN_ITEMS or more images have, without an image.

    has_value: (n, values), known: (n,), of all images in the order of the collection; vectors: (A, V, D). Returns, by
    value, the number of its images, and the share of them among the first 12 that are labelled.
    """
    searcher, figures = Exact(collection), {}
    attribute = collection.vocabulary.index(key)
    for value in np.flatnonzero(has_value.sum(axis=0) >= MIN_ITEMS).tolist():
        if not np.isnan(vectors[attribute, value, 0]):
            request = SearchRequest(None, {key: 1.0}, len(collection), changes={key: value})
            rows = searcher.search(request.resolve(collection, vectors)).rows
            figures[str(value)] = {
                "images": int(has_value[:, value].sum()),
                f"P@{FIRST}": float(has_value[rows[known[rows]][:FIRST], value].mean()),
            }
    return figures
