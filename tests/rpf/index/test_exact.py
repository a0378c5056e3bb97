import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rpf.collection import Collection, NewItem, Writer
from rpf.index.exact import Exact, best

ATTRIBUTES = ("a", "b", "c")


def unit(shape: tuple[int, ...], seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    made = unit((50, 3, 16), 0)
    made[30] = made[7]  # a twin, to see ties
    return made


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, vectors: np.ndarray) -> Collection:
    folder = tmp_path_factory.mktemp("exact") / "c"
    with Writer(folder, checkpoint="0" * 64, attributes=ATTRIBUTES, dim=16, root="images") as writer:
        for at in range(0, 50, 20):
            items = [NewItem(f"{n}.jpg", "0" * 64, 1, 20, 20, {}) for n in range(at, min(50, at + 20))]
            writer.append(items, vectors[at : at + 20], None)
    return Collection.open(folder)


def test_the_score_is_the_weighted_mean_of_cosines_over_all_items(collection: Collection, vectors: np.ndarray) -> None:
    queries, weights = unit((2, 16), 1), np.array([1.0, 3.0])
    found = Exact(collection).search(queries, [2, 0], weights, 50)
    cosines = np.stack([vectors[:, 2] @ queries[0], vectors[:, 0] @ queries[1]])
    scores = weights @ cosines / 4
    assert sorted(found.rows) == list(range(50))
    np.testing.assert_allclose(found.scores, scores[found.rows], atol=1e-3)
    np.testing.assert_allclose(found.cosines, cosines[:, found.rows], atol=1e-3)
    assert (np.diff(found.scores) <= 0).all()


def test_ties_go_to_the_lower_row(collection: Collection, vectors: np.ndarray) -> None:
    found = Exact(collection).search(vectors[7], [0, 1, 2], np.ones(3), 2)
    assert found.rows.tolist() == [7, 30]
    assert found.scores[0] == found.scores[1] == pytest.approx(1, abs=1e-3)
    assert Exact(collection).search(vectors[7], [0, 1, 2], np.ones(3), 1).rows.tolist() == [7]


@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0])),
    st.integers(1, 70),
)
def test_best_is_a_stable_sort(scores: np.ndarray, count: int) -> None:
    expected = sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:count]
    assert best(scores, count).tolist() == expected
