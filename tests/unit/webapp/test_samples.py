"""Samples on the start page: different photos that show a value, and few where there are few."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rpf.collection import Collection
from rpf.engine import SURE, recognised_values
from rpf.settings import Settings
from tests.unit.webapp.test_products import mark_copies
from webapp.samples import SAMPLE_COUNT, choose_samples


@pytest.fixture
def collection(named_settings: Settings) -> Collection:
    return Collection.open(named_settings.collections / "named")


def surest(collection: Collection, item: int) -> float:
    return max(one.probability for one in recognised_values(collection, item).values())


def test_samples_surely_show_a_value_wherever_one_near_them_does(collection: Collection) -> None:
    samples = [item.id for item in choose_samples(collection)]
    assert len(samples) == SAMPLE_COUNT and samples == sorted(samples)
    for place, sample in enumerate(samples):
        start, end = ((2 * place + 1) * len(collection) // 12, (place + 1) * len(collection) // 6)
        near = [surest(collection, int(item)) for item in collection.ids[start:end]]
        assert surest(collection, sample) >= SURE or max(near) < SURE


def test_samples_are_no_copies_of_each_other(named_settings: Settings, tmp_path: Path) -> None:
    shutil.copytree(named_settings.collections / "named", tmp_path / "named")
    mark_copies(named_settings.model_copy(update={"collections": tmp_path}), dict.fromkeys(range(2, 21), 1))
    collection = Collection.open(tmp_path / "named")
    originals = [int(collection.originals[collection.row(item.id)]) for item in choose_samples(collection)]
    assert len(originals) == len(set(originals)) == 4  # three places have nothing but copies of one


def test_samples_of_items_without_values_are_the_first_of_their_places(settings: Settings) -> None:
    collection = Collection.open(settings.collections / "tiny")
    assert not collection.knows_values
    expected = [int(collection.ids[(2 * place + 1) * len(collection) // 12]) for place in range(SAMPLE_COUNT)]
    assert [item.id for item in choose_samples(collection)] == expected
    assert np.unique(expected).size == SAMPLE_COUNT
