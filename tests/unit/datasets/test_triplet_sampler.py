from collections import Counter

import pytest

from rpf.datasets.annotations import LabelledImage
from rpf.datasets.triplet_sampler import TripletSampler
from rpf.errors import DatasetError

# sleeve: 0 has 3 images, 1 has 1, 2 has 2. collar: 0 has 2, 1 has 2. pant: one value alone.
IMAGES = [
    LabelledImage("0", {"sleeve": 0, "collar": 0}),
    LabelledImage("1", {"sleeve": 0, "collar": 0}),
    LabelledImage("2", {"sleeve": 0}),
    LabelledImage("3", {"sleeve": 1, "collar": 1}),
    LabelledImage("4", {"sleeve": 2, "collar": 1, "pant": 3}),
    LabelledImage("5", {"sleeve": 2, "pant": 3}),
    LabelledImage("6", {}),
]
ATTRIBUTES = ["sleeve", "collar", "pant", "skirt"]


def test_draw_triplets_agree_with_the_labels() -> None:
    for attribute, value, other, rows, _ in TripletSampler(IMAGES, ATTRIBUTES).draw(500, seed=1, epoch=0):
        key = ATTRIBUTES[attribute]
        assert [IMAGES[row].labels[key] for row in rows] == [value, value, other]
        assert value != other
        assert rows[0] != rows[1]


def test_draw_negative_never_has_the_anchors_value_too() -> None:
    images = [
        LabelledImage("0", {"fit": 0}, [("fit", 1)]),
        LabelledImage("1", {"fit": 1}, [("fit", 0), ("fit", 2)]),
        LabelledImage("2", {"fit": 1}),
        LabelledImage("3", {"fit": 2}, [("fit", 1)]),
    ]
    triplets = TripletSampler(images, ["fit"]).draw(2000, seed=1, epoch=0)
    values = [{value for _, value in image.pairs()} for image in images]
    for _, value, other, (anchor, positive, negative), _ in triplets:
        assert anchor != positive
        assert value in values[anchor] & values[positive]
        assert other in values[negative] and value not in values[negative]
    # All images have value 1, so it has no negatives.
    assert {(t.value, t.other_value) for t in triplets} == {(0, 1), (0, 2), (2, 0), (2, 1)}


def test_draw_attributes_values_and_flips_are_uniform() -> None:
    triplets = TripletSampler(IMAGES, ATTRIBUTES).draw(6000, seed=1, epoch=0)
    pairs = Counter((t.attribute, t.value, t.other_value) for t in triplets)
    expected = {(0, 0, 1): 750, (0, 0, 2): 750, (0, 2, 0): 750, (0, 2, 1): 750, (1, 0, 1): 1500, (1, 1, 0): 1500}
    assert pairs.keys() == expected.keys()
    for pair, count in expected.items():
        assert abs(pairs[pair] - count) < 0.15 * count
    mirrored = sum(sum(t.flips) for t in triplets)
    assert abs(mirrored - 9000) < 500


def test_draw_depends_on_seed_and_epoch_only() -> None:
    sampler = TripletSampler(IMAGES, ATTRIBUTES)
    first = sampler.draw(50, seed=1, epoch=0)
    assert first == TripletSampler(IMAGES, ATTRIBUTES).draw(50, seed=1, epoch=0)
    assert first != sampler.draw(50, seed=1, epoch=1)
    assert first != sampler.draw(50, seed=2, epoch=0)


def test_sampler_names_attributes_that_cannot_be_trained() -> None:
    assert TripletSampler(IMAGES, ATTRIBUTES).left_out == ["pant", "skirt"]
    with pytest.raises(DatasetError, match="two values"):
        TripletSampler(IMAGES, ["pant", "skirt"])
    with pytest.raises(DatasetError):
        TripletSampler([LabelledImage("a", {"sleeve": 0}), LabelledImage("b", {"sleeve": 1})], ["sleeve"])
