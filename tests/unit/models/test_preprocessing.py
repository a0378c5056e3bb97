"""Squares and crops of images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rpf.models.preprocessing import centre_square, pad_square, unpad_boxes


def gradient(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


@given(st.integers(16, 900), st.integers(16, 900), st.sampled_from([64, 224]))
def test_centre_square_resizes_the_short_side_and_cuts_out_the_centre(width: int, height: int, size: int) -> None:
    image, short = gradient(width, height), min(width, height)
    scaled_width, scaled_height = (size if side == short else int(size * side / short) for side in (width, height))
    left, top = round((scaled_width - size) / 2), round((scaled_height - size) / 2)
    resized = image.resize((scaled_width, scaled_height), Image.Resampling.BILINEAR)
    expected = resized.crop((left, top, left + size, top + size))
    np.testing.assert_array_equal(np.asarray(centre_square(image, size)), np.asarray(expected))


def test_pad_square_centres_the_image_on_its_border_colour() -> None:
    square, offset = pad_square(Image.new("RGB", (300, 100), (9, 8, 7)))
    assert (square.size, offset) == ((300, 300), (0, 100))
    assert square.getpixel((0, 0)) == (9, 8, 7)


def test_pad_square_takes_the_mean_of_all_sides() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 50, 3), dtype=np.uint8)
    square, _ = pad_square(Image.fromarray(pixels))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).mean(axis=0)
    assert square.getpixel((0, 0)) == tuple(round(value) for value in border)


@given(st.integers(16, 200), st.integers(16, 200), st.lists(st.integers(0, 199), min_size=4, max_size=4))
def test_unpad_boxes_gives_boxes_in_the_image(width: int, height: int, ends: list[int]) -> None:
    _, offset = pad_square(gradient(width, height))
    left, right = sorted(ends[:2])
    top, bottom = sorted(ends[2:])
    boxes = np.array([[[left, top, right + 1, bottom + 1]]], dtype=np.int32)
    if offset != (0, 0):
        ((box,),) = unpad_boxes(boxes, [offset], [(width, height)]).tolist()
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= height
