"""What a training shows while it runs: TensorBoard scalars, and where the model looks in a few pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from torch.utils.tensorboard import SummaryWriter

from rpf.datasets.triplet_dataset import read_picture
from rpf.images.decode import crop
from rpf.models.rpf import RPF
from rpf.training.tasks.base import Sample

SIDE = 224  # pixels of the pictures and crops that are shown
COLOUR = "#ff3b6b"


class TensorBoardLogger:
    """Writes to `folder`; what an earlier run wrote there from `step` on is hidden."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=step)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def crops(self, model: RPF, samples: Sequence[Sample], step: int) -> None:
        """Each sample, boxed where the model looks for the attribute, and the crop beside it."""
        pictures = [read_picture(sample.path) for sample in samples]
        boxes = model.embed(pictures).box
        for row, (sample, picture) in enumerate(zip(samples, pictures, strict=True)):
            left, top, right, bottom = (int(v) for v in boxes[row, sample.attribute])
            cut = crop(picture, (left, top, right, bottom), SIDE)
            ImageDraw.Draw(picture).rectangle(
                (left, top, right, bottom), outline=COLOUR, width=max(2, picture.width // 100)
            )
            picture.thumbnail((SIDE, SIDE))
            shown = Image.new("RGB", (2 * SIDE, SIDE), "white")
            shown.paste(picture, (0, 0))
            shown.paste(cut, (SIDE, 0))
            tag = f"crops/{model.attributes[sample.attribute]}"
            self._writer.add_image(tag, np.asarray(shown), step, dataformats="HWC")

    def close(self) -> None:
        self._writer.close()
