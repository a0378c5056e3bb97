"""Descriptions of images: when a value is told, and when not."""

import numpy as np
import pytest

from rpf.attributes import Vocabulary
from rpf.search.description import AttributeDescription, describe

SLEEVES = Vocabulary(["sleeve_length"])
COLOURS = Vocabulary(["colour of the moon"])  # without names of values


def one(vocabulary: Vocabulary, presence: float | None, values: list[float] | None) -> AttributeDescription:
    (described,) = describe(
        vocabulary,
        None if presence is None else np.array([presence]),
        None if values is None else np.array([values]),
    ).values()
    return described


def test_likeliest_value_has_the_probability_of_part_and_value() -> None:
    described = one(SLEEVES, 0.9, [0, 0.1, 0, 0.8, 0.1])
    assert (described.presence, described.value) == (0.9, 3)
    assert described.probability == pytest.approx(0.72)
    assert described.values == {1: 0.1, 2: 0, 3: 0.8, 4: 0.1}  # named ones, and not "not visible"


@pytest.mark.parametrize(
    ("presence", "values"),
    [
        (0.49, [0, 0.1, 0.9]),  # the part is missing
        (0.0, [0, 0.1, 0.9]),
        (0.9, [0.7, 0.1, 0.2]),  # not visible
        (0.9, None),
        (0.9, [float("nan")] * 3),  # an attribute that was not embedded
        (None, None),
    ],
)
def test_value_of_a_missing_or_unseen_part_is_unknown(presence: float | None, values: list[float] | None) -> None:
    described = one(SLEEVES, presence, values)
    assert (described.presence, described.value, described.probability) == (presence, None, None)
    assert bool(described.values) == (presence == 0.9 and values is not None and values[0] == 0.7)
    assert described.is_missing == (presence is not None and presence < 0.5)


def test_value_counts_in_full_where_presence_is_unknown() -> None:
    assert one(SLEEVES, None, [0, 0.25, 0.75])[:3] == (None, 2, 0.75)


def test_first_value_of_an_attribute_without_names_is_a_value() -> None:
    assert one(COLOURS, 1, [0.75, 0.25, 0]) == (1, 0, 0.75, {0: 0.75, 1: 0.25})
