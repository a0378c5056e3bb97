"""Value classifier: the probability of each value of each attribute, from an embedding. Not in the paper.

p(value | embedding) = softmax over values of sum_b scale_b * <e_b, v_b> + bias, where e_b and v_b are branch b's parts
of the embedding and of the value's vector: the mean embedding of images that have it. Images that the model sees in its
tall frame, mostly of people, have scales and biases of their own. `rpf fit-values` fits all on labelled images, for any
checkpoint, and keeps them in a file beside it.
"""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rpf.errors import CheckpointError
from rpf.utils.files import write_atomic
from rpf.utils.paths import file_beside

FORMAT = "rpf-values-2"
TENSORS = "vectors", "scales", "biases", "tall_aspect"
MAX_VALUES = 1024  # of an attribute

Floats = npt.NDArray[np.float32]


class ValueClassifier:
    """Value vectors, scales and biases of A attributes with at most V values."""

    def __init__(
        self, vectors: Floats, scales: Floats, biases: Floats, *, tall_aspect: float = math.inf, checkpoint: str = ""
    ) -> None:
        """vectors: (A, V, D) unit vectors, NaN for values without any; scales: (2, A, B) of the B branches' equal parts
        of an embedding, and biases: (2, A, V), each for other images, then for tall ones; tall_aspect: height in widths
        above which an image is tall; checkpoint: its hash."""
        self.vectors, self.scales, self.biases = vectors, scales, biases
        self.tall_aspect, self.checkpoint = tall_aspect, checkpoint

    def probabilities(self, embeddings: npt.NDArray[np.floating], aspects: npt.NDArray[np.floating]) -> Floats:
        """Compute (n, A, V) from embeddings (n, A, D) and the images' heights in widths (n,); NaN for an attribute that
        was not embedded."""
        products = branch_products(embeddings, self.vectors, self.scales.shape[2])
        tall = (aspects > self.tall_aspect).astype(int)
        logits = (products * self.scales[tall][..., None]).sum(axis=2) + self.biases[tall]
        with np.errstate(invalid="ignore"):  # NaN stays NaN
            exponentials = np.exp(logits - np.nanmax(logits, axis=2, keepdims=True, initial=-np.inf))
        return np.asarray(exponentials / exponentials.sum(axis=2, keepdims=True), np.float32)

    @property
    def count(self) -> int:
        """Return the number of values that have a vector."""
        return int((~np.isnan(self.vectors[..., 0])).sum())

    def save(self, path: Path) -> None:
        """Write the classifier, atomically."""
        tensors = self.vectors, self.scales, self.biases, np.array([self.tall_aspect])
        # Views would be written garbled.
        contiguous = [np.ascontiguousarray(tensor, np.float32) for tensor in tensors]
        about = {"format": FORMAT, "checkpoint": self.checkpoint}
        write_atomic(path, save(dict(zip(TENSORS, contiguous, strict=True)), about))


def branch_products(embeddings: npt.NDArray[np.floating], vectors: Floats, branches: int) -> Floats:
    """Compute the branches' products (n, A, B, V) of embeddings (n, A, D) and value vectors; -inf without a vector."""
    n, attributes, dim = embeddings.shape
    parts = embeddings.astype(np.float32).reshape(n, attributes, branches, dim // branches).transpose(1, 2, 0, 3)
    known = ~np.isnan(vectors[..., 0])
    directions = np.where(known[..., None], vectors, 0).reshape(attributes, -1, branches, dim // branches)
    products = (parts @ directions.transpose(0, 2, 3, 1)).transpose(2, 0, 1, 3)
    return np.where(known[:, None], products, np.float32(-np.inf))


def classifier_path(checkpoint: Path) -> Path:
    """Return the file of a checkpoint's value classifier."""
    return file_beside(checkpoint, "values")


def read_classifier(checkpoint: Path, checkpoint_hash: str, attributes: int, dim: int) -> ValueClassifier | None:
    """Read the value classifier beside a checkpoint; None if there is none, or one of other weights.

    Raises CheckpointError for a file that cannot be used.
    """
    path = classifier_path(checkpoint)
    if not path.is_file():
        return None
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            tensors = [file.get_tensor(name) for name in TENSORS]
    except (SafetensorError, OSError) as error:
        raise CheckpointError("%(path)s cannot be read: %(why)s.", path=path, why=error) from error
    if about.get("checkpoint") != checkpoint_hash:
        return None
    vectors, scales, biases, tall_aspect = tensors
    count = vectors.shape[1] if vectors.ndim == 3 else 0
    shapes = (attributes, count, dim), (2, attributes, scales.shape[-1]), (2, attributes, count), (1,)
    fits = all(tensor.shape == shape for tensor, shape in zip(tensors, shapes, strict=True))
    if about.get("format") != FORMAT or not fits or not 0 < count <= MAX_VALUES or dim % scales.shape[-1]:
        raise CheckpointError(
            "%(path)s is not a value classifier for this checkpoint; write a new one with: rpf fit-values", path=path
        )
    return ValueClassifier(vectors, scales, biases, tall_aspect=float(tall_aspect[0]), checkpoint=checkpoint_hash)
