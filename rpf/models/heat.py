"""Heat: the attention of a model over an image, as a grey image that a page lays over it."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from rpf.config.sections import InputConfig

HEAT_SIDE = 64  # pixels of a tile's longer side; pages enlarge it smoothly
HEAT_POWER = 0.6  # below 1: half of the attention lies on a fiftieth of the image, and its surroundings count too
HEAT_VERSION = 1  # of the drawing


def draw_heat(attention: npt.NDArray[np.float32], size: tuple[int, int], inputs: InputConfig) -> bytes:
    """Draw attention (A, h, w) over an image of this size as a WebP: a tile for each attribute, one below the other.

    The most attended place of a tile is white. Tiles have the proportions of the image.
    """
    scale = HEAT_SIDE / max(size)
    width, height = (max(1, round(scale * side)) for side in size)
    left, top, right, bottom = image_in_frame(size, inputs)
    rows, columns = attention.shape[1:]
    inside = max(0.0, left), max(0.0, top), min(1.0, right), min(1.0, bottom)
    box = inside[0] * columns, inside[1] * rows, inside[2] * columns, inside[3] * rows
    # What a frame that is smaller than the image leaves out has no attention.
    start = round((inside[0] - left) / (right - left) * width), round((inside[1] - top) / (bottom - top) * height)
    part = max(1, width - 2 * start[0]), max(1, height - 2 * start[1])
    tiles = np.zeros((len(attention), height, width), np.float32)
    for tile, of_attribute in zip(tiles, attention, strict=True):
        enlarged = Image.fromarray(of_attribute).resize(part, Image.Resampling.BICUBIC, box=box)
        tile[start[1] : start[1] + part[1], start[0] : start[0] + part[0]] = np.asarray(enlarged)
    tiles = tiles.clip(0) / tiles.max(axis=(1, 2), keepdims=True).clip(1e-9)
    grey = np.rint(255 * tiles**HEAT_POWER).astype(np.uint8).reshape(-1, width)
    out = io.BytesIO()
    Image.fromarray(grey).convert("RGB").save(out, "WEBP", quality=90, method=4)
    return out.getvalue()


def image_in_frame(size: tuple[int, int], inputs: InputConfig) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of an image in the frame over which its attention is, as shares of that frame.

    Some are outside 0 to 1 where the frame is the middle of the image (`centre_square`).
    """
    width, height = size
    side = min(size)
    if inputs.RESIZE_MODE == "pad":
        side = max(width, height, 2 * width if height / width > inputs.tall_aspect else 0)
    across, down = width / side, height / side
    return (1 - across) / 2, (1 - down) / 2, (1 + across) / 2, (1 + down) / 2
