"""The drawn wardrobe: what its labels, masks and seeds promise."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wardrobe import Drawing, balanced, describe, draw, sample
from wardrobe.measurements import COAT, PANT, SKIRT, SLEEVE
from wardrobe.spec import ATTRIBUTES, HOOD, NECKS, PATTERNS, SETTINGS, TARGETS, make_plan

# Every value that FashionAI names.
VALUES = {
    "skirt_length": range(6),
    "sleeve_length": range(9),
    "coat_length": range(8),
    "pant_length": range(6),
    "collar_design": range(5),
    "lapel_design": range(5),
    "neckline_design": range(10),
    "neck_design": range(5),
}
OUTERWEAR = {"cardigan", "jacket", "coat", "blazer", "vest", "hoodie"}
seeds = st.integers(min_value=0, max_value=2**40)


def same(a: Drawing, b: Drawing) -> bool:
    named = (a.garment, a.labels, a.absent) == (b.garment, b.labels, b.absent)
    return named and a.picture.tobytes() == b.picture.tobytes() and np.array_equal(a.mask, b.mask)


@given(seeds, st.booleans())
def test_a_seed_always_gives_the_same_picture(seed: int, plain: bool) -> None:
    assert same(draw(seed, 160, plain), draw(seed, 160, plain))


def test_what_was_drawn_before_changes_nothing() -> None:
    fresh = [draw(seed, 120, False) for seed in range(20)]
    assert all(same(a, draw(seed, 120, False)) for seed, a in reversed(list(enumerate(fresh))))


@given(seeds)
def test_different_seeds_give_different_pictures(seed: int) -> None:
    assert draw(seed, 96).picture.tobytes() != draw(seed + 1, 96).picture.tobytes()


@given(seeds, st.booleans())
def test_labels_are_in_range_and_none_is_absent(seed: int, plain: bool) -> None:
    plan = describe(seed, plain)
    assert plan.absent.isdisjoint(plan.labels)
    assert all(value in VALUES[attribute] for attribute, value in plan.labels.items())
    unsaid = set(ATTRIBUTES) - plan.absent - set(plan.labels)
    assert unsaid == (set(NECKS.values()) if plan.neck == HOOD else set())


@given(seeds)
def test_garments_have_the_attributes_of_their_kind(seed: int) -> None:
    plan = make_plan(seed)
    necks = [a for a in plan.values if a in NECKS.values()]
    if plan.garment == "skirt":
        assert set(plan.values) == {"skirt_length"}
    elif plan.garment in ("trousers", "shorts"):
        assert set(plan.values) == {"pant_length"}
        assert (plan.values["pant_length"] <= 2) == (plan.garment == "shorts")
    else:
        assert len(necks) == (0 if plan.neck == HOOD else 1)
        assert "sleeve_length" in plan.values and "pant_length" in plan.absent
        assert ("skirt_length" in plan.values) == (plan.garment == "dress")
        assert "coat_length" not in plan.values or plan.garment in OUTERWEAR
    if plan.values.get("neckline_design") == 1:
        assert plan.values["sleeve_length"] == 1, "a strapless garment has nothing to hang a sleeve on"


@given(seeds, st.booleans(), st.integers(min_value=64, max_value=420))
@example(3450933, False, 64)  # a short top on a whole mannequin
def test_the_mask_covers_the_garment_within_the_picture(seed: int, plain: bool, size: int) -> None:
    drawing = draw(seed, size, plain)
    picture = drawing.picture
    assert picture.mode == "RGB" and max(picture.size) == size
    assert 0.5 * size <= min(picture.size)
    assert drawing.mask.dtype == bool and drawing.mask.shape == (picture.height, picture.width)
    assert 0.03 < drawing.mask.mean() < 0.97
    if plain:
        edge = np.concatenate([drawing.mask[0], drawing.mask[-1], drawing.mask[:, 0], drawing.mask[:, -1]])
        assert not edge.any(), "the frame cuts the garment off"


@given(st.sampled_from(TARGETS), st.integers(min_value=0, max_value=10_000))
def test_a_sample_has_the_value_that_was_asked_for(target: tuple[str, int], seed: int) -> None:
    drawing = sample(*target, seed=seed, size=64)
    assert drawing.labels[target[0]] == target[1]
    plan = make_plan(seed, target)
    assert drawing.labels == plan.labels and drawing.garment == plan.garment


@given(st.sampled_from([t for t in TARGETS if t[1] and t[0].endswith("_length")]), st.integers(0, 10_000))
def test_the_ends_that_a_label_tells_of_are_in_the_picture(target: tuple[str, int], seed: int) -> None:
    """The frame may cut off what no label tells of, and never a labelled hem."""
    plan = make_plan(seed, target)
    lower = sample(*target, seed=seed, size=128).mask[-1]
    if {"skirt_length", "coat_length", "pant_length"} & set(plan.values):
        assert not lower.any()


def test_a_hidden_length_is_cut_off_by_the_frame() -> None:
    for attribute in ("skirt_length", "coat_length", "pant_length"):
        for seed in range(12):
            assert sample(attribute, 0, seed, 128).mask[-1].any(), (attribute, seed)


def test_every_value_has_a_picture_and_only_those_can_be_asked_for() -> None:
    assert {(a, v) for a, values in VALUES.items() for v in values} == set(TARGETS)
    for wrong in (("neck_design", 5), ("sleeve_length", -1), ("hem", 1)):
        with pytest.raises(ValueError, match="no garment is drawn for"):
            sample(*wrong)
    with pytest.raises(ValueError, match="no garment is drawn for"):
        sample("sleeve_length", 0, plain=True)


def test_the_garment_stands_out_from_a_plain_background() -> None:
    for seed in range(60):
        drawing = draw(seed, 200)
        pixels = np.asarray(drawing.picture).astype(float)
        # Beyond the shadow, a studio is light and smooth.
        corners = np.concatenate([pixels[:6, :6].reshape(-1, 3), pixels[:6, -6:].reshape(-1, 3)])
        assert corners.mean() > 195 and corners.std(axis=0).max() < 8
        assert pixels[drawing.mask].std() > 3, "a garment without folds or edges"


def test_1200_garments_are_balanced() -> None:
    plans = [describe(seed) for seed in range(1200)]
    garments = Counter(plan.garment for plan in plans)
    assert set(garments) == set(PATTERNS)
    assert min(garments.values()) >= 20
    assert {plan.setting for plan in plans} == set(SETTINGS)
    for attribute, values in VALUES.items():
        found = Counter(plan.labels[attribute] for plan in plans if attribute in plan.labels)
        assert set(found) == set(values) - {0}, "a plain picture hides nothing"
        assert min(found.values()) >= 20, (attribute, found)


def test_a_generator_gives_the_garments_of_consecutive_seeds() -> None:
    given_, expected = list(balanced(3, first=7, size=64)), [draw(seed, 64) for seed in (7, 8, 9)]
    assert all(same(a, b) for a, b in zip(given_, expected, strict=True))


def test_plain_and_photographed_show_the_same_garment() -> None:
    for seed in range(104):
        plain, photo = describe(seed), describe(seed, plain=False)
        assert (plain.garment, plain.values, plain.absent) == (photo.garment, photo.values, photo.absent)
        assert not plain.hidden
        hidden = {a for a, value in photo.labels.items() if value == 0}
        assert hidden >= ({photo.hidden} if photo.hidden else set())
        assert hidden <= {photo.hidden} or hidden == {"coat_length", "sleeve_length"}
    assert draw(3, 120).picture.tobytes() != draw(3, 120, plain=False).picture.tobytes()


@pytest.mark.parametrize("spans", [SKIRT, PANT, COAT, SLEEVE], ids=["skirt", "pant", "coat", "sleeve"])
def test_there_is_a_margin_between_neighbouring_lengths(spans: dict[int, tuple[float, float]]) -> None:
    ordered = [spans[value] for value in sorted(spans)]
    whole = ordered[-1][1] - ordered[0][0]
    for (low, high), (next_low, _) in pairwise(ordered):
        assert low < high
        assert next_low - high > 0.05 * whole


@pytest.mark.parametrize(("seed", "size"), [(-1, 400), (0, 31), (0, -5)])
def test_what_cannot_be_drawn_is_refused(seed: int, size: int) -> None:
    with pytest.raises(ValueError):
        draw(seed, size)
