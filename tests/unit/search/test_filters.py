"""Filters by recognised values and counts of values: against a search by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection
from rpf.errors import QueryError, UnknownAttribute
from rpf.search.filters import ValueFilter, count_values, passing_rows
from tests.support.collection_builder import ATTRIBUTES, append, names, write

FILTERS = st.dictionaries(
    st.sampled_from(ATTRIBUTES),
    st.builds(ValueFilter, st.frozensets(st.integers(0, 5), min_size=1), st.floats(0, 1)),
)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("filters") / "shop"
    with write(folder) as writer:
        append(writer, names(0, 60))
        append(writer, names(60, 70), parts=False)  # of unknown values
        append(writer, names(70, 90))
        writer.remove([3, 75])
    return Collection.open(folder)


def passes(collection: Collection, item_id: int, key: str, wanted: ValueFilter) -> bool:
    position, values = ATTRIBUTES.index(key), collection.values(item_id)
    if values is None:
        return np.float16(wanted.minimal) == 0 and 0 in wanted.values
    presence = collection.presence(item_id)
    likely = int(values[position].argmax())
    joint = values[position, likely] * (1 if presence is None else presence[position])
    return likely in wanted.values and joint >= np.float16(wanted.minimal)


@given(filters=FILTERS)
def test_rows_pass_that_have_a_wanted_value_in_every_attribute(
    collection: Collection, filters: dict[str, ValueFilter]
) -> None:
    mask = passing_rows(collection, filters)
    if not filters:
        assert mask is None
        return
    assert mask is not None
    expected = [all(passes(collection, i, key, one) for key, one in filters.items()) for i in collection.ids.tolist()]
    assert mask.tolist() == expected


@given(filters=FILTERS)
def test_a_count_is_the_number_of_items_if_that_value_alone_were_chosen(
    collection: Collection, filters: dict[str, ValueFilter]
) -> None:
    counts = count_values(collection, filters)
    assert set(counts) == set(ATTRIBUTES)
    for key, of_key in counts.items():
        minimal = filters[key].minimal if key in filters else 0.5
        for value in range(4):
            mask = passing_rows(collection, {**filters, key: ValueFilter(frozenset({value}), minimal)})
            assert mask is not None and of_key.get(value, 0) == mask.sum()


def test_a_filter_without_values_or_with_another_attribute_is_refused(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        ValueFilter(frozenset())
    with pytest.raises(QueryError):
        ValueFilter(frozenset({1}), float("nan"))
    with pytest.raises(UnknownAttribute):
        passing_rows(collection, {"hat": ValueFilter(frozenset({1}))})
    with write(tmp_path / "old") as writer:
        append(writer, names(0, 3), parts=False)
    with pytest.raises(QueryError, match="rpf optimize old"):
        passing_rows(Collection.open(tmp_path / "old"), {"sleeve_length": ValueFilter(frozenset({1}))})
