"""TensorBoard logging: scalars, and the crops of a few sample images."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch.utils.tensorboard import SummaryWriter

from rpf.datasets.triplet_dataset import read_image
from rpf.models.base import TwoBranchModel
from rpf.models.preprocessing import crop
from rpf.training.tasks.base import AttributeSample

SIDE = 224  # pixels of the shown images and crops
BOX_COLOUR = "#ff3b6b"


class TensorBoardLogger(SummaryWriter):
    """Writer of a training's events."""

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.add_scalar(name, value, step)

    def crops(self, model: TwoBranchModel, samples: Sequence[AttributeSample], step: int) -> None:
        """Log each sample with the box of its attribute, and the crop beside it."""
        images = [read_image(sample.path) for sample in samples]
        boxes = model.embed(images).box
        for row, (sample, image) in enumerate(zip(samples, images, strict=True)):
            left, top, right, bottom = (int(v) for v in boxes[row, sample.attribute])
            panel = Image.new("RGB", (2 * SIDE, SIDE), "white")
            panel.paste(crop(image, (left, top, right, bottom), SIDE), (SIDE, 0))
            width = max(2, image.width // 100)
            ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline=BOX_COLOUR, width=width)
            image.thumbnail((SIDE, SIDE))
            panel.paste(image, (0, 0))
            tag = f"crops/{model.attributes[sample.attribute]}"
            self.add_image(tag, np.asarray(panel), step, dataformats="HWC")
