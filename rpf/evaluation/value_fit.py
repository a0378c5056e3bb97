"""Fit of a value classifier: mean embeddings of the train split's values, scales and biases by the valid split."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from rpf.config import DataConfig
from rpf.datasets.annotations import LabelledImage, read_split
from rpf.datasets.image_check import ImageCheck
from rpf.errors import DatasetError
from rpf.evaluation.calibration import fit_values
from rpf.evaluation.protocol import decode_batches
from rpf.models.base import TwoBranchModel
from rpf.models.value_classifier import ValueClassifier, branch_products
from rpf.utils.progress import Progress

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def fit_classifier(
    model: TwoBranchModel,
    datasets: Sequence[DataConfig],
    most: int,
    batch_size: int = 64,
    progress: Progress = lambda *_: None,
) -> ValueClassifier:
    """Fit a value classifier for a model's embeddings.

    most: train images to embed of each value and dataset, chosen at random by a fixed seed. Raises DatasetError.
    """
    attributes, branches = model.attributes, 1 if model.patch is None else 2
    sums = np.zeros((len(attributes), max(model.config.DATA.ATTRIBUTES.NUM), model.dim), np.float32)
    products, aspects, values = [], [], []
    for data in datasets:
        for embeddings, _, labels in _embed(model, data, "train", most, batch_size, progress):
            for attribute in range(len(attributes)):
                rows = labels[:, attribute] >= 0
                np.add.at(sums[attribute], labels[rows, attribute], embeddings[rows, attribute])
    vectors = np.where(sums.any(axis=2, keepdims=True), sums, np.nan)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    for data in datasets:
        for embeddings, shapes, labels in _embed(model, data, "valid", most, batch_size, progress):
            products.append(branch_products(embeddings, vectors, branches))
            aspects.append(shapes)
            values.append(labels)
    tall_aspect = model.config.INPUT.tall_aspect
    tall = np.concatenate(aspects) > tall_aspect
    parts = np.concatenate(products), tall, np.concatenate(values)
    scales, biases = fit_values(*(torch.from_numpy(part) for part in parts))
    return ValueClassifier(vectors, scales, biases, tall_aspect=tall_aspect, checkpoint=model.checkpoint_hash)


def _embed(
    model: TwoBranchModel, data: DataConfig, split: str, most: int, batch_size: int, progress: Progress
) -> Iterator[tuple[Floats, Floats, Labels]]:
    """Yield embeddings (n, A, D), heights in widths (n,) and values (n, A), -1 where unknown, of images that help."""
    images = _choose(read_split(data.folder, data, split), most)
    bad = ImageCheck().bad_paths(data.folder, images)
    images = [image for image in images if image.path not in bad]
    if not images:
        raise DatasetError("%(folder)s: the split %(split)s has no labels.", folder=data.folder, split=split)
    done, phase = 0, f"embedding {data.DATASET} {split}"
    progress(phase, done, len(images))
    for batch in decode_batches([data.folder / image.path for image in images], batch_size):
        labels = [[image.labels.get(key, -1) for key in model.attributes] for image in images[done : done + len(batch)]]
        aspects = np.array([image.height / image.width for image in batch])
        yield model.embed(batch).embedding, aspects, np.array(labels)
        done += len(batch)
        progress(phase, done, len(images))


def _choose(images: Sequence[LabelledImage], most: int) -> list[LabelledImage]:
    """Choose images at random, until each value has `most` of them, in the order of their ids."""
    counts: Counter[tuple[str, int]] = Counter()
    chosen = []
    for row in np.random.default_rng(0).permutation(len(images)).tolist():
        if any(counts[pair] < most for pair in images[row].labels.items()):
            counts.update(images[row].labels.items())
            chosen.append(row)
    return [images[row] for row in sorted(chosen)]
