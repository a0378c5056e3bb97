import numpy as np
import pytest

from rpf.attributes import Vocabulary
from rpf.inference.interface import ImageEmbedding
from rpf.inference.orientation import find_turn

KEYS = ("coat_length", "collar_design")
SIDE = 10


def photo(turned: int, presence: float = 0.99) -> ImageEmbedding:
    """Make what the model sees of a person, turned by degrees clockwise: a collar above a hem."""
    upright = np.zeros((2, SIDE, SIDE), np.float32)
    upright[0, 8, 5] = upright[1, 2, 5] = 1
    attention = np.rot90(upright, -turned // 90, axes=(1, 2))
    known = np.full(2, presence if turned % 360 == 0 else 0.6, np.float32)
    return ImageEmbedding(np.zeros((2, 4), np.float32), np.zeros((2, 4), np.int32), known, None, (9, 9), attention)


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_turn_of_a_photo_makes_it_upright(turned: int) -> None:
    looked: list[int] = []

    def embed(turn: int) -> ImageEmbedding:
        looked.append(turn)
        return photo((turned + turn) % 360)

    assert find_turn(Vocabulary(KEYS), embed) == -turned % 360
    assert len(looked) == (4 if turned else 1)  # no more passes for what looks upright


@pytest.mark.parametrize("keys", [("coat_length", "skirt_length"), ("collar_design", "lapel_design")])
def test_turn_is_unknown_without_necks_and_hems(keys: tuple[str, str]) -> None:
    assert find_turn(Vocabulary(keys), lambda turn: photo(90 + turn)) == 0


def test_turn_is_not_offered_where_no_turn_is_clearly_better() -> None:
    level = photo(0)._replace(attention=np.full((2, SIDE, SIDE), 1 / SIDE**2, np.float32))
    assert find_turn(Vocabulary(KEYS), lambda turn: level) == 0
