"""Description of an image or an item: presence and values of its attributes."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rpf.attributes import MISSING_BELOW, Attribute

SURE = 0.95  # probability from which on a value is told without "probably"
DECIMALS = 4  # of probabilities in files and answers; they are stored with 16 bits


class AttributeDescription(NamedTuple):
    """What is recognised in one attribute."""

    presence: float | None  # probability of having the part; None where unknown
    value: int | None  # the likeliest; None where the part is missing, and where the value is unknown or not visible
    probability: float | None  # of having the part, and this value; None without one
    values: dict[int, float]  # value -> probability, given the part; empty where it is missing, or values are unknown

    @property
    def is_missing(self) -> bool:
        """Tell whether the part seems to be missing."""
        return self.presence is not None and self.presence < MISSING_BELOW

    def rounded(self) -> "AttributeDescription":
        """Round the probabilities for a file or an answer. `is_missing` must be asked before."""
        return AttributeDescription(
            _rounded(self.presence),
            self.value,
            _rounded(self.probability),
            {value: round(share, DECIMALS) for value, share in self.values.items()},
        )


def describe(
    attributes: Iterable[Attribute],
    presence: npt.NDArray[np.floating] | None,
    values: npt.NDArray[np.floating] | None,
) -> dict[str, AttributeDescription]:
    """Describe an image by its presence (A,) and value probabilities (A, V), given the part; by attribute key."""
    return {
        attribute.key: _describe(
            attribute,
            None if presence is None else float(presence[position]),
            [] if values is None else np.nan_to_num(values[position]).tolist(),
        )
        for position, attribute in enumerate(attributes)
    }


def _describe(attribute: Attribute, presence: float | None, values: list[float]) -> AttributeDescription:
    described = AttributeDescription(presence, None, None, {})
    if described.is_missing or not any(values):
        return described
    by_value = {value: share for value, share in enumerate(values) if share or 0 < value < len(attribute.values)}
    likeliest = max(by_value, key=by_value.__getitem__)
    if not attribute.is_visible(likeliest):
        return described._replace(values=by_value)
    probability = by_value[likeliest] * (1.0 if presence is None else presence)
    return AttributeDescription(presence, likeliest, probability, by_value)


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, DECIMALS)
