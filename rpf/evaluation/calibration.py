"""Probabilities that hold: their fit on held-out images, and how far they are from the truth.

Presence is fitted by Platt scaling (Platt 1999), a factor and a shift for each attribute; values by a scale for each
branch and a bias for each value (vector scaling, Guo et al. 2017), and on tall images by a temperature and a bias more.
Few labels fit badly: penalties hold presence near the fit of all attributes together, values near equal scales without
biases, and tall images near the others.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

PENALTY = 20.0  # labels' worth of holding on to the common fit
BINS = 15  # of probability, in the expected calibration error
IMPOSSIBLE = -100.0  # in place of -inf, which has no gradient
SCALE = 10.0  # of a value's product, before anything is fitted

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Pairs = tuple[tuple[float, float], ...]


def fit_presence(logits: Tensor, present: Tensor) -> Pairs:
    """Fit (factor, shift) for each attribute from logits (n, A) and present (n, A): 1, 0, or NaN where unknown."""

    def loss(attribute: int, parameters: Tensor) -> Tensor:
        known = ~present[:, attribute].isnan()
        scaled = logits[known, attribute] * parameters[0] + parameters[1]
        return F.binary_cross_entropy_with_logits(scaled, present[known, attribute], reduction="sum")

    return _fit(loss, logits.shape[1], (1.0, 0.0))


def fit_values(products: Tensor, tall: Tensor, values: Tensor) -> tuple[Floats32, Floats32]:
    """Fit the scales (2, A, B) and biases (2, A, V) of a value classifier (rpf.models.value_classifier).

    products: (n, A, B, V), -inf without a vector; tall: (n,) bool; values: (n, A), -1 where unknown.
    """
    products = products.clamp(min=IMPOSSIBLE)
    branches, count = products.shape[2:]
    start = torch.tensor([SCALE / branches] * branches + [0.0] * (count + 1 + count))

    def of_tall(parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Return scales (2, B) and biases (2, V), of other images and of tall ones."""
        scales, biases, log_factor, shifts = parameters.split([branches, count, 1, count])
        factor = log_factor.exp()
        return torch.stack([scales, factor * scales]), torch.stack([biases, factor * biases + shifts])

    def fit(attribute: int) -> tuple[Tensor, Tensor]:
        known = values[:, attribute] >= 0
        which = tall[known].long()

        def loss(parameters: Tensor) -> Tensor:
            scales, biases = of_tall(parameters)
            logits = (products[known, attribute] * scales[which][..., None]).sum(dim=1) + biases[which]
            errors = F.cross_entropy(logits, values[known, attribute], reduction="sum")
            return errors + ((parameters - start) / start.clamp(min=1)).square().sum()

        return of_tall(_minimise(loss, start))

    scales, biases = zip(*(fit(attribute) for attribute in range(products.shape[1])), strict=True)
    return torch.stack(scales, dim=1).numpy(), torch.stack(biases, dim=1).numpy()


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
