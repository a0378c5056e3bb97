"""The drawn wardrobe: what its labels, masks and seeds promise."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpf.data.wardrobe import Drawing, draw
from rpf.data.wardrobe.body import COAT, PANT, SKIRT, SLEEVE
from rpf.data.wardrobe.plan import ATTRIBUTES, NECKS, PATTERNS, make_plan

# Every value that clothing/README.md names, but for the invisible (0).
VALUES = {
    "skirt_length": {1, 2, 3, 4, 5},
    "sleeve_length": {1, 2, 3, 4, 5, 7},
    "coat_length": {1, 2, 3, 4, 5, 6, 7},
    "pant_length": {1, 2, 3, 4, 5},
    "collar_design": {1, 2, 3, 4},
    "lapel_design": {1, 2, 3, 4},
    "neckline_design": {1, 2, 3, 4, 5, 6, 7, 8, 9},
    "neck_design": {1, 2, 3, 4},
}
TOPS_WITHOUT_COAT = {"T-shirt", "shirt", "blouse", "sweater", "vest top"}
seeds = st.integers(min_value=0, max_value=2**40)


def same(a: Drawing, b: Drawing) -> bool:
    named = (a.garment, a.labels, a.absent) == (b.garment, b.labels, b.absent)
    return named and a.picture.tobytes() == b.picture.tobytes()


@settings(deadline=None, max_examples=25)
@given(seeds, st.booleans())
def test_a_seed_always_gives_the_same_picture(seed: int, plain: bool) -> None:
    first, second = draw(seed, 160, plain), draw(seed, 160, plain)
    assert same(first, second)
    assert np.array_equal(first.mask, second.mask)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_different_seeds_give_different_pictures(seed: int) -> None:
    assert draw(seed, 96).picture.tobytes() != draw(seed + 1, 96).picture.tobytes()


@settings(deadline=None)
@given(seeds)
def test_labels_are_in_range_and_with_the_absent_ones_make_all_eight(seed: int) -> None:
    plan = make_plan(seed)
    assert plan.absent.isdisjoint(plan.labels)
    assert plan.absent | set(plan.labels) == set(ATTRIBUTES) == set(VALUES)
    assert all(value in VALUES[attribute] for attribute, value in plan.labels.items())


@settings(deadline=None)
@given(seeds)
def test_garments_have_the_attributes_of_their_kind(seed: int) -> None:
    plan = make_plan(seed)
    necks = [a for a in plan.labels if a in NECKS.values()]
    if plan.garment == "skirt":
        assert set(plan.labels) == {"skirt_length"}
    elif plan.garment in ("trousers", "shorts"):
        assert set(plan.labels) == {"pant_length"}
        assert (plan.labels["pant_length"] <= 2) == (plan.garment == "shorts")
    else:
        assert len(necks) == 1
        assert "sleeve_length" in plan.labels and "pant_length" in plan.absent
        assert ("skirt_length" in plan.labels) == (plan.garment == "dress")
        assert not (plan.garment in TOPS_WITHOUT_COAT and "coat_length" in plan.labels)
    if plan.labels.get("neckline_design") == 1:
        assert plan.labels["sleeve_length"] == 1, "a strapless garment has nothing to hang a sleeve on"


@settings(deadline=None, max_examples=40)
@given(seeds, st.booleans(), st.integers(min_value=64, max_value=420))
def test_the_mask_covers_the_garment_within_the_picture(seed: int, plain: bool, height: int) -> None:
    drawing = draw(seed, height, plain)
    picture = drawing.picture
    assert picture.mode == "RGB" and picture.height == height
    assert 0.7 * height <= picture.width <= height + 1
    assert drawing.mask.dtype == bool and drawing.mask.shape == (picture.height, picture.width)
    assert 0.08 < drawing.mask.mean() < 0.85
    edge = np.concatenate([drawing.mask[0], drawing.mask[-1], drawing.mask[:, 0], drawing.mask[:, -1]])
    assert not edge.any(), "the frame cuts the garment off"


def test_the_garment_stands_out_from_a_plain_background() -> None:
    for seed in range(60):
        drawing = draw(seed, 200)
        pixels = np.asarray(drawing.picture).astype(float)
        # Beyond the shadow, a studio is light and smooth.
        corners = np.concatenate([pixels[:8, :8].reshape(-1, 3), pixels[:8, -8:].reshape(-1, 3)])
        assert corners.mean() > 205 and corners.std(axis=0).max() < 6
        assert pixels[drawing.mask].std() > 4, "a garment without folds or edges"


def test_300_seeds_have_every_garment_and_every_value() -> None:
    plans = [make_plan(seed) for seed in range(300)]
    garments = Counter(plan.garment for plan in plans)
    assert set(garments) == set(PATTERNS)
    assert min(garments.values()) >= 4
    values = Counter((a, v) for plan in plans for a, v in plan.labels.items())
    assert set(values) == {(a, v) for a, expected in VALUES.items() for v in expected}
    assert min(values.values()) >= 6


def test_plain_and_photographed_show_the_same_garment() -> None:
    for seed in (3, 11, 30):
        plain, photo = draw(seed, 120, True), draw(seed, 120, False)
        assert (plain.garment, plain.labels, plain.absent) == (photo.garment, photo.labels, photo.absent)
        assert plain.picture.tobytes() != photo.picture.tobytes()


@pytest.mark.parametrize("spans", [SKIRT, PANT, COAT, SLEEVE], ids=["skirt", "pant", "coat", "sleeve"])
def test_there_is_a_margin_between_neighbouring_lengths(spans: dict[int, tuple[float, float]]) -> None:
    ordered = [spans[value] for value in sorted(spans)]
    whole = ordered[-1][1] - ordered[0][0]
    for (low, high), (next_low, _) in pairwise(ordered):
        assert low < high
        assert next_low - high > 0.05 * whole


@pytest.mark.parametrize(("seed", "height"), [(-1, 400), (0, 31), (0, -5)])
def test_what_cannot_be_drawn_is_refused(seed: int, height: int) -> None:
    with pytest.raises(ValueError):
        draw(seed, height)
