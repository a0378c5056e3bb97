"""Search methods behind one interface: given query vectors, the best rows of a collection and their likeness."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt


class Found(NamedTuple):
    """The best rows, best first; equal scores go to the lower row."""

    rows: npt.NDArray[np.int64]  # (m,) rows of Collection.ids
    scores: npt.NDArray[np.float64]  # (m,) weighted mean cosine, rounded to 6 decimals
    cosines: npt.NDArray[np.float32]  # (a, m) per chosen attribute


class Index(Protocol):
    """A search method over one collection."""

    def search(
        self,
        queries: npt.NDArray[np.float32],
        attributes: Sequence[int],
        weights: npt.NDArray[np.float64],
        count: int,
    ) -> Found:
        """queries (a, D) unit vectors, one for each of the `attributes` (positions in the collection), weights
        (a,) that sum to more than 0 -> the `count` best rows, or all where there are fewer."""
        ...
