"""Closeness: the probability that two images show the same value of an attribute, and the words that stand for it.

P(same) = p(part of the item) * sum over values of p_query(value) * p_item(value), with calibrated probabilities.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.search.request import Query


class Closeness(NamedTuple):
    """A word for a probability of the same value."""

    word: str
    least: float  # probability from which on it is used
    meaning: float  # share of such pairs that do have the same value; `rpf evaluate --gallery all` measures it


VERY_CLOSE = Closeness("very close", 0.85, 0.92)
CLOSE = Closeness("close", 0.65, 0.78)
SOMEWHAT = Closeness("somewhat", 0.4, 0.5)
WORDS = (VERY_CLOSE, CLOSE, SOMEWHAT)


def find_word(probability: float) -> Closeness | None:
    """Return the word for a probability; None where it is too low for any."""
    return next((closeness for closeness in WORDS if probability >= closeness.least), None)


def closeness_of(first: Query, second: Query, key: str, attribute: int) -> Closeness | None:
    """Return the word for how close two images are in an attribute at this place; None for none, or where unknown."""
    if first.values is None or second.values is None:
        return None
    presence = (second.presence or {}).get(key, 1.0)
    chances = same_value(first.values[attribute], second.values[attribute][None], np.array([presence]))
    return find_word(float(chances[0]))


def same_value(
    query: npt.NDArray[np.floating], items: npt.NDArray[np.floating], presence: npt.NDArray[np.floating]
) -> npt.NDArray[np.float32]:
    """Compute P(same), (n,), from the values of a query (V,) and of items (n, V), and the items' presence (n,)."""
    count = min(len(query), items.shape[1])
    same = items[:, :count].astype(np.float32) @ query[:count].astype(np.float32)
    return np.asarray(same * presence.astype(np.float32))
