"""The interface between a model and what uses it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

Observer = Callable[[str, float], None]  # what was done ("decode" or "model"), and the seconds that it took


class ModelOutput(Protocol):
    """What a model computes for n pictures."""

    @property
    def embedding(self) -> npt.NDArray[np.float32]: ...  # (n, A, D), unit vectors
    @property
    def box(self) -> npt.NDArray[np.int32]: ...  # (n, A, 4): left, top, right, bottom in each picture's pixels
    @property
    def presence(self) -> npt.NDArray[np.float32] | None: ...  # (n, A): how likely it has that part; None: unknown


class Embedder(Protocol):
    """A model as indexing needs it."""

    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def dim(self) -> int: ...
    @property
    def checkpoint_hash(self) -> str: ...
    def embed(self, pictures: Sequence[Image.Image], /) -> ModelOutput: ...


class Model(Protocol):
    """A model as searching needs it."""

    def embed(self, pictures: Sequence[Image.Image], wanted: Sequence[Sequence[int]], /) -> ModelOutput: ...


class ImageEmbedding(NamedTuple):
    """What the model made of one picture."""

    embedding: npt.NDArray[np.float32]  # (A, D), unit vectors; NaN for attributes that were not asked for
    box: npt.NDArray[np.int32]  # (A, 4): left, top, right, bottom in the picture's pixels
    presence: npt.NDArray[np.float32] | None  # (A,): how likely it has that part; None: unknown
    size: tuple[int, int]  # width, height in pixels
