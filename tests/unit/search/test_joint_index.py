"""The joint index over plain vectors, by the contract of rpf.search.base.CandidateIndex."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpf.search.base import CandidateIndex, CandidateSearch, Oversampling, Target
from rpf.search.indexes.registry import make_candidate_index
from rpf.search.joint_index import JointIndex

COUNT, DIM = 3000, 48
ENOUGH = Oversampling(4.0, 2.0)  # for COUNT vectors of few directions
METHODS = ["pca", "faiss", "faiss:Flat"]


def columns_of(count: int, seed: int) -> list[np.ndarray]:
    """Draw unit vectors (count, DIM) of three attributes, near 40 centres of 10 directions each."""
    rng, columns = np.random.default_rng(seed), []
    for attribute in range(3):
        fixed = np.random.default_rng(attribute)
        axes = np.linalg.qr(fixed.standard_normal((DIM, 10)))[0]
        near = fixed.standard_normal((40, 10))[rng.integers(0, 40, count)] + 0.5 * rng.standard_normal((count, 10))
        vectors = near @ axes.T
        columns.append((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
    return columns


@pytest.fixture(scope="module")
def columns() -> list[np.ndarray]:
    return columns_of(COUNT, 0)


@pytest.fixture(scope="module", params=METHODS)
def index(request: pytest.FixtureRequest, columns: list[np.ndarray]) -> CandidateIndex:
    joint = make_candidate_index(request.param, 3)
    joint.build(columns)
    return joint


def search_for(
    vectors: np.ndarray, weights: list[int], k: int = 20, passing: np.ndarray | None = None
) -> CandidateSearch:
    """Make a search with vectors (3, DIM) in the attributes of a weight above 0."""
    chosen = [attribute for attribute, weight in enumerate(weights) if weight]
    shares = np.array([weights[attribute] for attribute in chosen], np.float32)
    return CandidateSearch(vectors[chosen], tuple(chosen), shares / shares.sum(), k, passing)


def scores_of(columns: list[np.ndarray], search: CandidateSearch) -> np.ndarray:
    return np.asarray(
        sum(s * (columns[at] @ v) for at, v, s in zip(search.attributes, search.vectors, search.shares, strict=True))
    )


@settings(max_examples=30, deadline=None)
@given(
    weights=st.lists(st.integers(0, 3), min_size=3, max_size=3).filter(any),
    seed=st.integers(1, 50),
    share=st.sampled_from([1.0, 0.5, 0.1, 0.05]),
)
def test_candidates_hold_the_best_rows_for_any_weights_and_filter(
    index: CandidateIndex, columns: list[np.ndarray], weights: list[int], seed: int, share: float
) -> None:
    vectors = np.stack([column[0] for column in columns_of(1, seed)])
    passing = None if share == 1 else np.random.default_rng(seed).random(COUNT) < share
    search = search_for(vectors, weights, passing=passing)
    rows = index.candidates(search, ENOUGH)
    assert rows is not None and len(rows) == len(set(rows.tolist())) == 40
    scores = scores_of(columns, search)
    if passing is not None:
        assert passing[rows].all()
        scores = np.where(passing, scores, -np.inf)
    best = np.argsort(-scores)[: search.k]
    assert np.isin(best, rows).mean() >= 0.9


def test_rows_are_ranked_by_components_where_the_index_would_propose_too_many(columns: list[np.ndarray]) -> None:
    index = make_candidate_index("faiss:PQ4x4fs", 3)  # coarse
    index.build(columns)
    search = search_for(np.stack([column[7] for column in columns]), [1, 2, 0])
    rows = index.candidates(search, Oversampling(COUNT / 20, 1.5))
    assert rows is not None and len(rows) == 30
    assert np.isin(np.argsort(-scores_of(columns, search))[:20], rows).all()


def test_no_candidates_where_too_few_rows_pass(index: CandidateIndex, columns: list[np.ndarray]) -> None:
    passing = np.zeros(COUNT, bool)
    passing[:30] = True
    search = search_for(np.stack([column[7] for column in columns]), [1, 1, 1], passing=passing)
    assert index.candidates(search, ENOUGH) is None


def test_ranks_count_from_one_and_put_missing_rows_behind_the_depth(
    index: CandidateIndex, columns: list[np.ndarray]
) -> None:
    queries = np.stack([column[11] for column in columns])
    last = int(np.argmin(sum(column @ query for column, query in zip(columns, queries, strict=True))))
    (ranks,) = index.ranks(queries, [Target(np.arange(3), np.array([11, last]))], 100)
    assert ranks.proposed.tolist()[0] <= 3 and ranks.proposed.tolist()[1] == 101
    assert ranks.rescored.tolist()[0] == 1 and ranks.rescored.tolist()[1] > COUNT - 20


@pytest.mark.parametrize("steps", [[100], [10], [10, 10], [10, 50], [60, 10]])  # some are left beside the vector index
def test_added_rows_follow_and_a_saved_index_opens_unchanged(
    steps: list[int], tmp_path: Path, columns: list[np.ndarray]
) -> None:
    count = COUNT - sum(steps)
    index = make_candidate_index("pca", 3)
    index.build([column[:count] for column in columns])
    opened = index
    for step in steps:
        assert index.add([column[count : count + step] for column in columns])
        count += step
        (folder := tmp_path / str(count)).mkdir()
        index.save(folder)
        opened = make_candidate_index("pca", 3)
        opened.open(folder, (count, DIM))
    for row, weights in ((COUNT - 1, [1, 0, 0]), (COUNT - steps[-1], [1, 2, 3]), (7, [0, 1, 1])):
        search = search_for(np.stack([column[row] for column in columns]), weights)
        rows, again = index.candidates(search, ENOUGH), opened.candidates(search, ENOUGH)
        assert rows is not None and again is not None and row in rows
        np.testing.assert_array_equal(np.sort(rows), np.sort(again))
        best = np.argsort(-scores_of(columns, search))[: search.k]
        assert np.isin(best, rows).mean() >= 0.9


def test_few_added_rows_leave_the_files_of_the_vector_index(tmp_path: Path, columns: list[np.ndarray]) -> None:
    index = make_candidate_index("pca", 3)
    index.build([column[:2900] for column in columns])
    folders = [tmp_path / name for name in ("before", "few", "many")]
    for folder, (start, end) in zip(folders, ((2900, 2900), (2900, 2920), (2920, 2990)), strict=True):
        assert end == start or index.add([column[start:end] for column in columns])
        folder.mkdir()
        index.save(folder)
    before, few, many = ({path.relative_to(folder): path for path in folder.rglob("*.*")} for folder in folders)
    assert {str(name) for name in few.keys() - before.keys()} == {f"added-{attribute}.npy" for attribute in range(3)}
    assert all(few[name].samefile(path) for name, path in before.items())
    assert many.keys() == before.keys()
    changed = {str(name) for name, path in before.items() if path.read_bytes() != many[name].read_bytes()}
    assert {"components-0.npy", "index/index.faiss"} <= changed


def test_added_components_of_another_number_of_rows_are_refused(tmp_path: Path, columns: list[np.ndarray]) -> None:
    index = make_candidate_index("pca", 3)
    index.build([column[:2990] for column in columns])
    index.add([column[2990:] for column in columns])
    index.save(tmp_path)
    added = np.load(tmp_path / "added-1.npy")
    np.save(tmp_path / "added-1.npy", added[:4])
    with pytest.raises(ValueError, match=r"components-1\.npy"):
        make_candidate_index("pca", 3).open(tmp_path, (COUNT, DIM))


@pytest.mark.parametrize("widths", [[0, 3, 3], [99, 3, 3], [3, 3]])
def test_malformed_widths_are_refused(widths: list[int], tmp_path: Path, columns: list[np.ndarray]) -> None:
    index = make_candidate_index("pca", 3)
    index.build(columns)
    index.save(tmp_path)
    np.save(tmp_path / "widths.npy", np.array(widths))
    with pytest.raises(ValueError, match=r"widths\.npy"):
        make_candidate_index("pca", 3).open(tmp_path, (COUNT, DIM))


@pytest.mark.parametrize(
    ("method", "is_joint"),
    [("pca", True), ("faiss", True), ("faiss:OPQ8,PQ8x4fs", True), ("faiss:PCA64,IVF256,SQ8", False), ("hnsw", False)],
)
def test_methods_that_group_rows_have_an_index_for_each_attribute(method: str, is_joint: bool) -> None:
    assert isinstance(make_candidate_index(method, 3), JointIndex) == is_joint
