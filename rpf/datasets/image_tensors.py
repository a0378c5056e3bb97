"""A labelled split as tensors in memory: small squares of its images, their values and the presence of parts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rpf.config import Config
from rpf.config.sections import InputConfig
from rpf.datasets.annotations import read_presence, read_split
from rpf.datasets.image_check import ImageCheck, open_checked
from rpf.errors import DatasetError
from rpf.models.preprocessing import centre_square, pad_square
from rpf.utils.cores import usable_cores

CROP_SOURCE_SIDE = 384  # pixels of the squares that crops are cut from; 10,000 images take 4.4 GB
AUGMENTATION_MARGIN = 1.25  # other squares: side over the model's input
MAX_READERS = 4


@dataclass(frozen=True)
class ImageTensors:
    """N images of a train split and its A attributes."""

    paths: list[Path]
    pixels: Tensor  # (N, 3, S, S) uint8
    values: Tensor  # (N, A) int64; -1 where unknown
    presence: Tensor  # (N, A) float32: 1 where the garment has the part, 0 where it is missing, NaN where unknown
    tall: Tensor  # (N,) bool: for the tall frame
    worn: bool = False  # people wear the garments

    def __len__(self) -> int:
        return len(self.paths)


def read_image_tensors(
    config: Config, folder: Path, check: ImageCheck | None = None, worn: bool = False
) -> ImageTensors:
    """Read the train split in a folder, which has the config's attributes. Raises DatasetError."""
    names = config.DATA.ATTRIBUTES.NAME
    images = read_split(folder, config.DATA, "train")
    bad = (check or ImageCheck()).bad_paths(folder, images)
    presence_by_image = read_presence(folder, config.DATA, "train")
    usable = [pair for pair in zip(images, presence_by_image, strict=True) if pair[0].path not in bad]
    if not usable:
        raise DatasetError("%(folder)s: the split train has no images.", folder=folder)
    values = torch.tensor([[image.labels.get(name, -1) for name in names] for image, _ in usable])
    presence = torch.tensor([[float(known.get(name, torch.nan)) for name in names] for _, known in usable])
    paths = [folder / image.path for image, _ in usable]
    pixels, tall = read_squares(paths, config.INPUT, source_side(config))
    return ImageTensors(paths, pixels, values, presence, tall, worn)


def source_side(config: Config) -> int:
    """Return the side, in pixels, of the squares that training images are kept as."""
    if config.MODEL.TRANSFORMER.ENABLE:
        return CROP_SOURCE_SIDE
    return config.INPUT.TALL_SIZE or round(AUGMENTATION_MARGIN * config.INPUT.GLOBAL_SIZE)


def read_squares(paths: Sequence[Path], inputs: InputConfig, side: int) -> tuple[Tensor, Tensor]:
    """Read images as (n, 3, side, side) uint8; return also (n,) bool, which are for the tall frame.

    Raises DatasetError.
    """
    pixels, tall = torch.empty(len(paths), 3, side, side, dtype=torch.uint8), torch.zeros(len(paths), dtype=torch.bool)
    with ThreadPoolExecutor(min(MAX_READERS, usable_cores())) as pool:
        squares = pool.map(lambda path: _read_square(path, inputs, side), paths)
        for row, square in enumerate(tqdm(squares, "reading", len(paths), unit="image")):
            pixels[row], tall[row] = square
    return pixels, tall


def _read_square(path: Path, inputs: InputConfig, side: int) -> tuple[Tensor, bool]:
    image = open_checked(path)
    tall = image.height / image.width > inputs.tall_aspect
    if inputs.RESIZE_MODE == "pad":
        image, _ = pad_square(image, inputs)
    return torch.from_numpy(np.asarray(centre_square(image, side)).copy()).permute(2, 0, 1), tall
