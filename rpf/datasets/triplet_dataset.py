"""From triplets of image numbers to batches of pictures, read ahead by worker processes."""

import resource
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rpf.config import Config
from rpf.datasets.annotations import Labelled, read_split
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.triplet_sampler import Triplet, Triplets
from rpf.errors import BadImage, DatasetError, TrainingError
from rpf.images.decode import centre_square, open_image
from rpf.utils.cores import usable_cores

# Crops are cut from the original picture. Larger ones are reduced to this many pixels a side (the shorter), so that a
# batch of camera photographs fits into memory; the pictures of the published datasets are smaller and stay as they are.
LARGEST_SHORT_SIDE = 1024
SHARED_MEMORY = Path("/dev/shm")


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


Sample = tuple[Triplet, list[Image.Image], list[Image.Image]]  # a triplet, its squares, its pictures for crops


def read_train(config: Config, check: ImageCheck | None = None) -> TrainSplit:
    """Read the train split. Raises DatasetError, for all images at once that cannot be used."""
    root = config.DATA.folder
    items = read_split(root, config.DATA, "train")
    bad = (check or ImageCheck()).bad(root, items)
    items = [item for item in items if item.path not in bad]
    return TrainSplit(root, items, Triplets(items, config.DATA.ATTRIBUTES.NAME))


def read_picture(path: Path) -> Image.Image:
    """The picture in RGB, its shorter side reduced to LARGEST_SHORT_SIDE pixels where it is longer.

    Raises BadImage, OSError.
    """
    picture = open_image(path)
    share = LARGEST_SHORT_SIDE / min(picture.size)
    if share >= 1:
        return picture
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.BILINEAR)


def worker_count(config: Config) -> int:
    """Return how many processes read images."""
    return min(config.DATA.NUM_WORKERS, usable_cores())


def require_shared_memory(workers: int) -> None:
    """Raise TrainingError where the semaphores of that many processes do not fit into shared memory."""
    if not workers or not SHARED_MEMORY.is_dir():
        return
    room, need = shutil.disk_usage(SHARED_MEMORY), (10 + 4 * workers) * resource.getpagesize()
    if room.total and room.free < need:  # of a file system without a limit the total is 0
        raise TrainingError(
            "%(folder)s has %(free)d kB free, and %(workers)d processes that read images need %(need)d kB: enlarge it "
            "(docker run --shm-size=64m), or read without such processes (--set DATA.NUM_WORKERS=0).",
            folder=SHARED_MEMORY, free=room.free // 1024, workers=workers, need=need // 1024,
        )  # fmt: skip


def batches(split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> Iterator[Batch]:
    """The triplets in their order, TRAIN_BATCHSIZE at a time (the last batch may be smaller).

    They do not depend on the number of workers. Raises DatasetError for an image that cannot be read, TrainingError
    for a worker that cannot start or is killed.
    """
    loader = DataLoader(
        _Pictures(split, triplets, config),
        batch_size=config.DATA.TRAIN_BATCHSIZE,
        num_workers=worker_count(config),
        collate_fn=list,  # no tensors: between processes they take shared memory, and without it the training hangs
    )
    try:
        for samples in loader:
            yield _batch(samples)
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker (pid"):
            raise
        raise TrainingError(
            "A process that reads images failed: %(why)s. It may need more memory; --set DATA.NUM_WORKERS=0 reads "
            "without such processes.",
            why=str(error).split(". ")[0].rstrip("."),
        ) from error


def _batch(samples: Sequence[Sample | Unreadable]) -> Batch:
    read: list[Sample] = []
    for sample in samples:
        if isinstance(sample, Unreadable):
            raise DatasetError("%(path)s: %(why)s", path=sample.path, why=sample.why)
        read.append(sample)
    triplets = [triplet for triplet, _, _ in read]
    return Batch(
        attribute=torch.tensor([triplet.attribute for triplet in triplets]),
        value=torch.tensor([triplet.value for triplet in triplets]),
        other_value=torch.tensor([triplet.other_value for triplet in triplets]),
        squares=[[squares[role] for _, squares, _ in read] for role in range(3)],
        pictures=[[pictures[role] for _, _, pictures in read if pictures] for role in range(3)],
    )


class _Pictures(Dataset[Sample | Unreadable]):
    """Reads the three pictures of a triplet; they are mirrored in stage 1 only.

    In stage 2 a mirrored square would no longer agree with the picture that the crop is cut from.
    """

    def __init__(self, split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> None:
        self.split, self.triplets = split, triplets
        self.frame = config.INPUT.GLOBAL_SIZE
        self.crops = config.MODEL.TRANSFORMER.ENABLE

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
            if flip and not self.crops:
                square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            squares.append(square)
            if self.crops:
                pictures.append(picture)
        return triplet, squares, pictures
