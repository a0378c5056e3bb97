import io

import numpy as np
import pytest
from PIL import Image

from rpf.config.sections import InputConfig
from rpf.models.heat import HEAT_SIDE, draw_heat, image_in_frame


def tiles(attention: np.ndarray, size: tuple[int, int], inputs: InputConfig) -> np.ndarray:  # type: ignore[type-arg]
    drawn = Image.open(io.BytesIO(draw_heat(attention.astype(np.float32), size, inputs))).convert("L")
    return np.asarray(drawn).reshape(len(attention), -1, drawn.width)


@pytest.mark.parametrize("size", [(400, 400), (200, 400), (198, 512), (400, 200)])
def test_heat_of_a_padded_image_is_where_the_attention_is(size: tuple[int, int]) -> None:
    inputs = InputConfig(RESIZE_MODE="pad", GLOBAL_SIZE=224, TALL_SIZE=320)
    left, top, right, bottom = image_in_frame(size, inputs)
    attention = np.zeros((2, 20, 20))
    places = [(0.25, 0.25), (0.75, 0.5)]
    for of_attribute, (x, y) in zip(attention, places, strict=True):
        of_attribute[int((top + y * (bottom - top)) * 20), int((left + x * (right - left)) * 20)] = 1
    heat = tiles(attention, size, inputs)
    assert heat.shape[2] / heat.shape[1] == pytest.approx(size[0] / size[1], abs=0.02)
    assert max(heat.shape[1:]) == HEAT_SIDE
    for tile, (x, y) in zip(heat, places, strict=True):
        row, column = np.unravel_index(tile.argmax(), tile.shape)
        assert (column + 0.5) / tile.shape[1] == pytest.approx(x, abs=0.15)
        assert (row + 0.5) / tile.shape[0] == pytest.approx(y, abs=0.15)


def test_heat_of_a_frame_in_the_middle_is_nothing_outside_it() -> None:
    heat = tiles(np.full((1, 14, 14), 1 / 196), (400, 200), InputConfig(RESIZE_MODE="crop", GLOBAL_SIZE=224))
    assert (heat[0, :, 18:46] > 240).all()
    assert (heat[0, :, :14] < 16).all() and (heat[0, :, 50:] < 16).all()
