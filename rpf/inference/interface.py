"""Interfaces between a model and its users: indexing, the search engine, the benchmarks."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

Observer = Callable[[str, float], None]  # stage ("decode", "model", "search"), seconds that it took


class ModelOutput(Protocol):
    """Output of a model for n images and its A attributes."""

    @property
    def embedding(self) -> npt.NDArray[np.float32]: ...  # (n, A, D), unit vectors
    @property
    def box(self) -> npt.NDArray[np.int32]: ...  # (n, A, 4): left, top, right, bottom in each image's pixels
    @property
    def attention(self) -> npt.NDArray[np.float32]: ...  # (n, A, h, w) over each image's frame, sums to 1
    @property
    def presence(self) -> npt.NDArray[np.float32] | None: ...  # (n, A) probabilities of the part; None: unknown
    @property
    def values(self) -> npt.NDArray[np.float32] | None: ...  # (n, A, V) probabilities, given the part; None: unknown


class Embedder(Protocol):
    """A model that embeds images."""

    @property
    def attributes(self) -> tuple[str, ...]: ...
    @property
    def dim(self) -> int: ...  # embedding dimension of each attribute
    @property
    def checkpoint_hash(self) -> str: ...
    def embed(self, images: Sequence[Image.Image], wanted: Sequence[Sequence[int]] | None = None, /) -> ModelOutput:
        """Embed RGB images for the wanted attributes of each (positions), all if None; the others may be NaN."""
        ...


class ImageEmbedding(NamedTuple):
    """Output of a model for one image, or for a crop of it."""

    embedding: npt.NDArray[np.float32]  # (A, D), unit vectors; NaN for attributes that were not wanted
    box: npt.NDArray[np.int32]  # (A, 4): left, top, right, bottom in pixels of the whole image, turned as the crop
    presence: npt.NDArray[np.float32] | None  # (A,) probabilities of the part; None: unknown
    values: npt.NDArray[np.float32] | None  # (A, V) probabilities, given the part; NaN where not wanted; None: unknown
    size: tuple[int, int]  # width, height of the whole image in pixels, turned as the crop
    attention: npt.NDArray[np.float32]  # (A, h, w) over the frame of the crop (rpf.models.heat), sums to 1
