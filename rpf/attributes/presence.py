"""Presence probabilities: the threshold below which a part is missing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MISSING_BELOW = 0.5  # probability of having a part


def is_missing(presence: "npt.NDArray[np.floating]") -> "npt.NDArray[np.bool_]":
    """Tell which parts are missing rather than present, from presence probabilities of any shape."""
    return presence < MISSING_BELOW
