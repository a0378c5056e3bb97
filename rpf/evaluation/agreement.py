"""Agreement of a model in another precision with the one in float32, on images that need no labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rpf.evaluation.protocol import decode_batches
from rpf.inference.quantization import Agreement, compared_results
from rpf.models.base import TwoBranchModel
from rpf.models.output import TwoBranchOutput
from rpf.utils.progress import Progress

BATCH_SIZE = 16  # images
CLOSE_OVERLAP = 0.9  # intersection over union of crop boxes

Floats = npt.NDArray[np.floating]


class CollectedOutputs:
    """A model's embeddings and crop boxes of n images."""

    def __init__(self) -> None:
        self._embeddings: list[npt.NDArray[np.float32]] = []
        self._boxes: list[npt.NDArray[np.int32]] = []

    def append(self, first: int, output: TwoBranchOutput) -> None:
        """Add a batch, as an observer of `embed_benchmark`."""
        self._embeddings.append(output.embedding)
        self._boxes.append(output.box)

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        return np.concatenate(self._embeddings)  # (n, A, D)

    @property
    def boxes(self) -> npt.NDArray[np.int32]:
        return np.concatenate(self._boxes)  # (n, A, 4)


def embed_images(model: TwoBranchModel, paths: Sequence[Path], progress: Progress) -> CollectedOutputs:
    """Embed images for all attributes. Raises DatasetError for one that cannot be read."""
    outputs = CollectedOutputs()
    for number, images in enumerate(decode_batches(paths, BATCH_SIZE)):
        progress("embedding", number * BATCH_SIZE, len(paths))
        outputs.append(number, model.embed(images))
    progress("embedding", len(paths), len(paths))
    return outputs


def compare_outputs(exact: CollectedOutputs, other: CollectedOutputs) -> Agreement:
    """Compare the outputs of two models for the same images."""
    cosines = (exact.embeddings * other.embeddings).sum(axis=-1)
    return Agreement(
        images=len(cosines),
        median_cosine=float(np.median(cosines)),
        lowest_percent_cosine=float(np.quantile(cosines, 0.01)),
        close_boxes=float((overlap(exact.boxes, other.boxes) > CLOSE_OVERLAP).mean()),
        shared_results=shared_results(exact.embeddings, other.embeddings),
    )


def overlap(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(..., 4) boxes -> (...) intersection over union, 0 to 1."""
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = sides.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(shared / (areas[0] + areas[1] - shared))


def shared_results(exact: Floats, other: Floats) -> float:
    """Return the mean share of first results that searches by exact embeddings (n, A, D) and by others have in common.

    Each image is searched, by each attribute, among the exact embeddings of the other images.
    """
    first, shares = compared_results(len(exact)), []
    for gallery, queries in zip(exact.swapaxes(0, 1), other.swapaxes(0, 1), strict=True):
        one, two = (_first_results(vectors @ gallery.T, first) for vectors in (gallery, queries))
        shares.append((one & two).sum(axis=1).mean() / first)
    return float(np.mean(shares))


def _first_results(scores: Floats, count: int) -> npt.NDArray[np.bool_]:
    """Mark the highest scores (n, n) of each row but its own."""
    np.fill_diagonal(scores, -np.inf)
    marks = np.zeros(scores.shape, bool)
    np.put_along_axis(marks, np.argpartition(-scores, count - 1)[:, :count], True, axis=1)
    return marks
