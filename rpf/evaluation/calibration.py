"""Probabilities that hold: their fit on held-out images, and how far they are from the truth.

Presence is fitted by Platt scaling (Platt 1999), a factor and a shift for each attribute; values by a factor for each
branch's logits, a product of experts with temperatures (Guo et al. 2017). Few labels fit badly: a penalty holds every
attribute near the fit of all together.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

PENALTY = 20.0  # labels' worth of holding on to the common fit
BINS = 15  # of probability, in the expected calibration error
MIN_FACTOR = 0.01
IMPOSSIBLE = -1e4  # logit of a value that an attribute does not have

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Pairs = tuple[tuple[float, float], ...]


def fit_presence(logits: Tensor, present: Tensor) -> Pairs:
    """Fit (factor, shift) for each attribute from logits (n, A) and present (n, A): 1, 0, or NaN where unknown."""

    def loss(attribute: int, parameters: Tensor) -> Tensor:
        known = ~present[:, attribute].isnan()
        scaled = logits[known, attribute] * parameters[0] + parameters[1]
        return F.binary_cross_entropy_with_logits(scaled, present[known, attribute], reduction="sum")

    return _fit(loss, logits.shape[1], (1.0, 0.0))


def fit_values(logits: Tensor, values: Tensor) -> Pairs:
    """Fit (region's factor, patch's factor) for each attribute.

    logits: (n, A, branches, values), -inf beyond an attribute's values; values: (n, A), -1 where unknown.
    """

    logits = logits.clamp(min=IMPOSSIBLE)  # -inf has no gradient

    def loss(attribute: int, parameters: Tensor) -> Tensor:
        known = values[:, attribute] >= 0
        factors = parameters[: logits.shape[2]].clamp(min=MIN_FACTOR)
        scaled = (logits[known, attribute] * factors[:, None]).sum(dim=1)
        return F.cross_entropy(scaled, values[known, attribute], reduction="sum")

    pairs = _fit(loss, logits.shape[1], (0.5, 0.5))
    return tuple((max(region, MIN_FACTOR), max(patch, MIN_FACTOR)) for region, patch in pairs)


def _fit(loss: Callable[[int, Tensor], Tensor], attributes: int, start: tuple[float, float]) -> Pairs:
    """Minimise the sum of all attributes' losses, then each one's with the penalty for leaving that fit."""
    common = _minimise(lambda p: torch.stack([loss(a, p) for a in range(attributes)]).sum(), torch.tensor(start))

    def fit(attribute: int) -> tuple[float, float]:
        def held(parameters: Tensor) -> Tensor:
            return loss(attribute, parameters) + PENALTY * ((parameters - common) / (1 + common.abs())).square().sum()

        first, second = _minimise(held, common).tolist()
        return round(first, 4), round(second, 4)

    return tuple(fit(attribute) for attribute in range(attributes))


def _minimise(loss: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    parameters = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss(parameters)
        value.backward()
        return value

    optimizer.step(step)
    return parameters.detach()


def expected_calibration_error(confidence: Floats, correct: Bools) -> float:
    """Average |accuracy - mean confidence| over bins of equal width, weighted by their size (Naeini et al. 2015)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    chosen = [bins == number for number in np.unique(bins)]
    return float(sum(abs(correct[rows].mean() - confidence[rows].mean()) * rows.mean() for rows in chosen))


def balanced_accuracy(truth: Sequence[int] | npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> float:
    """Average the accuracy of each value that occurs, each counting the same."""
    truth = np.asarray(truth)
    return float(np.mean([(predicted[truth == value] == value).mean() for value in np.unique(truth)]))
