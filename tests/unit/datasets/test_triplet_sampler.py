from collections import Counter

import pytest

from rpf.datasets.annotations import Labelled
from rpf.datasets.triplet_sampler import Triplets
from rpf.errors import DatasetError

# sleeve: 0 has 3 images, 1 has 1, 2 has 2. collar: 0 has 2, 1 has 2. pant: one value alone.
ITEMS = [
    Labelled("0", {"sleeve": 0, "collar": 0}),
    Labelled("1", {"sleeve": 0, "collar": 0}),
    Labelled("2", {"sleeve": 0}),
    Labelled("3", {"sleeve": 1, "collar": 1}),
    Labelled("4", {"sleeve": 2, "collar": 1, "pant": 3}),
    Labelled("5", {"sleeve": 2, "pant": 3}),
    Labelled("6", {}),
]
ATTRIBUTES = ["sleeve", "collar", "pant", "skirt"]


def test_each_triplet_obeys_the_labels() -> None:
    for attribute, value, other, images, _ in Triplets(ITEMS, ATTRIBUTES).draw(500, seed=1, epoch=0):
        key = ATTRIBUTES[attribute]
        assert [ITEMS[image].labels[key] for image in images] == [value, value, other]
        assert value != other
        assert images[0] != images[1]


def test_a_negative_never_has_the_anchors_value_too() -> None:
    items = [
        Labelled("0", {"fit": 0}, [("fit", 1)]),
        Labelled("1", {"fit": 1}, [("fit", 0), ("fit", 2)]),
        Labelled("2", {"fit": 1}),
        Labelled("3", {"fit": 2}, [("fit", 1)]),
    ]
    triplets = Triplets(items, ["fit"]).draw(2000, seed=1, epoch=0)
    values = [{value for _, value in item.pairs()} for item in items]
    for _, value, other, (anchor, positive, negative), _ in triplets:
        assert anchor != positive
        assert value in values[anchor] & values[positive]
        assert other in values[negative] and value not in values[negative]
    # All images have value 1, so there is nothing to tell it from.
    assert {(t.value, t.other_value) for t in triplets} == {(0, 1), (0, 2), (2, 0), (2, 1)}


def test_attributes_values_and_mirrors_are_uniform() -> None:
    drawn = Triplets(ITEMS, ATTRIBUTES).draw(6000, seed=1, epoch=0)
    pairs = Counter((t.attribute, t.value, t.other_value) for t in drawn)
    expected = {(0, 0, 1): 750, (0, 0, 2): 750, (0, 2, 0): 750, (0, 2, 1): 750, (1, 0, 1): 1500, (1, 1, 0): 1500}
    assert pairs.keys() == expected.keys()
    for pair, count in expected.items():
        assert abs(pairs[pair] - count) < 0.15 * count
    mirrored = sum(sum(t.flips) for t in drawn)
    assert abs(mirrored - 9000) < 500


def test_an_epoch_is_drawn_from_its_seed() -> None:
    triplets = Triplets(ITEMS, ATTRIBUTES)
    first = triplets.draw(50, seed=1, epoch=0)
    assert first == Triplets(ITEMS, ATTRIBUTES).draw(50, seed=1, epoch=0)
    assert first != triplets.draw(50, seed=1, epoch=1)
    assert first != triplets.draw(50, seed=2, epoch=0)


def test_attributes_that_cannot_be_trained_are_named() -> None:
    assert Triplets(ITEMS, ATTRIBUTES).left_out == ["pant", "skirt"]
    with pytest.raises(DatasetError, match="two values"):
        Triplets(ITEMS, ["pant", "skirt"])
    with pytest.raises(DatasetError):
        Triplets([Labelled("a", {"sleeve": 0}), Labelled("b", {"sleeve": 1})], ["sleeve"])
