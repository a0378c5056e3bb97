"""A plain classifier as a baseline of accuracy: the config's backbone, trained on a dataset's images alone.

The backbone, the mean over its grid, a linear layer for each attribute, cross-entropy. The embedding of an image for an
attribute is the unit vector of that attribute's class probabilities.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from rpf.config import Config
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.image_tensors import AUGMENTATION_MARGIN, read_squares
from rpf.datasets.triplet_dataset import read_train
from rpf.evaluation.catalogue import Catalogue
from rpf.evaluation.measure import measure
from rpf.evaluation.protocol import Benchmark, Floats32, TaskEmbeddings, read_benchmark
from rpf.evaluation.report import EvaluationReport, make_report
from rpf.models.backbone import Backbone
from rpf.models.pretrained import load_backbone_weights
from rpf.search.indexes.flat import FlatIndex
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext, distributed_context
from rpf.utils.paths import WORK_FOLDER

LEARNING_RATE = 1e-3  # at first; it falls to 0 along a cosine
WEIGHT_DECAY = 0.05
TOPK = 50


class Classifier(nn.Module):
    """Images (B, 3, S, S), 0 to 1 -> for each attribute the logits of its values, (B, values) each."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.backbone = Backbone(config.MODEL.GLOBAL.BACKBONE.NAME)
        self.heads = nn.ModuleList(nn.Linear(self.backbone.channels, count) for count in config.DATA.ATTRIBUTES.NUM)
        for name, values in (("mean", config.INPUT.PIXEL_MEAN), ("std", config.INPUT.PIXEL_STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None])

    def forward(self, images: Tensor) -> list[Tensor]:
        features = self.backbone((images - self.mean) / self.std).mean(dim=(2, 3))
        return [head(features) for head in self.heads]


def train(
    model: Classifier, images: Tensor, labels: Tensor, size: int, context: DistributedContext, epochs: int, batch: int
) -> None:
    """Train on images (n, 3, S, S) uint8, S at least `size`, and labels (n, attributes) int64, -1 for unknown."""
    context.prepare(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * math.ceil(len(images) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    with tqdm(total=steps, desc="training", unit="batch") as bar:
        for _ in range(epochs):
            for rows in torch.randperm(len(images)).split(batch):
                inputs, values = images[rows].to(context.device), labels[rows].to(context.device)
                with context.autocast():
                    logits = model(augment(inputs, size)[0])
                losses = [
                    F.cross_entropy(scores.float(), values[:, attribute], ignore_index=-1, reduction="sum")
                    for attribute, scores in enumerate(logits)
                ]
                loss = torch.stack(losses).sum() / (values >= 0).sum().clamp(min=1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
                bar.update()


@torch.inference_mode()
def embed(model: Classifier, images: Tensor, context: DistributedContext, batch: int) -> list[Floats32]:
    """Embed images (n, 3, S, S) uint8 as unit vectors of class probabilities, (n, values) for each attribute."""
    model.eval()
    batches = [
        [F.normalize(logits.softmax(dim=1), dim=1).cpu() for logits in model(inputs.to(context.device).float() / 255)]
        for inputs in images.split(batch)
    ]
    return [torch.cat(parts).numpy() for parts in zip(*batches, strict=True)]


def evaluate(benchmark: Benchmark, embeddings: Sequence[Floats32], about: Mapping[str, Any]) -> EvaluationReport:
    """Evaluate the embeddings of a benchmark's images by the published protocol, and over the whole catalogue."""
    measured = [
        measure(TaskEmbeddings(task, vectors[task.queries.images], vectors[task.candidates.images]), FlatIndex(), TOPK)
        for task, vectors in zip(benchmark.tasks, embeddings, strict=True)
    ]
    dim = max(vectors.shape[1] for vectors in embeddings)
    with ExitStack() as stack:
        catalogue = Catalogue.open(benchmark, dim, stack)
        padded = [np.pad(vectors, ((0, 0), (0, dim - vectors.shape[1]))) for vectors in embeddings]
        catalogue.append(0, np.stack(padded, axis=1), None, None)
        return make_report(benchmark, {"none": measured}, TOPK, {**about, **catalogue.report()})


def run(
    config: Config, skip_bad: bool, *, epochs: int, size: int, batch: int, imagenet: bool, seed: int
) -> list[EvaluationReport]:
    """Train and evaluate; return the reports of valid and test of each dataset. Raises RPFError."""
    check = ImageCheck(skip_bad)
    datasets = [(data, split) for data in config.DATA.validated for split in ("valid", "test")]
    benchmarks = [read_benchmark(data, split, True, check) for data, split in datasets]
    split, attributes = read_train(config, check), config.DATA.ATTRIBUTES.NAME
    labels = torch.tensor([[item.labels.get(key, -1) for key in attributes] for item in split.images])
    backbone = config.MODEL.GLOBAL.BACKBONE.NAME
    torch.manual_seed(seed)
    with distributed_context(config.DEVICE) as context:
        model = Classifier(config)
        if imagenet:
            load_backbone_weights(model.backbone, backbone, WORK_FOLDER / "pretrained")
        model.to(context.device)
        paths = [split.root / item.path for item in split.images]
        inputs = config.INPUT.model_copy(update={"TALL_SIZE": 0})
        images, _ = read_squares(paths, inputs, round(AUGMENTATION_MARGIN * size))
        train(model, images, labels, size, context, epochs, batch)
        embeddings = [
            embed(model, read_squares(benchmark.paths, inputs, size)[0], context, batch) for benchmark in benchmarks
        ]
    name = f"plain {backbone} classifier, {epochs} epochs at {size} px, seed {seed}"
    about: dict[str, Any] = {"checkpoint": name + ", from ImageNet" * imagenet}
    if skipped := check.skipped():  # of all splits
        about["skipped"] = skipped
    return [
        evaluate(benchmark, vectors, {"dataset": data.DATASET, **about})
        for (data, _), benchmark, vectors in zip(datasets, benchmarks, embeddings, strict=True)
    ]
