"""Batches of triplets with their images, read ahead by worker processes."""

import resource
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rpf.config import Config
from rpf.datasets.annotations import LabelledImage, read_split
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.triplet_sampler import Triplet, TripletSampler
from rpf.errors import BadImage, DatasetError, TrainingError
from rpf.images.decode import open_image
from rpf.models.preprocessing import centre_square, pad_square
from rpf.utils.cores import usable_cores

# Crops are cut from the original image. Larger ones are reduced to this short side, so that a batch of camera
# photographs fits into memory; the images of the published datasets are smaller and stay as they are.
MAX_SHORT_SIDE = 1024
SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class TrainSplit:
    """The train split of a dataset, below the folder `root`; images of extra datasets have absolute paths."""

    root: Path
    images: list[LabelledImage]
    sampler: TripletSampler


@dataclass(frozen=True)
class TripletBatch:
    """B triplets; `squares` and `images` have three lists of B: anchors, positives and negatives."""

    attribute: Tensor  # (B,) int64
    value: Tensor  # (B,) int64, of anchors and positives
    other_value: Tensor  # (B,) int64, of negatives
    squares: list[list[Image.Image]]  # inputs of the region branch, GLOBAL_SIZE pixels a side
    images: list[list[Image.Image]]  # from which crops are cut; empty lists without the patch branch


class UnreadableImage(NamedTuple):
    """Returned by a worker instead of raising, as an error would arrive as a traceback."""

    path: str
    why: str


TripletImages = tuple[Triplet, list[Image.Image], list[Image.Image]]  # squares, images for crops


def read_train(config: Config, check: ImageCheck | None = None) -> TrainSplit:
    """Read the train splits of the main and all extra datasets as one. Raises one DatasetError for all bad images."""
    root, check, images = config.DATA.folder, check or ImageCheck(), list[LabelledImage]()
    for folder in (root, *config.DATA.extra_datasets):
        split = read_split(folder, config.DATA, "train")
        bad = check.bad_paths(folder, split)
        place = "" if folder == root else f"{folder.absolute()}/"
        images += [replace(image, path=place + image.path) for image in split if image.path not in bad]
    return TrainSplit(root, images, TripletSampler(images, config.DATA.ATTRIBUTES.NAME))


def read_image(path: Path) -> Image.Image:
    """Read an image in RGB, a short side above MAX_SHORT_SIDE reduced to it. Raises BadImage, OSError."""
    image = open_image(path)
    scale = MAX_SHORT_SIDE / min(image.size)
    if scale >= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)


def worker_count(config: Config) -> int:
    """Return the number of processes that read images."""
    return min(config.DATA.NUM_WORKERS, usable_cores())


def require_shared_memory(workers: int) -> None:
    """Raise TrainingError if the semaphores of that many processes do not fit into shared memory."""
    if not workers or not SHARED_MEMORY.is_dir():
        return
    usage, required = shutil.disk_usage(SHARED_MEMORY), (10 + 4 * workers) * resource.getpagesize()
    if usage.total and usage.free < required:  # total is 0 for a file system without a limit
        raise TrainingError(
            "%(folder)s has %(free)d kB free, and %(workers)d processes that read images need %(need)d kB: enlarge it "
            "(docker run --shm-size=64m), or read without such processes (--set DATA.NUM_WORKERS=0).",
            folder=SHARED_MEMORY, free=usage.free // 1024, workers=workers, need=required // 1024,
        )  # fmt: skip


def batches(split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> Iterator[TripletBatch]:
    """Yield the triplets in order, TRAIN_BATCHSIZE at a time (the last batch may be smaller).

    They do not depend on the number of workers. Raises DatasetError for an unreadable image, TrainingError for a
    worker that cannot start or is killed.
    """
    loader = DataLoader(
        TripletDataset(split, triplets, config),
        batch_size=config.DATA.TRAIN_BATCHSIZE,
        num_workers=worker_count(config),
        collate_fn=list,  # no tensors: between processes they take shared memory, and without it the training hangs
    )
    try:
        for rows in loader:
            yield _collate(rows)
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker (pid"):
            raise
        raise TrainingError(
            "A process that reads images failed: %(why)s. It may need more memory; --set DATA.NUM_WORKERS=0 reads "
            "without such processes.",
            why=str(error).split(". ")[0].rstrip("."),
        ) from error


def _collate(rows: Sequence[TripletImages | UnreadableImage]) -> TripletBatch:
    readable: list[TripletImages] = []
    for row in rows:
        if isinstance(row, UnreadableImage):
            raise DatasetError("%(path)s: %(why)s", path=row.path, why=row.why)
        readable.append(row)
    triplets = [triplet for triplet, _, _ in readable]
    return TripletBatch(
        attribute=torch.tensor([triplet.attribute for triplet in triplets]),
        value=torch.tensor([triplet.value for triplet in triplets]),
        other_value=torch.tensor([triplet.other_value for triplet in triplets]),
        squares=[[squares[role] for _, squares, _ in readable] for role in range(3)],
        images=[[images[role] for _, _, images in readable if images] for role in range(3)],
    )


class TripletDataset(Dataset[TripletImages | UnreadableImage]):
    """Reads the three images of a triplet; they are mirrored in stage 1 only.

    In stage 2 a mirrored square would not match the image from which the crop is cut.
    """

    def __init__(self, split: TrainSplit, triplets: Sequence[Triplet], config: Config) -> None:
        self.split, self.triplets = split, triplets
        self.frame, self.pad = config.INPUT.GLOBAL_SIZE, config.INPUT.RESIZE_MODE == "pad"
        self.with_crops = config.MODEL.with_crops

    def __len__(self) -> int:
        return len(self.triplets)

    def __getitem__(self, index: int) -> TripletImages | UnreadableImage:
        triplet = self.triplets[index]
        squares, images = [], []
        for row, flip in zip(triplet.images, triplet.flips, strict=True):
            path = self.split.root / self.split.images[row].path
            try:
                image = read_image(path)
            except (BadImage, OSError) as error:
                return UnreadableImage(str(path), str(error))
            if self.pad:
                image, _ = pad_square(image)
            square = centre_square(image, self.frame)
            if flip and not self.with_crops:
                square = square.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            squares.append(square)
            if self.with_crops:
                images.append(image)
        return triplet, squares, images
