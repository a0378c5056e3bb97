"""A collection's index on disk, and what is found by it: against exact search over the same collection."""

import json
import logging
import os
import resource
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, NewItem, Writer
from rpf.errors import CollectionError, ConfigError
from rpf.search.base import RankedRows, Searcher
from rpf.search.exact import Exact
from rpf.search.index_store import AUTOMATIC, LARGE, method_for, method_in_use, open_index, update_index, validate_index
from rpf.search.request import ResolvedRequest
from rpf.search.two_stage import TwoStageSearcher

KEY = "a key"
ATTRIBUTES = ("a", "b", "c")
DIM = 32
COUNT = 2000
ROUNDING = 1.5e-6  # scores are rounded to 6 decimals, whichever way a sum comes out
METHODS = ["none", "pca", "kdtree", "faiss", "faiss:PCA16,IVF32,SQ8", "faiss:PCA16,IVF16,PQ16x4fs,RFlat", "hnsw", "lsh"]


def quiet(*told: object) -> None:
    pass


def clustered(count: int, seed: int) -> np.ndarray:
    """(count, A, D) unit vectors about 60 centres of each attribute, whose numbers matter ever less, as of garments."""
    centres = np.random.default_rng(9).standard_normal((len(ATTRIBUTES), 60, DIM))
    rng = np.random.default_rng(seed)
    near = np.stack([own[rng.integers(0, 60, count)] for own in centres], axis=1)
    made = (near + 0.4 * rng.standard_normal((count, len(ATTRIBUTES), DIM))) * 0.85 ** np.arange(DIM)
    return (made / np.linalg.norm(made, axis=2, keepdims=True)).astype(np.float32)


def write(folder: Path, vectors: np.ndarray, applicable: np.ndarray | None = None) -> None:
    with Writer(folder, checkpoint="", attributes=ATTRIBUTES, dim=DIM, root="images") as writer:
        put(writer, vectors, applicable)


def put(writer: Writer, vectors: np.ndarray, applicable: np.ndarray | None = None) -> list[int]:
    return writer.append([NewItem("", "", 0, 0, 0, {})] * len(vectors), vectors, None, applicable)


def brought_up(folder: Path, setting: str, **options: bool) -> str:
    with Writer.existing(folder) as writer:
        return update_index(writer, setting, KEY, quiet, **options)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "c"
    write(folder, clustered(COUNT, 0))
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    """A copy of `plain`."""
    shutil.copytree(plain, tmp_path / "c")
    return tmp_path / "c"


def asked(index: Searcher, queries: np.ndarray, count: int, weights: Sequence[float] = (1, 1, 1)) -> list[RankedRows]:
    """queries (m, A, D) in all attributes of which there is a weight."""
    chosen = tuple(at for at, weight in enumerate(weights) if weight)
    own = np.array([weights[at] for at in chosen], float)
    return [index.search(ResolvedRequest(query[list(chosen)], chosen, own, count)) for query in queries]


def recall(found: Sequence[RankedRows], exact: Sequence[RankedRows]) -> float:
    """The share of the exact results' scores that is reached: twins may stand for each other."""
    both = zip(found, exact, strict=True)
    return float(np.mean([np.mean(own.scores >= best.scores[-1] - ROUNDING) for own, best in both]))


@pytest.mark.parametrize("name", METHODS)
def test_an_index_finds_what_exact_search_finds(name: str, folder: Path) -> None:
    assert brought_up(folder, name) == name
    collection = Collection.open(folder)
    index = open_index(collection, AUTOMATIC, KEY)
    assert isinstance(index, TwoStageSearcher)
    queries = clustered(40, 1)
    for weights in ((1, 1, 1), (0, 1, 0), (1, 0, 3)):
        exact = asked(Exact(collection), queries, 50, weights)
        found = asked(index, queries, 50, weights)
        assert recall(found, exact) >= (0.99 if name != "lsh" else 0.5), weights
        for own, best in zip(found, exact, strict=True):
            assert len(own.rows) == len(set(own.rows.tolist())) == 50
            assert (np.diff(own.scores) <= 0).all()
            _, mine, its = np.intersect1d(own.rows, best.rows, return_indices=True)
            np.testing.assert_allclose(own.scores[mine], best.scores[its], atol=ROUNDING)
            np.testing.assert_allclose(own.cosines[:, mine], best.cosines[:, its], atol=ROUNDING)


@pytest.mark.parametrize("name", METHODS)
def test_an_index_stays_true_whatever_is_added_and_removed(name: str, folder: Path) -> None:
    """Added items are found at once, before the index is brought up to date and after; removed ones never."""
    brought_up(folder, name)
    more = clustered(150, 2)
    with Writer.existing(folder) as writer:
        given = put(writer, more)
        writer.remove(list(range(100, 400)) + given[:50])
    queries = more
    for step in ("before", "after", "after the segments are merged"):
        if step != "before":
            assert brought_up(folder, AUTOMATIC) == name
        if step.endswith("merged"):
            with Writer.existing(folder) as writer:
                writer.compact()
        collection = Collection.open(folder)
        index = open_index(collection, AUTOMATIC, KEY)
        assert isinstance(index, TwoStageSearcher), step
        found = asked(index, queries, 50)
        ids = [collection.ids[own.rows].tolist() for own in found]
        assert not {gone for own in ids for gone in own} & {*range(100, 400), *given[:50]}, step
        assert [own[0] for own in ids[50:]] == given[50:], step
        assert recall(found, asked(Exact(collection), queries, 50)) >= (0.99 if name != "lsh" else 0.5), step


def test_few_items_need_no_index_and_many_get_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert method_for(AUTOMATIC, LARGE - 1) == "exact" and method_for(AUTOMATIC, LARGE) == "pca"
    assert brought_up(folder, AUTOMATIC) == "exact"
    assert method_in_use(Collection.open(folder)) is None
    monkeypatch.setattr("rpf.search.index_store.LARGE", COUNT)
    assert brought_up(folder, AUTOMATIC) == "pca"
    assert method_in_use(Collection.open(folder)) == "pca"
    assert open_index(Collection.open(folder), AUTOMATIC, KEY).title == "PCA"
    assert open_index(Collection.open(folder), "exact", KEY).title == "exact"
    # A method that was chosen is kept, until another is.
    assert brought_up(folder, "hnsw") == brought_up(folder, AUTOMATIC) == "hnsw"
    assert brought_up(folder, AUTOMATIC, anew=True) == "pca"
    assert brought_up(folder, "exact") == "exact"
    assert Collection.open(folder).manifest.index == ""
    assert not list((folder / "index").iterdir())


def test_a_collection_that_has_outgrown_its_index_gets_a_new_one(folder: Path) -> None:
    def trained_on() -> int:
        index = Collection.open(folder).index_folder
        assert index is not None
        return int(json.loads((index / "index.json").read_text())["trained_on"])

    brought_up(folder, "pca")
    for more, trained in ((COUNT - 10, COUNT), (20, 2 * COUNT + 10)):
        with Writer.existing(folder) as writer:
            put(writer, clustered(more, more))
        brought_up(folder, AUTOMATIC)
        assert trained_on() == trained
    with Writer.existing(folder) as writer:
        writer.remove(range(1, 1 + (2 * COUNT + 10) // 2))
    brought_up(folder, AUTOMATIC)
    assert trained_on() == COUNT + 5


def test_removing_everything_leaves_no_index(folder: Path) -> None:
    brought_up(folder, "pca")
    with Writer.existing(folder) as writer:
        writer.remove(range(1, COUNT + 1))
    assert brought_up(folder, "pca") == "exact"
    collection = Collection.open(folder)
    request = ResolvedRequest(clustered(1, 1)[0], (0, 1, 2), np.ones(3), 5)
    assert len(open_index(collection, AUTOMATIC, KEY).search(request).rows) == 0


@pytest.mark.parametrize("name", ["faiss", "pca"])
def test_a_strangers_index_is_used_only_where_its_files_are_plain_arrays(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    brought_up(folder, name)
    collection = Collection.open(folder)
    with caplog.at_level(logging.WARNING):
        index = open_index(collection, AUTOMATIC, "another key")
    trusted = name == "pca"
    assert isinstance(index, TwoStageSearcher if trusted else Exact)
    assert bool(caplog.messages) != trusted
    assert all("another installation" in message and "compact c" in message for message in caplog.messages)
    assert "another installation" in validate_index(collection, "another key")
    assert validate_index(collection, KEY) == ""


def damage_count(index: Path) -> None:
    np.save(index / "ids.npy", np.arange(1, 101))


def damage_twice(index: Path) -> None:
    ids = np.load(index / "ids.npy")
    np.save(index / "ids.npy", np.full_like(ids, ids[0]))


def damage_method(index: Path) -> None:
    text = (index / "index.json").read_text()
    (index / "index.json").write_text(text.replace('"pca"', '"no such method"'))


def damage_link(index: Path) -> None:
    """Files that lead out of the collection are not ours to map."""
    outside = index.parents[2] / "outside.npy"
    shutil.move(index / "0" / "columns.npy", outside)
    os.symlink(outside, index / "0" / "columns.npy")


DAMAGES = {
    "cut": lambda index: (index / "0" / "columns.npy").write_bytes(b"\x93NUMPY"),
    "missing": lambda index: shutil.rmtree(index / "1"),
    "all missing": shutil.rmtree,
    "count": damage_count,
    "twice": damage_twice,
    "method": damage_method,
    "link": damage_link,
    "json": lambda index: (index / "index.json").write_text("{"),
    "keys": lambda index: (index / "index.json").write_text('{"method": "pca"}'),
    "numbers": lambda index: (index / "index.json").write_text(
        '{"method": "pca", "oversampling": [1e999], "trained_on": 1, "seal": ""}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_index_is_left_aside_and_made_anew(damage, folder: Path, caplog: pytest.LogCaptureFixture) -> None:  # type: ignore[no-untyped-def]
    brought_up(folder, "pca")
    collection = Collection.open(folder)
    assert collection.index_folder is not None
    damage(collection.index_folder)
    with caplog.at_level(logging.WARNING):
        index = open_index(collection, AUTOMATIC, KEY)
    assert isinstance(index, Exact)
    assert "is not used" in caplog.text
    assert validate_index(collection, KEY)
    brought_up(folder, "pca")
    assert isinstance(open_index(Collection.open(folder), AUTOMATIC, KEY), TwoStageSearcher)
    assert not validate_index(Collection.open(folder), KEY)


def test_what_cannot_be_built_leaves_the_old_index(folder: Path) -> None:
    brought_up(folder, "pca")
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    for wrong in ("faiss:PQ7", "faiss:Nonsense", "annoy"):
        with pytest.raises(ConfigError):
            brought_up(folder, wrong)
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before
    assert isinstance(open_index(Collection.open(folder), AUTOMATIC, KEY), TwoStageSearcher)


@pytest.mark.parametrize("name", ["pca", "faiss"])
def test_a_full_disk_is_told_and_leaves_the_old_index(name: str, folder: Path) -> None:
    brought_up(folder, "kdtree")
    before = sorted((folder / "index").rglob("*"))
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, most))  # files may not grow further
        with pytest.raises(CollectionError, match="The collection c cannot be written: "):
            brought_up(folder, name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    assert method_in_use(Collection.open(folder)) == "kdtree"
    assert sorted((folder / "index").rglob("*")) == before


def test_progress_counts_every_attributes_vectors(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with Writer.existing(folder) as writer:
        update_index(writer, "pca", KEY, lambda *own: told.append(own))
    assert {(phase, total) for phase, _, total in told} == {("building the index", 3 * COUNT)}
    done = [own for _, own, _ in told]
    assert done[-1] == 3 * COUNT and max(done) == done[-1]


@given(st.data())
def test_those_that_lack_fewest_parts_come_first(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """As exact search says, whatever the parts, weights and numbers asked; by a method that scans and by one that
    does not."""
    parts = np.random.default_rng(data.draw(st.integers(0, 99))).random((600, 3))
    parts[data.draw(st.integers(0, 600)) :] = 1
    folder = tmp_path_factory.mktemp("lacking") / "c"
    write(folder, clustered(600, 3), parts.astype(np.float16))
    brought_up(folder, data.draw(st.sampled_from(["none", "faiss:Flat"])))
    collection = Collection.open(folder)
    weights = np.array(data.draw(st.sampled_from([[1.0, 1, 1], [1, 0, 2], [0, 0, 1]])))
    count = data.draw(st.integers(1, 60))
    query = clustered(1, data.draw(st.integers(0, 99)))[0]
    index = open_index(collection, AUTOMATIC, KEY)
    request = ResolvedRequest(query, (0, 1, 2), weights, count, missing_last=True)
    found, best = (own.search(request) for own in (index, Exact(collection)))
    fewest = (best.missing[weights > 0].sum(axis=0), found.missing[weights > 0].sum(axis=0))
    np.testing.assert_array_equal(*fewest)
    np.testing.assert_allclose(found.scores, best.scores, atol=ROUNDING)
