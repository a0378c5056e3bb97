"""Geometry between an image and the squares and crops that a model sees of it.

An image is a PIL image in RGB; a box is (left, top, right, bottom) in its pixels.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from rpf.config.sections import InputConfig
from rpf.models.libraries import center_crop, resize

Box = tuple[int, int, int, int]
Boxes = npt.NDArray[np.int32]


def centre_square(image: Image.Image, size: int) -> Image.Image:
    """Resize the short side to `size` (bilinear, antialiased) and cut out the centre, size x size pixels."""
    return center_crop(resize(image, size), [size, size])


def pad_square(image: Image.Image, inputs: InputConfig | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """Pad an image to a square with the mean colour of its border; returns its offset (x, y) in the square too.

    With `inputs`, an image for the tall frame is padded so far that its middle columns, half of the square, contain it.
    """
    width, height = image.size
    side = max(width, height)
    if inputs and height / width > inputs.tall_aspect:
        side = max(side, 2 * width)
    if width == height == side:
        return image, (0, 0)
    sides = (0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)
    border = np.concatenate([np.asarray(image.crop(side)).reshape(-1, 3) for side in sides]).mean(axis=0)
    square = Image.new("RGB", (side, side), tuple(round(value) for value in border))
    offset = (side - width) // 2, (side - height) // 2
    square.paste(image, offset)
    return square, offset


def crop(image: Image.Image, box: Box, size: int) -> Image.Image:
    """Resize the box of an image to size x size pixels (bilinear, antialiased)."""
    return image.crop(box).resize((size, size), Image.Resampling.BILINEAR)


def square_in_image(left: int, top: int, side: int, frame: int, width: int, height: int) -> Box:
    """Map a square of the frame that `centre_square` cut (frame x frame pixels) to a box in the original image."""
    short, over = min(width, height), abs(width - height) // 2
    x, y = int(left / frame * short), int(top / frame * short)
    x, y = (x + over, y) if width > height else (x, y + over)
    d = max(1, int(side / frame * short))
    return x, y, x + d, y + d


def unpad_boxes(boxes: Boxes, offsets: Sequence[tuple[int, int]], sizes: Sequence[tuple[int, int]]) -> Boxes:
    """Clip boxes (n, A, 4) in padded squares to the images, whose offsets `pad_square` returned."""
    if not any(x or y for x, y in offsets):
        return boxes
    moved = boxes - np.tile(np.array(offsets, dtype=np.int32), 2)[:, None]
    limits = np.tile(np.array(sizes, dtype=np.int32), 2)[:, None]
    moved = moved.clip(0, limits)
    moved[..., :2] = np.minimum(moved[..., :2], limits[..., :2] - 1)
    moved[..., 2:] = np.maximum(moved[..., 2:], moved[..., :2] + 1)
    return moved
