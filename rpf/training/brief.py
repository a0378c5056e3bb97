"""A brief training that gives the site's default model sensible first weights, in about an hour on two cores.

Not the paper's training. At first each (picture, attribute) is classified among that attribute's values by its cosine
to one learnt vector per value; then pictures of one value are drawn together and those of different values driven
apart (supervised contrastive loss, Khosla et al. 2020), which spreads the cosines that a search compares. Both for both
branches. Pictures are drawn garments and, where given, a labelled dataset's train split. The shipped weights:

    python -m rpf.training.brief --steps 1700 --drawn 2000 --dataset config/Clothing/Clothing.yaml \\
        --set DATA.BASE_PATH=../shared --out runs/rpf-small/start.safetensors
    python -m rpf.training.brief --loss pairs --start runs/rpf-small/start.safetensors --steps 330 --batch 48 \\
        --rate 3e-4 --reduced 0 --drawn 1500 --dataset config/Clothing/Clothing.yaml --set DATA.BASE_PATH=../shared \\
        --out runs/rpf-small/model.safetensors
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import click
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from rpf import config as configs
from rpf.config import Config
from rpf.data.annotations import read_split
from rpf.data.wardrobe import draw
from rpf.images import centre_square, crop, open_image
from rpf.model import checkpoint
from rpf.model.roi import attention_squares
from rpf.model.rpf import RPF

ROOT = Path(__file__).resolve().parents[2]
NOTE = "This model was trained briefly, as a start; a fully trained one is being prepared."
CACHED_SIDE = 256  # pixels of the short side of the pictures kept in memory
SCALE = 16.0  # of the cosines to the values' vectors, before the softmax
TEMPERATURE = 0.1  # of the cosines of pairs

Sample = tuple[Image.Image, dict[str, int]]


class Prototypes(nn.Module):
    """One learnt direction per value of each attribute, for both branches."""

    def __init__(self, counts: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.region = nn.ParameterList(nn.Parameter(torch.randn(count, width)) for count in counts)
        self.patch = nn.ParameterList(nn.Parameter(torch.randn(count, width)) for count in counts)


def value_loss(features: Tensor, attributes: Tensor, values: Tensor, prototypes: nn.ParameterList) -> Tensor:
    """Mean cross-entropy of features (m, E) whose attributes are (m,) against their values (m,)."""
    losses = []
    for attribute in attributes.unique().tolist():
        own = attributes == attribute
        cosines = F.normalize(features[own], dim=-1) @ F.normalize(prototypes[attribute], dim=-1).T
        losses.append(F.cross_entropy(SCALE * cosines, values[own], label_smoothing=0.05, reduction="sum"))
    return torch.stack(losses).sum() / len(attributes)


def pair_loss(features: Tensor, attributes: Tensor, values: Tensor) -> Tensor:
    """Mean over features (m, E) of how much less alike they are to those of the same attribute (m,) and value (m,)
    than to the others of that attribute; features that have no partner are left out."""
    unit = F.normalize(features, dim=-1)
    same_attribute = (attributes[:, None] == attributes) & ~torch.eye(len(unit), dtype=torch.bool)
    partner = same_attribute & (values[:, None] == values)
    logits = (unit @ unit.T / TEMPERATURE).masked_fill(~same_attribute, -torch.inf)
    log_share = logits - logits.logsumexp(dim=1, keepdim=True)
    paired = partner.any(dim=1)
    each = log_share.masked_fill(~partner, 0).sum(dim=1)[paired] / partner.sum(dim=1)[paired]
    return -each.mean()


def augment(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random cut, flip, turn and light of a picture."""
    width, height = picture.size
    angle = math.radians(rng.normal(0, 6))
    zoom = rng.uniform(0.85, 1.12)
    a, b = zoom * math.cos(angle) * rng.uniform(0.93, 1.07), zoom * math.sin(angle)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    x, y = width / 2 + rng.normal(0, 0.03 * width), height / 2 + rng.normal(0, 0.03 * height)
    matrix = (a, b, x - a * width / 2 - b * height / 2, -b, zoom, y + b * width / 2 - zoom * height / 2)
    fill = tuple(int(v) for v in np.asarray(picture)[0].mean(axis=0))
    turned = picture.transform(picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill)
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        turned = kind(turned).enhance(rng.uniform(0.7, 1.3))
    return turned


def load_samples(dataset: Config | None, drawn: int) -> list[Sample]:
    """The pictures in memory, their short side reduced to CACHED_SIDE pixels, with labels."""
    samples: list[Sample] = []
    if dataset:
        folder = dataset.DATA.folder
        for item in tqdm(read_split(folder, dataset.DATA, "train"), desc="reading"):
            samples.append((_small(open_image(folder / item.path)), item.labels))
    for seed in tqdm(range(10_000, 10_000 + drawn), desc="drawing"):
        drawing = draw(seed, size=320, plain=seed % 3 == 0)
        samples.append((_small(drawing.picture), drawing.labels))
    return samples


def _small(picture: Image.Image) -> Image.Image:
    share = CACHED_SIDE / min(picture.size)
    return picture if share >= 1 else picture.resize((round(picture.width * share), round(picture.height * share)))


def batches(samples: list[Sample], size: int, steps: int) -> Iterator[list[Sample]]:
    """Augmented batches, in an order of their own each epoch, made a little ahead of the training."""
    rng = np.random.default_rng(0)

    def make(step: int, rows: np.ndarray) -> list[Sample]:
        own = np.random.default_rng(step)
        return [(augment(samples[row][0], own), samples[row][1]) for row in rows]

    def orders() -> Iterator[np.ndarray]:
        while True:
            order = rng.permutation(len(samples))
            yield from (order[at : at + size] for at in range(0, len(order) - size + 1, size))

    rows = orders()
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(make, step, next(rows)) for step in range(2)]
        for step in range(steps):
            ahead.append(pool.submit(make, step + 2, next(rows)))
            yield ahead.pop(0).result()


def step_loss(model: RPF, prototypes: Prototypes | None, batch: list[Sample], frame: int) -> Tensor:
    """The loss of a batch seen at frame x frame pixels: of values where there are prototypes, else of pairs."""
    assert model.patch
    seen = model.region(
        model.tensor([centre_square(picture, frame) for picture, _ in batch]),
        torch.arange(len(model.attributes)).expand(len(batch), -1),
    )
    index = {key: number for number, key in enumerate(model.attributes)}
    wanted = [(row, index[key], value) for row, (_, labels) in enumerate(batch) for key, value in labels.items()]
    rows, attributes, values = torch.tensor(wanted).T
    region = seen.feature[rows, attributes].float()
    squares = attention_squares(seen.attention.detach()[rows, attributes], frame, model.config.INPUT.THRESHOLD)
    crops = []
    for (row, _, _), (x, y, d) in zip(wanted, squares.tolist(), strict=True):
        square = centre_square(batch[row][0], CACHED_SIDE)
        share = CACHED_SIDE / frame
        box = (int(x * share), int(y * share), int((x + d) * share), int((y + d) * share))
        crops.append(crop(square, box, model.config.INPUT.LOCAL_SIZE))
    tokens = model.patch.encode(model.tensor(crops))
    patch = model.patch(tokens, model.region.attribute.weight[attributes]).float()
    if prototypes is None:
        return pair_loss(region, attributes, values) + pair_loss(patch, attributes, values)
    return value_loss(region, attributes, values, prototypes.region) + value_loss(
        patch, attributes, values, prototypes.patch
    )


@click.command()
@click.option("--steps", default=1700, show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="Highest learning rate.")
@click.option("--loss", type=click.Choice(["values", "pairs"]), default="values", show_default=True)
@click.option("--start", type=click.Path(exists=True, path_type=Path), help="Weights to go on from.")
@click.option("--reduced", default=0.75, show_default=True, help="Share of the steps that see 160 pixels, not 224.")
@click.option("--drawn", default=2000, show_default=True, help="Drawn garments to train on.")
@click.option("--dataset", type=click.Path(exists=True), help="Config of a dataset whose train split joins in.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(
    steps: int,
    batch: int,
    rate: float,
    loss: str,
    start: Path | None,
    reduced: float,
    drawn: int,
    dataset: str | None,
    settings: tuple[str, ...],
    out: Path,
) -> None:
    """Train rpf-small briefly and write its weights as 16-bit safetensors."""
    torch.manual_seed(0)
    config = configs.load([ROOT / "config" / "FashionAI" / "FashionAI.yaml", ROOT / "config" / "rpf-small.yaml"])
    samples = load_samples(configs.load([dataset], settings) if dataset else None, drawn)
    model = checkpoint.load(start) if start else RPF(config)
    model = model.to(memory_format=torch.channels_last).train()
    prototypes = Prototypes(config.DATA.ATTRIBUTES.NUM, config.MODEL.EMBED_SIZE) if loss == "values" else None
    parameters = [*model.parameters(), *(prototypes.parameters() if prototypes else ())]
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.1)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(steps / (steps + 4)), use_buffers=True)
    bar = tqdm(batches(samples, batch, steps), total=steps, desc="training")
    for step, pictures in enumerate(bar):
        frame = config.INPUT.GLOBAL_SIZE if step >= reduced * steps else 160  # small pictures first: twice as fast
        with torch.autocast("cpu", torch.bfloat16):
            total = step_loss(model, prototypes, pictures, frame)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        bar.set_postfix(loss=f"{total.item():.3f}", refresh=False)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            checkpoint.save(cast(RPF, average.module), out, torch.float16, NOTE)


if __name__ == "__main__":
    main()
