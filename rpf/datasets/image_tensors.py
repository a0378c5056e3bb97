"""A labelled split in memory: small squares of its pictures, and what is known of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rpf.config import Config
from rpf.datasets.annotations import read_parts, read_split
from rpf.datasets.image_check import ImageCheck
from rpf.errors import BadImage, DatasetError
from rpf.images.decode import centre_square, open_image, pad_square
from rpf.utils.cores import usable_cores

CROP_SIDE = 256  # pixels of a picture that crops are cut from; 10,000 pictures take 2 GB
ROOM = 1.25  # else: as many times what the model sees
READERS = 4


@dataclass(frozen=True)
class Pictures:
    """N pictures of a train split and its A attributes."""

    paths: list[Path]
    pixels: Tensor  # (N, 3, S, S) uint8
    values: Tensor  # (N, A) int64; -1 where no value is known
    present: Tensor  # (N, A) float32: 1 where the garment has that part, 0 where it has not, NaN where that is unknown

    def __len__(self) -> int:
        return len(self.paths)


def read_pictures(config: Config, folder: Path, check: ImageCheck | None = None) -> Pictures:
    """Read the train split in a folder, which has the config's attributes. Raises DatasetError."""
    names = config.DATA.ATTRIBUTES.NAME
    items = read_split(folder, config.DATA, "train")
    bad = (check or ImageCheck()).bad(folder, items)
    known = zip(items, read_parts(folder, config.DATA, "train"), strict=True)
    usable = [(item, parts) for item, parts in known if item.path not in bad]
    if not usable:
        raise DatasetError("%(folder)s: the split train has no images.", folder=folder)
    values = torch.full((len(usable), len(names)), -1)
    present = torch.full((len(usable), len(names)), torch.nan)
    for row, (item, parts) in enumerate(usable):
        for column, name in enumerate(names):
            values[row, column] = item.labels.get(name, -1)
            present[row, column] = parts.get(name, torch.nan)
    side = CROP_SIDE if config.MODEL.TRANSFORMER.ENABLE else round(ROOM * config.INPUT.train_size)
    paths = [folder / item.path for item, _ in usable]
    return Pictures(paths, read_squares(paths, config.INPUT.SQUARE, side), values, present)


def read_squares(paths: Sequence[Path], how: str, side: int) -> Tensor:
    """(n, 3, side, side) uint8 in memory; how: as INPUT.SQUARE. Raises DatasetError for what cannot be read."""
    pixels = torch.empty(len(paths), 3, side, side, dtype=torch.uint8)
    with ThreadPoolExecutor(min(READERS, usable_cores())) as pool:
        squares = pool.map(lambda path: _square(path, how, side), paths)
        for row, square in enumerate(tqdm(squares, "reading", len(paths), unit="picture")):
            pixels[row] = square
    return pixels


def _square(path: Path, how: str, side: int) -> Tensor:
    try:
        picture = open_image(path)
    except (BadImage, OSError) as error:
        raise DatasetError("%(path)s: %(why)s", path=path, why=error) from None
    if how == "pad":
        picture, _ = pad_square(picture)
    return torch.from_numpy(np.asarray(centre_square(picture, side)).copy()).permute(2, 0, 1)
