import numpy as np
import pytest

from rpf.search.examples import AWAY_WEIGHT, Example, combine
from rpf.search.request import Query

KEYS = ("sleeve_length", "collar_design", "coat_length")


def query(seed: int, **changes: object) -> Query:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(3, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    facts: dict[str, object] = {
        "presence": dict(zip(KEYS, rng.random(3).tolist(), strict=True)),
        "values": rng.dirichlet(np.ones(4), 3).astype(np.float32),
        **changes,
    }
    return Query(vectors, np.zeros((3, 4), np.int32), (10, 20), **facts)  # type: ignore[arg-type]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_one_picture_is_the_query_itself() -> None:
    first = query(1)
    assert combine(KEYS, first, []) is first


def test_more_examples_are_their_mean_direction() -> None:
    first, second, third = query(1, item_id=7), query(2), query(3, item_id=9)
    combined = combine(KEYS, first, [Example(second), Example(third)])
    for at in range(3):
        mean = sum(one.embedding[at] for one in (first, second, third))
        np.testing.assert_allclose(combined.embedding[at], unit(mean), atol=1e-6)
    assert (combined.item_id, combined.size, combined.boxes) == (7, first.size, first.boxes)
    assert combined.values is not None and first.values is not None
    np.testing.assert_allclose(combined.values.sum(axis=1), 1, atol=1e-5)
    assert combined.presence == {key: max(one.presence[key] for one in (first, second, third)) for key in KEYS}  # type: ignore[index]


def test_attribute_is_taken_from_the_pictures_that_are_named_for_it() -> None:
    first, second, third = query(1), query(2), query(3)
    combined = combine(KEYS, first, [Example(second, ["collar_design"]), Example(third)])
    np.testing.assert_allclose(combined.embedding[1], second.embedding[1], atol=1e-6)
    np.testing.assert_allclose(combined.embedding[0], unit(first.embedding[0] + third.embedding[0]), atol=1e-6)
    assert combined.presence is not None and combined.presence["collar_design"] == second.presence["collar_design"]  # type: ignore[index]


def test_picture_to_keep_away_from_pushes_the_query_off() -> None:
    first, away = query(1), query(2)
    combined = combine(KEYS, first, [Example(away, ["coat_length"], away=True)])
    expected = unit(first.embedding[2] - AWAY_WEIGHT * away.embedding[2])
    np.testing.assert_allclose(combined.embedding[2], expected, atol=1e-6)
    assert combined.embedding[2] @ away.embedding[2] < first.embedding[2] @ away.embedding[2]
    np.testing.assert_allclose(combined.embedding[:2], first.embedding[:2], atol=1e-6)
    assert (combined.values == first.values).all() and combined.presence == first.presence  # type: ignore[union-attr]


@pytest.mark.parametrize("missing", ["presence", "values"])
def test_pictures_of_which_little_is_known_can_be_combined(missing: str) -> None:
    combined = combine(KEYS, query(1), [Example(query(2, **{missing: None}))])
    assert not np.isnan(combined.embedding).any() and combined.presence is not None
