"""Calibration of probabilities on labels whose probabilities are known."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rpf.evaluation.calibration import balanced_accuracy, expected_calibration_error, fit_presence, fit_values


def test_presence_fit_finds_the_factor_and_the_shift_of_each_attribute() -> None:
    torch.manual_seed(0)
    logits = torch.randn(20_000, 2) * 2
    truth = torch.tensor([[0.5, 0.3], [2.0, -1.0]])
    present = torch.bernoulli((logits * truth[:, 0] + truth[:, 1]).sigmoid())
    present[:100] = torch.nan
    np.testing.assert_allclose(fit_presence(logits, present), truth, atol=0.1)


def test_values_fit_finds_scales_and_biases_of_tall_images_and_others() -> None:
    torch.manual_seed(0)
    products = torch.randn(20_000, 2, 2, 4) / 2
    products[:, 1, :, 3] = -torch.inf  # the second attribute has three values
    scales = torch.tensor([[[2.0, 6.0], [5.0, 1.0]], [[1.0, 3.0], [7.5, 1.5]]])
    biases = torch.tensor([[1.0, 0.0, -0.5, -0.5], [0.5, 0.0, -0.5, 0.0]])
    biases = torch.stack([biases, biases.flip(0).roll(1, dims=1)])
    biases[1, 1, 3] = 0
    tall = torch.arange(len(products)) % 2 == 0
    logits = (products * scales[tall.long()][..., None]).sum(dim=2) + biases[tall.long()]
    probabilities = logits.softmax(dim=-1)
    values = torch.stack([torch.multinomial(p, 1)[:, 0] for p in probabilities.unbind(1)], dim=1)
    values[:100] = -1
    fitted_scales, fitted_biases = fit_values(products, tall, values)
    np.testing.assert_allclose(fitted_scales, scales, rtol=0.1)
    centred = biases - biases[..., :3].mean(dim=2, keepdim=True)
    fitted_biases -= fitted_biases[..., :3].mean(axis=2, keepdims=True)
    np.testing.assert_allclose(fitted_biases[..., :3], centred[..., :3], atol=0.15)


def test_tall_images_are_taken_like_others_where_none_is_labelled() -> None:
    torch.manual_seed(0)
    products, none = torch.randn(500, 1, 2, 4), torch.zeros(500, dtype=torch.bool)
    values = (products.sum(dim=2) * 3).softmax(dim=-1).argmax(dim=-1)
    for fitted in fit_values(products, none, values):
        np.testing.assert_allclose(fitted[0], fitted[1], rtol=1e-5)


def test_few_labels_stay_near_the_common_fit() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4000, 2)
    present = torch.bernoulli((2 * logits).sigmoid())
    present[5:, 1] = torch.nan
    present[:5, 1] = (logits[:5, 1] > 0).float()  # five labels that every large factor explains
    first, second = fit_presence(logits, present)
    assert second[0] == pytest.approx(first[0], rel=0.15)


def test_calibration_error_is_the_distance_from_the_truth() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.random(100_000)
    assert expected_calibration_error(confidence, rng.random(100_000) < confidence) < 0.01
    assert expected_calibration_error(np.full(1000, 0.9), np.arange(1000) % 2 == 0) == pytest.approx(0.4)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_balanced_accuracy_counts_each_value_the_same(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    recalls = [np.mean([p == v for t, p in pairs if t == v]) for v in set(truth.tolist())]
    assert balanced_accuracy(truth, predicted) == pytest.approx(np.mean(recalls))
