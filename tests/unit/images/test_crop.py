import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rpf.errors import BadImage, QueryError
from rpf.images.crop import WHOLE, Crop, thumbnail

SHARES = st.integers(0, 100).map(lambda percent: percent / 100)


@st.composite
def crops(draw: st.DrawFn) -> Crop:
    left, right = sorted(draw(st.lists(SHARES, min_size=2, max_size=2, unique=True)))
    top, bottom = sorted(draw(st.lists(SHARES, min_size=2, max_size=2, unique=True)))
    return Crop(left, top, right - left, bottom - top, draw(st.sampled_from([0, 90, 180, 270])))


def picture(width: int = 300, height: int = 200) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([rows, columns % 256, columns // 256], axis=2).astype(np.uint8))


def near(one: Crop, other: Crop) -> bool:
    sides = ("left", "top", "width", "height")
    return one.turn == other.turn and all(abs(getattr(one, side) - getattr(other, side)) < 1e-4 for side in sides)


@given(crops())
def test_crop_as_text_is_parsed_to_the_same(crop: Crop) -> None:
    assert near(Crop.parse(crop.rectangle, crop.turn), crop)


@given(crops())
def test_crop_turned_four_times_is_the_same(crop: Crop) -> None:
    assert near(crop.turned().turned().turned().turned(), crop)


@given(crops())
def test_turned_crop_shows_the_same_part_turned(crop: Crop) -> None:
    try:
        before, after = crop.apply(picture()), crop.turned().apply(picture())
    except BadImage:
        return
    turned = before.image.transpose(Image.Transpose.ROTATE_270)
    assert abs(turned.width - after.image.width) <= 1 and abs(turned.height - after.image.height) <= 1
    assert after.whole == before.whole[::-1]
    middles = [np.asarray(image)[image.height // 2, image.width // 2].astype(int) for image in (turned, after.image)]
    assert abs(middles[0] - middles[1])[:2].max() <= 2


def test_crop_cuts_out_the_part_and_says_where_it_lies() -> None:
    cropped = Crop.parse("0.5,0.25,0.25,0.5").apply(picture())
    assert (cropped.image.size, cropped.offset, cropped.whole) == ((75, 100), (150, 50), (300, 200))
    assert cropped.image.getpixel((0, 0)) == picture().getpixel((150, 50))


def test_whole_crop_leaves_the_image_as_it_is() -> None:
    image = picture()
    assert Crop.parse("") == WHOLE and WHOLE.apply(image).image is image


def test_turn_is_clockwise() -> None:
    turned = Crop.parse("", 90).apply(picture()).image
    assert turned.size == (200, 300) and turned.getpixel((199, 0)) == picture().getpixel((0, 0))


@pytest.mark.parametrize(
    ("rectangle", "turn"),
    [("0,0,1", 0), ("a,0,1,1", 0), ("0.5,0,0.6,1", 0), ("0,0,0,1", 0), ("-0.1,0,1,1", 0), ("nan,0,1,1", 0),
     ("0,0,inf,1", 0), ("", 45), ("", "left"), ("0,0,1,1,1", 0)],
)  # fmt: skip
def test_text_that_is_no_crop_is_refused(rectangle: str, turn: int | str) -> None:
    with pytest.raises(QueryError, match="left, top, width and height"):
        Crop.parse(rectangle, turn)


def test_crop_of_a_few_pixels_is_refused() -> None:
    with pytest.raises(BadImage, match="15 x 200"):
        Crop(0, 0, 0.05, 1).apply(picture())


def test_thumbnail_shows_the_crop() -> None:
    import io

    data = io.BytesIO()
    picture().save(data, "PNG")
    with Image.open(io.BytesIO(thumbnail(data.getvalue(), 50, Crop(0, 0, 0.5, 1, 90)))) as small:
        assert small.size == (17, 50)
