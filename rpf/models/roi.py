"""Regions of interest: squares of the image around high attention (RPF, section 3.2)."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from rpf.models.preprocessing import Box, square_in_image


def attention_squares(attention: torch.Tensor, frame: int, threshold: float) -> npt.NDArray[np.int64]:
    """Find the square around high attention in each map.

    attention: (m, h, w) maps; frame: side of the model's input, pixels; threshold: share of the highest value from
    which attention is high. Returns (m, 3) int64: left, top, side in frame pixels. A flat map gives the whole frame.
    """
    maps = F.interpolate(attention[:, None].float(), size=(frame, frame), mode="bilinear")[:, 0].cpu()
    columns, rows = maps.amax(dim=1), maps.amax(dim=2)
    low = maps.flatten(1).amin(dim=1, keepdim=True)
    span = rows.amax(dim=1, keepdim=True) - low
    flat = span == 0

    def extent(lines: torch.Tensor) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        # Levels grow with the attention, so that the highest pixel of a line tells whether the line has a high one.
        levels = ((lines - low) / span.masked_fill(flat, 1) * 255).to(torch.uint8)
        return _extent(((levels > int(threshold * 255)) | flat).numpy(), frame)

    left, right = extent(columns)
    top, bottom = extent(rows)
    width, height = right - left, bottom - top
    side = np.maximum(width, height)
    return np.stack([_place(left + width // 2, side, frame), _place(top + height // 2, side, frame), side], axis=1)


def image_boxes(squares: npt.NDArray[np.int64], frame: int, width: int, height: int) -> list[Box]:
    """Map squares of one image's frame, (n, 3), to boxes in the image's pixels."""
    return [square_in_image(int(x), int(y), int(d), frame, width, height) for x, y, d in squares]


def _extent(marks: npt.NDArray[np.bool_], frame: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the first and one past the last true position of each row of (m, frame)."""
    return marks.argmax(axis=1), frame - marks[:, ::-1].argmax(axis=1)


def _place(centre: npt.NDArray[np.int64], side: npt.NDArray[np.int64], frame: int) -> npt.NDArray[np.int64]:
    """Return the start of a side that is centred and shifted into the frame.

    As published, an odd side may reach one pixel beyond the frame, where a crop is black.
    """
    half = side // 2
    return np.where(centre + half > frame, frame - side, np.maximum(0, centre - half))
