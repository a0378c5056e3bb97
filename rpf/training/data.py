"""From triplets of image numbers to batches of pictures, read ahead by worker processes."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rpf.config import Config
from rpf.data.annotations import Labelled, missing_images, read_split
from rpf.errors import BadImage, DatasetError
from rpf.images import centre_square, open_image
from rpf.training.triplets import Triplet, Triplets

# Crops are cut from the original picture. Larger ones are reduced to this many pixels a side (the shorter), so that a
# batch of camera photographs fits into memory; the pictures of the published datasets are smaller and stay as they are.
LARGEST_SHORT_SIDE = 1024
NAMED_MISSING = 50  # how many missing images an error names


@dataclass(frozen=True)
class TrainSplit:
    """The train split of a dataset: where it lies, its images, and the triplets that can be drawn of them."""

    root: Path
    items: list[Labelled]
    triplets: Triplets


@dataclass(frozen=True)
class Batch:
    """B triplets: the lists of three hold anchors, positives and negatives, B pictures each."""

    attribute: Tensor  # (B,) int64
    value: Tensor  # (B,) int64, of anchors and positives
    other_value: Tensor  # (B,) int64, of negatives
    squares: list[list[Image.Image]]  # what the region branch sees, GLOBAL_SIZE pixels a side
    pictures: list[list[Image.Image]]  # what the crops are cut from; none where there is no patch branch


class Unreadable(NamedTuple):
    """Why an image could not be read. A worker returns it: an error raised there would arrive as a traceback."""

    path: str
    why: str


Sample = tuple[Triplet, list[Image.Image], list[Image.Image]]  # a triplet, its squares, its pictures


def read_train(config: Config) -> TrainSplit:
    """Read the train split. Raises DatasetError, which names the images that are missing."""
    root = config.DATA.folder
    items = read_split(root, config.DATA, "train")
    check_there(root, items)
    return TrainSplit(root, items, Triplets(items, config.DATA.ATTRIBUTES.NAME))


def check_there(root: Path, items: Sequence[Labelled]) -> None:
    """Raises DatasetError that names the images that are missing."""
    if missing := missing_images(root, items):
        named = ", ".join(missing[:NAMED_MISSING]) + (", ..." if len(missing) > NAMED_MISSING else "")
        raise DatasetError(
            "%(count)d of the %(total)d training images are missing in %(root)s: %(named)s",
            count=len(missing), total=len(items), root=root, named=named,
        )  # fmt: skip


def read_picture(path: Path) -> Image.Image:
    """The picture in RGB, its shorter side reduced to LARGEST_SHORT_SIDE pixels where it is longer.

    Raises BadImage, OSError.
    """
    picture = open_image(path)
    share = LARGEST_SHORT_SIDE / min(picture.size)
    if share >= 1:
        return picture
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BILINEAR)


def batches(split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> Iterator[Batch]:
    """The triplets in their order, TRAIN_BATCHSIZE at a time (the last batch may be smaller).

    They do not depend on the number of workers. Raises DatasetError for an image that cannot be read.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    loader = DataLoader(
        _Pictures(split, triplets, config),
        batch_size=config.DATA.TRAIN_BATCHSIZE,
        num_workers=min(config.DATA.NUM_WORKERS, cores),
        collate_fn=_Collate(crops=config.MODEL.TRANSFORMER.ENABLE),
    )
    for batch in loader:
        if isinstance(batch, Unreadable):
            raise DatasetError("%(path)s: %(why)s", path=batch.path, why=batch.why)
        yield batch


class _Pictures(Dataset[Sample | Unreadable]):
    """Reads the three pictures of a triplet; they are mirrored in stage 1 only.

    In stage 2 a mirrored square would no longer agree with the picture that the crop is cut from.
    """

    def __init__(self, split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> None:
        self.split, self.triplets = split, triplets
        self.frame = config.INPUT.GLOBAL_SIZE
        self.mirror = not config.MODEL.TRANSFORMER.ENABLE

    def __len__(self) -> int:
        return len(self.triplets)

    def __getitem__(self, index: int) -> Sample | Unreadable:
        triplet = self.triplets[index]
        squares, pictures = [], []
        for number, flip in zip(triplet.images, triplet.flips, strict=True):
            path = self.split.root / self.split.items[number].path
            try:
                picture = read_picture(path)
            except (BadImage, OSError) as error:
                return Unreadable(str(path), str(error))
            square = centre_square(picture, self.frame)
            if self.mirror and flip:
                square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            squares.append(square)
            pictures.append(picture)
        return triplet, squares, pictures


@dataclass(frozen=True)
class _Collate:
    crops: bool

    def __call__(self, samples: Sequence[Sample | Unreadable]) -> Batch | Unreadable:
        read: list[Sample] = []
        for sample in samples:
            if isinstance(sample, Unreadable):
                return sample
            read.append(sample)
        triplets = [triplet for triplet, _, _ in read]
        return Batch(
            attribute=torch.tensor([triplet.attribute for triplet in triplets]),
            value=torch.tensor([triplet.value for triplet in triplets]),
            other_value=torch.tensor([triplet.other_value for triplet in triplets]),
            squares=[[squares[role] for _, squares, _ in read] for role in range(3)],
            pictures=[[pictures[role] for _, _, pictures in read if self.crops] for role in range(3)],
        )
