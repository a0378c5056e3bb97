import numpy as np
import pytest
from PIL import Image

from rpf.images.frame import fill_frame


def cut_out(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), (250, 250, 250))
    image.paste((120, 20, 20), (width // 4, height // 4, width // 2, height // 2))
    return image


@pytest.mark.parametrize("size", [(100, 200), (200, 100)])
def test_frame_is_filled_in_the_colour_of_plain_sides(size: tuple[int, int]) -> None:
    filled = fill_frame(cut_out(*size), 0.75)
    assert filled.width / filled.height == pytest.approx(0.75, abs=0.01)
    pixels = np.asarray(filled)
    assert all((edge == 250).all() for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    box = (filled.width - size[0]) // 2, (filled.height - size[1]) // 2
    assert np.array_equal(
        np.asarray(filled.crop((*box, box[0] + size[0], box[1] + size[1]))), np.asarray(cut_out(*size))
    )


def test_frame_of_a_busy_side_is_not_filled() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 100, 3), np.uint8)
    assert fill_frame(Image.fromarray(noise), 0.75).size == (100, 200)


def test_frame_that_fits_changes_nothing() -> None:
    image = cut_out(75, 100)
    assert fill_frame(image, 0.75) is image
