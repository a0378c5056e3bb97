"""Labels, masks and seeds of drawn garments."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardrobe import Drawing, balanced, describe, draw, sample
from wardrobe.measurements import COAT_LENGTHS_CM, PANT_LENGTHS_CM, SKIRT_LENGTHS_CM, SLEEVE_LENGTH_SHARES
from wardrobe.spec import ANY, ATTRIBUTES, BLOCK, GARMENT_TYPES, HOOD, NECKS, SETTINGS, TARGETS, make_plan

# Every value that FashionAI names, without 0 for a part that the image hides.
VALUES = {
    "skirt_length": range(1, 6),
    "sleeve_length": range(1, 9),
    "coat_length": range(1, 8),
    "pant_length": range(1, 6),
    "collar_design": range(1, 5),
    "lapel_design": range(1, 5),
    "neckline_design": range(1, 10),
    "neck_design": range(1, 5),
}
OUTERWEAR = {"cardigan", "jacket", "coat", "blazer", "vest", "hoodie"}
seeds = st.integers(min_value=0, max_value=2**40)


def equal_drawings(a: Drawing, b: Drawing) -> bool:
    same_labels = (a.garment, a.labels, a.missing) == (b.garment, b.labels, b.missing)
    return same_labels and a.image.tobytes() == b.image.tobytes() and np.array_equal(a.mask, b.mask)


@given(seeds)
def test_draw_same_seed_gives_identical_drawings(seed: int) -> None:
    assert equal_drawings(draw(seed, 64), draw(seed, 64))


def test_draw_in_another_order_gives_identical_drawings() -> None:
    fresh = [draw(seed, 64) for seed in range(10)]
    assert all(equal_drawings(a, draw(seed, 64)) for seed, a in reversed(list(enumerate(fresh))))


@given(seeds)
def test_draw_different_seeds_give_different_images(seed: int) -> None:
    assert draw(seed, 64).image.tobytes() != draw(seed + 1, 64).image.tobytes()


@given(seeds)
def test_describe_any_seed_gives_valid_values_disjoint_from_missing(seed: int) -> None:
    plan = describe(seed)
    assert plan.missing.isdisjoint(plan.values)
    assert all(value in VALUES[attribute] for attribute, value in plan.values.items())
    undecided = set(ATTRIBUTES) - plan.missing - set(plan.values)
    assert undecided == (set(NECKS.values()) if plan.neck == HOOD else set())


@given(seeds)
def test_make_plan_any_seed_gives_attributes_of_the_garment_kind(seed: int) -> None:
    plan = make_plan(seed)
    necks = [a for a in plan.values if a in NECKS.values()]
    if plan.garment == "skirt":
        assert set(plan.values) == {"skirt_length"}
    elif plan.garment in ("trousers", "shorts"):
        assert set(plan.values) == {"pant_length"}
        assert (plan.values["pant_length"] <= 2) == (plan.garment == "shorts")
    else:
        assert len(necks) == (0 if plan.neck == HOOD else 1)
        assert "sleeve_length" in plan.values and "pant_length" in plan.missing
        assert ("skirt_length" in plan.values) == (plan.garment == "dress")
        assert "coat_length" not in plan.values or plan.garment in OUTERWEAR
    if plan.values.get("neckline_design") == 1:
        assert plan.values["sleeve_length"] == 1, "a strapless garment holds no sleeve"


@given(seeds, st.integers(min_value=64, max_value=420))
def test_draw_any_size_shows_the_whole_garment(seed: int, size: int) -> None:
    drawing = draw(seed, size)
    image = drawing.image
    assert image.mode == "RGB" and image.size == (round(0.8 * size), size)
    assert drawing.mask.dtype == bool and drawing.mask.shape == (image.height, image.width)
    assert 0.03 < drawing.mask.mean() < 0.97
    edge = np.concatenate([drawing.mask[0], drawing.mask[-1], drawing.mask[:, 0], drawing.mask[:, -1]])
    assert not edge.any(), "the frame crops the garment"


@given(st.sampled_from(TARGETS), st.integers(min_value=0, max_value=10_000))
def test_sample_any_value_gives_that_label(target: tuple[str, int], seed: int) -> None:
    drawing = sample(*target, seed=seed, size=64)
    assert drawing.labels[target[0]] == target[1]
    plan = make_plan(seed, target)
    assert drawing.labels == plan.values and drawing.garment == plan.garment


def test_targets_are_all_values_of_fashionai() -> None:
    assert {(a, v) for a, values in VALUES.items() for v in values} == set(TARGETS)


def test_sample_unknown_value_is_refused() -> None:
    for target in (("neck_design", 5), ("sleeve_length", -1), ("sleeve_length", 0), ("hem", 1)):
        with pytest.raises(ValueError, match="No garment can be drawn for"):
            sample(*target)


def test_draw_gives_light_smooth_background() -> None:
    for seed in range(20):
        drawing = draw(seed, 200)
        pixels = np.asarray(drawing.image).astype(float)
        # The corners lie beyond the shadow.
        corners = np.concatenate([pixels[:6, :6].reshape(-1, 3), pixels[:6, -6:].reshape(-1, 3)])
        assert corners.mean() > 195 and corners.std(axis=0).max() < 8
        assert pixels[drawing.mask].std() > 3, "a garment without folds or edges"


def test_describe_1200_seeds_covers_all_values_evenly() -> None:
    plans = [describe(seed) for seed in range(1200)]
    garments = Counter(plan.garment for plan in plans)
    assert set(garments) == set(GARMENT_TYPES)
    assert min(garments.values()) >= 20
    assert {plan.setting for plan in plans} == set(SETTINGS)
    for attribute, values in VALUES.items():
        counts = Counter(plan.values[attribute] for plan in plans if attribute in plan.values)
        assert set(counts) == set(values)
        assert min(counts.values()) >= 20, (attribute, counts)


def test_balanced_draws_consecutive_seeds() -> None:
    drawings, expected = list(balanced(3, first=7, size=64)), [draw(seed, 64) for seed in (7, 8, 9)]
    assert all(equal_drawings(a, b) for a, b in zip(drawings, expected, strict=True))


def test_make_plan_block_of_seeds_has_each_value() -> None:
    first = 7 * len(BLOCK)
    plans = [make_plan(seed) for seed in range(first, first + len(BLOCK))]
    for attribute, value in TARGETS:
        assert any(plan.values.get(attribute) == value for plan in plans), (attribute, value)


@given(st.integers(min_value=0, max_value=10_000), st.sampled_from(ATTRIBUTES))
def test_make_plan_any_value_of_an_attribute_gives_the_attribute(seed: int, attribute: str) -> None:
    assert attribute in make_plan(seed, (attribute, ANY)).values


@pytest.mark.parametrize(
    "spans",
    [SKIRT_LENGTHS_CM, PANT_LENGTHS_CM, COAT_LENGTHS_CM, SLEEVE_LENGTH_SHARES],
    ids=["skirt", "pant", "coat", "sleeve"],
)
def test_length_spans_of_neighbouring_values_have_a_gap(spans: dict[int, tuple[float, float]]) -> None:
    ordered = [spans[value] for value in sorted(spans)]
    full_range = ordered[-1][1] - ordered[0][0]
    for (low, high), (next_low, _) in pairwise(ordered):
        assert low < high
        assert next_low - high > 0.05 * full_range


@pytest.mark.parametrize(("seed", "size"), [(-1, 400), (0, 31), (0, -5)])
def test_draw_invalid_seed_or_size_is_refused(seed: int, size: int) -> None:
    with pytest.raises(ValueError):
        draw(seed, size)
