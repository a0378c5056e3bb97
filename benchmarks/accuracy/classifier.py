"""A plain classifier, to compare with: the config's trunk, trained on a dataset's pictures alone.

The trunk, the mean over its grid, a linear layer for each attribute, cross-entropy. Then the embedding of a picture
for an attribute is the unit vector of that attribute's class probabilities, searched by the published protocol:

    python -m benchmarks.accuracy.classifier --cfg config/Clothing/Clothing.yaml config/rpf-small.yaml \\
        --set DATA.BASE_PATH=../shared --out runs/classifier
    python -m rpf compare runs/classifier/test/report.json report/report.json --names "classifier,ours" --out compared
"""

import math
from pathlib import Path
from typing import Any

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from rpf import config as configs
from rpf.cli.options import FILE, SKIP_BAD, ManyConfigs
from rpf.cli.output import say
from rpf.config import Config
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.image_tensors import ROOM, read_squares
from rpf.datasets.triplet_dataset import read_train
from rpf.errors import RPFError
from rpf.evaluation.export import write_report
from rpf.evaluation.measure import measure
from rpf.evaluation.protocol import Benchmark, Vectors, read_benchmark
from rpf.evaluation.report import Report, make_report
from rpf.evaluation.tables import as_text
from rpf.models.backbone import make_trunk
from rpf.models.pretrained import start_backbone
from rpf.search.exact import FlatIndex
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext, hardware
from rpf.utils.paths import WORK_FOLDER

RATE, DECAY = 1e-3, 0.05  # of AdamW; the rate falls to 0 along a cosine
TOPK = 50


class Classifier(nn.Module):
    """Pictures (B, 3, S, S), 0 to 1 -> for each attribute the logits of its values, (B, values) each."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.trunk = make_trunk(config.MODEL.GLOBAL.BACKBONE.NAME)
        self.heads = nn.ModuleList(nn.Linear(self.trunk.channels, count) for count in config.DATA.ATTRIBUTES.NUM)
        for name, values in (("mean", config.INPUT.PIXEL_MEAN), ("std", config.INPUT.PIXEL_STD)):
            self.register_buffer(name, torch.tensor(values)[:, None, None])

    def forward(self, pictures: Tensor) -> list[Tensor]:
        seen = self.trunk((pictures - self.mean) / self.std).mean(dim=(2, 3))
        return [head(seen) for head in self.heads]


def train(
    model: Classifier, pictures: Tensor, labels: Tensor, size: int, machine: DistributedContext, epochs: int, batch: int
) -> None:
    """pictures (n, 3, S, S) uint8, S at least `size`; labels (n, attributes) int64, -1 for unknown."""
    machine.prepare(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    steps = epochs * math.ceil(len(pictures) / batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    model.train()
    with tqdm(total=steps, desc="training", unit="batch") as bar:
        for _ in range(epochs):
            for rows in torch.randperm(len(pictures)).split(batch):
                images, values = pictures[rows].to(machine.device), labels[rows].to(machine.device)
                with machine.autocast():
                    logits = model(augment(images, size).images)
                losses = [
                    F.cross_entropy(own.float(), values[:, attribute], ignore_index=-1, reduction="sum")
                    for attribute, own in enumerate(logits)
                ]
                loss = torch.stack(losses).sum() / (values >= 0).sum().clamp(min=1)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
                bar.set_postfix_str(f"loss {loss.item():.3f}", refresh=False)
                bar.update()


@torch.inference_mode()
def evaluate(
    model: Classifier, benchmark: Benchmark, pictures: Tensor, machine: DistributedContext, batch: int
) -> list[Vectors]:
    """The unit vectors of class probabilities, by task. pictures: the benchmark's, (n, 3, S, S) uint8."""
    model.eval()
    pieces = [
        [F.normalize(logits.softmax(dim=1), dim=1).cpu() for logits in model(images.to(machine.device).float() / 255)]
        for images in pictures.split(batch)
    ]
    found = [torch.cat(own).numpy() for own in zip(*pieces, strict=True)]
    return [
        Vectors(task, own[task.queries.images], own[task.candidates.images])
        for task, own in zip(benchmark.tasks, found, strict=True)
    ]


@click.command(cls=ManyConfigs)
@click.option("--cfg", "files", multiple=True, required=True, type=FILE, help="Config files: --cfg A.yaml B.yaml.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the config files'.")
@click.option("--epochs", default=60, show_default=True, type=click.IntRange(1))
@click.option("--size", default=128, show_default=True, type=click.IntRange(32), help="Pixels a side.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(2))
@click.option("--imagenet", is_flag=True, help="Begin with ImageNet weights, as `rpf train` finds them; else random.")
@click.option("--seed", default=0, show_default=True)
@SKIP_BAD
@click.option("--out", required=True, type=FILE, help="Folder for valid/ and test/ with report.json and all beside it.")
def main(
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    epochs: int,
    size: int,
    batch: int,
    imagenet: bool,
    seed: int,
    skip_bad: bool,
    out: Path,
) -> None:
    """Train a plain classifier on the split train and measure it on valid and test."""
    try:
        for report in run(configs.load(files, overrides), epochs, size, batch, imagenet, seed, skip_bad):
            folder = out / str(report["split"])
            folder.mkdir(parents=True, exist_ok=True)
            write_report(folder, report)
            say(*as_text(report).splitlines(), "")
    except RPFError as error:
        raise click.ClickException(str(error)) from None


def run(
    config: Config, epochs: int, size: int, batch: int, imagenet: bool, seed: int, skip_bad: bool = False
) -> list[Report]:
    """Train and measure: the reports of valid and test. Raises RPFError."""
    check = ImageCheck(skip_bad)
    benchmarks = [read_benchmark(config.DATA, split, check=check) for split in ("valid", "test")]
    split, attributes = read_train(config, check), config.DATA.ATTRIBUTES.NAME
    labels = torch.tensor([[item.labels.get(key, -1) for key in attributes] for item in split.items])
    torch.manual_seed(seed)
    with hardware(config.DEVICE) as machine:
        model = Classifier(config)
        if imagenet:
            start_backbone(model.trunk, config.MODEL.GLOBAL.BACKBONE.NAME, WORK_FOLDER / "pretrained")
        model.to(machine.device)
        sources = [[split.root / item.path for item in split.items], *(one.paths for one in benchmarks)]
        sides = (round(ROOM * size), size, size)
        pictures, *others = [
            read_squares(paths, config.INPUT.SQUARE, side) for paths, side in zip(sources, sides, strict=True)
        ]
        train(model, pictures, labels, size, machine, epochs, batch)
        found = [evaluate(model, one, own, machine, batch) for one, own in zip(benchmarks, others, strict=True)]
    name = f"plain {config.MODEL.GLOBAL.BACKBONE.NAME} classifier, {epochs} epochs at {size} px, seed {seed}"
    about: dict[str, Any] = {
        "dataset": config.DATA.DATASET,
        "checkpoint": name + (", from ImageNet" if imagenet else ""),
    }
    if skipped := check.skipped():  # of the splits that it was trained and measured on
        about["skipped"] = skipped
    return [
        make_report(benchmark, {"none": [measure(one, FlatIndex(), TOPK) for one in vectors]}, TOPK, about)
        for benchmark, vectors in zip(benchmarks, found, strict=True)
    ]


if __name__ == "__main__":
    main()
