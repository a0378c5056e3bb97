import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rpf.models.roi import attention_squares, image_boxes


def test_attention_squares_of_a_flat_map_are_the_whole_frame() -> None:
    squares = attention_squares(torch.full((1, 14, 14), 1 / 196), 224, 0.1)
    assert squares.tolist() == [[0, 0, 224]]


def test_attention_squares_surround_a_peak() -> None:
    attention = torch.zeros(1, 14, 14)
    attention[0, 3, 10] = 1
    left, top, side = attention_squares(attention, 224, 0.1)[0].tolist()
    assert left < 10.5 * 16 < left + side
    assert top < 3.5 * 16 < top + side
    assert side < 48


@given(hnp.arrays(np.float32, (2, 7, 7), elements=st.floats(0, 1, width=32)), st.floats(0, 0.9))
def test_attention_squares_stay_in_the_frame(maps: np.ndarray, threshold: float) -> None:
    squares = attention_squares(torch.from_numpy(maps), 112, threshold)
    assert (squares[:, :2] >= 0).all()
    assert (squares[:, 2] >= 1).all()
    assert (squares[:, :2] + squares[:, 2:] <= 112 + squares[:, 2:] % 2).all(), "beyond the published rounding"


@given(hnp.arrays(np.float32, (2, 7, 7), elements=st.floats(0, 1, width=32)), st.floats(0, 0.9))
def test_attention_squares_are_around_every_high_pixel(maps: np.ndarray, threshold: float) -> None:
    pixels = F.interpolate(torch.from_numpy(maps)[:, None], size=(112, 112), mode="bilinear")[:, 0]
    for square, values in zip(attention_squares(torch.from_numpy(maps), 112, threshold), pixels, strict=True):
        span = values.max() - values.min()
        levels = ((values - values.min()) / (span or 1) * 255).to(torch.uint8)
        rows, columns = torch.nonzero((levels > int(threshold * 255)) | (span == 0), as_tuple=True)
        width, height = (int(places.max() - places.min()) + 1 for places in (columns, rows))
        assert square[2] == max(width, height)
        assert square[0] - 1 <= columns.min() and columns.max() < square[0] + square[2] + 1
        assert square[1] - 1 <= rows.min() and rows.max() < square[1] + square[2] + 1


@given(st.integers(16, 5000), st.integers(16, 5000), st.integers(0, 223), st.integers(0, 223), st.integers(1, 224))
def test_image_boxes_stay_in_the_image(width: int, height: int, x: int, y: int, side: int) -> None:
    square = np.array([[min(x, 224 - side), min(y, 224 - side), side]])
    left, top, right, bottom = image_boxes(square, 224, width, height)[0]
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == bottom - top
