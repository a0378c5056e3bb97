"""Index store and two-stage search against exact search over the same collection."""

import json
import logging
import os
import resource
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.errors import ConfigError
from rpf.search.base import RankedRows, Searcher
from rpf.search.exact import Exact
from rpf.search.filters import ValueFilter, passing_rows
from rpf.search.index_store import (
    AUTO,
    LARGE_COLLECTION,
    choose_method,
    index_method,
    index_stamp,
    open_searcher,
    update_index,
    validate_index,
)
from rpf.search.request import Query, ResolvedRequest, SearchRequest
from rpf.search.stored_index import IndexMetadata, read_metadata
from rpf.search.two_stage import TwoStageSearcher

ATTRIBUTES = ("a", "b", "c")
DIM = 32
COUNT = 2000
ROUNDING = 1.5e-6  # scores are rounded to 6 decimals, whichever way a sum comes out
METHODS = [
    "none", "pca", "kdtree", "faiss", "faiss:PCA16,IVF32,SQ8", "faiss:PCA16,IVF16,PQ16x4fs,RFlat", "faiss:PQ8x4fs",
    "hnsw", "lsh",
]  # fmt: skip


def quiet(*progress: object) -> None:
    pass


def clustered(count: int, seed: int) -> np.ndarray:
    """Draw (count, A, D) unit vectors about 60 centres of each attribute, with falling variances, as of garments."""
    centres = np.random.default_rng(9).standard_normal((len(ATTRIBUTES), 60, DIM))
    rng = np.random.default_rng(seed)
    near = np.stack([centre[rng.integers(0, 60, count)] for centre in centres], axis=1)
    embeddings = (near + 0.4 * rng.standard_normal((count, len(ATTRIBUTES), DIM))) * 0.85 ** np.arange(DIM)
    return (embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True)).astype(np.float32)


def write(folder: Path, vectors: np.ndarray, presence: np.ndarray | None = None) -> None:
    with Writer.open(folder, CollectionSpec("", ATTRIBUTES, DIM, "images")) as writer:
        put(writer, vectors, presence)


def put(
    writer: Writer, vectors: np.ndarray, presence: np.ndarray | None = None, values: np.ndarray | None = None
) -> list[int]:
    return writer.append([NewItem("", "", 0, 0, 0, {})] * len(vectors), vectors, None, presence, values)


def values_of(vectors: np.ndarray) -> np.ndarray:
    """Return value probabilities (n, A, 4) that similar vectors share."""
    exponentials = np.exp(6 * vectors[..., :4])
    return (exponentials / exponentials.sum(axis=2, keepdims=True)).astype(np.float16)


def indexes_of(folder: Path) -> Path:
    """Return the folder of indexes of the collection's installation."""
    return folder.parent / "instance" / "indexes"


def update(folder: Path, method: str, **options: bool) -> str:
    return update_index(Collection.open(folder), indexes_of(folder), method, quiet, **options)


def searcher_of(folder: Path, method: str = AUTO) -> Searcher:
    return open_searcher(Collection.open(folder), indexes_of(folder), method)


def method_of(folder: Path) -> str | None:
    return index_method(Collection.open(folder), indexes_of(folder))


def problem_of(folder: Path) -> str:
    return validate_index(Collection.open(folder), indexes_of(folder))


def store_of(folder: Path) -> Path:
    """Return the folder of the collection's index."""
    return indexes_of(folder) / Collection.open(folder).manifest.uuid


def metadata_of(folder: Path) -> IndexMetadata:
    metadata = read_metadata(store_of(folder))
    assert metadata
    return metadata


def components_of(folder: Path) -> Path:
    """Return the index's largest file."""
    return store_of(folder) / metadata_of(folder).build / "index" / "components-0.npy"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "c"
    write(folder, clustered(COUNT, 0))
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    """Copy the collection `plain`."""
    shutil.copytree(plain, tmp_path / "c")
    return tmp_path / "c"


def search(searcher: Searcher, queries: np.ndarray, k: int, weights: Sequence[float] = (1, 1, 1)) -> list[RankedRows]:
    """Search with queries (m, A, D) in all attributes whose weight is not 0."""
    chosen = tuple(position for position, weight in enumerate(weights) if weight)
    positive = np.array([weights[position] for position in chosen], float)
    return [searcher.search(ResolvedRequest(query[list(chosen)], chosen, positive, k)) for query in queries]


def recall(rankings: Sequence[RankedRows], exact: Sequence[RankedRows]) -> float:
    """Return the share of results that score as high as the last exact one; ties may stand for each other."""
    both = zip(rankings, exact, strict=True)
    return float(np.mean([np.mean(ranked.scores >= best.scores[-1] - ROUNDING) for ranked, best in both]))


@pytest.mark.parametrize("name", METHODS)
def test_two_stage_search_returns_what_exact_search_returns(name: str, folder: Path) -> None:
    assert update(folder, name) == name
    searcher, collection = searcher_of(folder), Collection.open(folder)
    assert isinstance(searcher, TwoStageSearcher)
    queries = clustered(40, 1)
    for weights in ((1, 1, 1), (0, 1, 0), (1, 0, 3)):
        exact = search(Exact(collection), queries, 50, weights)
        rankings = search(searcher, queries, 50, weights)
        assert recall(rankings, exact) >= (0.99 if name != "lsh" else 0.5), weights
        for ranked, best in zip(rankings, exact, strict=True):
            assert len(ranked.rows) == len(set(ranked.rows.tolist())) == 50
            assert (np.diff(ranked.scores) <= 0).all()
            _, mine, its = np.intersect1d(ranked.rows, best.rows, return_indices=True)
            np.testing.assert_allclose(ranked.scores[mine], best.scores[its], atol=ROUNDING)
            np.testing.assert_allclose(ranked.attribute_scores[:, mine], best.attribute_scores[:, its], atol=ROUNDING)


@pytest.mark.parametrize("name", METHODS)
def test_added_items_are_ranked_immediately_and_removed_ones_never(name: str, folder: Path) -> None:
    update(folder, name)
    more = clustered(45, 2)
    with Writer.open(folder) as writer:
        given = put(writer, more)
        writer.remove(list(range(100, 400)) + given[:15])
    for step in ("before the update", "after it", "after the segments are merged"):
        if step != "before the update":
            assert update(folder, AUTO) == name
        if step.endswith("merged"):
            with Writer.open(folder) as writer:
                writer.optimize()
        searcher, collection = searcher_of(folder), Collection.open(folder)
        assert isinstance(searcher, TwoStageSearcher), step
        rankings = search(searcher, more, 50)
        ids = [collection.ids[ranked.rows].tolist() for ranked in rankings]
        assert not {item_id for ranked in ids for item_id in ranked} & {*range(100, 400), *given[:15]}, step
        assert [ranked[0] for ranked in ids[15:]] == given[15:], step
        assert recall(rankings, search(Exact(collection), more, 50)) >= (0.99 if name != "lsh" else 0.5), step


def test_auto_method_builds_an_index_for_a_large_collection_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_method(AUTO, LARGE_COLLECTION - 1) == "exact" and choose_method(AUTO, LARGE_COLLECTION) == "pca"
    assert update(folder, AUTO) == "exact"
    assert method_of(folder) is None and not indexes_of(folder).exists()
    monkeypatch.setattr("rpf.search.index_store.LARGE_COLLECTION", COUNT)
    assert update(folder, AUTO) == "pca"
    assert method_of(folder) == "pca"
    assert searcher_of(folder).title == "PCA"
    assert searcher_of(folder, "exact").title == "exact"


def test_chosen_method_stays_until_another_is_chosen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rpf.search.index_store.LARGE_COLLECTION", COUNT)
    assert update(folder, "hnsw") == update(folder, AUTO) == "hnsw"
    assert update(folder, AUTO, rebuild=True) == "pca"
    assert update(folder, "exact") == "exact"
    assert not list(indexes_of(folder).iterdir())


def test_collection_that_has_outgrown_its_index_gets_a_new_one(folder: Path) -> None:
    update(folder, "pca")
    for more, trained_on in ((COUNT - 10, COUNT), (20, 2 * COUNT + 10)):
        with Writer.open(folder) as writer:
            put(writer, clustered(more, more))
        update(folder, AUTO)
        assert metadata_of(folder).trained_on == trained_on
    with Writer.open(folder) as writer:
        writer.remove(range(1, 1 + (2 * COUNT + 10) // 2))
    update(folder, AUTO)
    assert metadata_of(folder).trained_on == COUNT + 5


def test_empty_collection_has_no_index(folder: Path) -> None:
    update(folder, "pca")
    with Writer.open(folder) as writer:
        writer.remove(range(1, COUNT + 1))
    assert update(folder, "pca") == "exact"
    assert len(search(searcher_of(folder), clustered(1, 1), 5)[0].rows) == 0


def test_copied_collection_is_searched_exactly_until_its_index_is_built(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    update(folder, "pca")
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    assert isinstance(searcher_of(copy), Exact) and method_of(copy) is None and not problem_of(copy)
    assert update(copy, AUTO) == update(copy, "exact") == "exact"
    assert isinstance(searcher_of(folder), TwoStageSearcher)  # that of the original is still in place
    assert update(copy, "faiss") == "faiss"
    assert isinstance(searcher_of(copy), TwoStageSearcher)
    assert isinstance(searcher_of(folder), Exact)
    assert not caplog.messages


def test_collection_of_another_installation_is_searched_exactly(folder: Path, tmp_path: Path) -> None:
    update(folder, "pca")
    collection, other = Collection.open(folder), tmp_path / "other" / "indexes"
    assert isinstance(open_searcher(collection, other, AUTO), Exact)
    assert index_method(collection, other) is None and index_stamp(collection, other) is None


def test_index_of_other_items_under_the_same_ids_is_rebuilt(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Restore a backup, and write to it."""
    shutil.copytree(folder, folder.with_name("backup"))
    with Writer.open(folder) as writer:
        put(writer, clustered(150, 2))
    update(folder, "pca")
    shutil.rmtree(folder)
    folder.with_name("backup").rename(folder)
    with Writer.open(folder) as writer:
        given = put(writer, clustered(120, 3))
    assert isinstance(searcher_of(folder), Exact)
    assert "built on other items" in caplog.text and "built on other items" in problem_of(folder)
    assert update(folder, AUTO) == "pca" and not problem_of(folder)
    searcher = searcher_of(folder)
    assert isinstance(searcher, TwoStageSearcher)
    ids = Collection.open(folder).ids
    assert [int(ids[ranked.rows[0]]) for ranked in search(searcher, clustered(120, 3), 5)] == given


def test_replaced_index_is_noticed_and_open_searchers_still_work(folder: Path) -> None:
    update(folder, "pca")
    collection, stamp = Collection.open(folder), index_stamp(Collection.open(folder), indexes_of(folder))
    old, build = searcher_of(folder), metadata_of(folder).build
    before = search(old, clustered(3, 1), 5)
    assert update(folder, AUTO) == "pca" and index_stamp(collection, indexes_of(folder)) == stamp
    (store_of(folder) / "crashed").mkdir()
    update(folder, "pca", rebuild=True)
    assert index_stamp(collection, indexes_of(folder)) not in (stamp, None)
    assert {path.name for path in store_of(folder).iterdir()} == {metadata_of(folder).build, "index.json", "lock"}
    assert metadata_of(folder).build != build
    for ranked, again in zip(before, search(old, clustered(3, 1), 5), strict=True):
        np.testing.assert_array_equal(ranked.rows, again.rows)


def damage_count(build: Path) -> None:
    np.save(build / "ids.npy", np.arange(1, 101))


def damage_twice(build: Path) -> None:
    ids = np.load(build / "ids.npy")
    np.save(build / "ids.npy", np.full_like(ids, ids[0]))


def damage_link(build: Path) -> None:
    """Put a link out of the build, which is not followed."""
    outside = build.parents[2] / "outside.npy"
    shutil.move(build / "index" / "components-0.npy", outside)
    os.symlink(outside, build / "index" / "components-0.npy")


def replace(old: str, new: str) -> Callable[[Path], object]:
    """Damage to the text of index.json."""

    def damage(build: Path) -> None:
        file = build.parent / "index.json"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    return damage


DAMAGES = {
    "cut": lambda build: (build / "index" / "components-0.npy").write_bytes(b"\x93NUMPY"),
    "missing": lambda build: (build / "index" / "axes-1.npy").unlink(),
    "all missing": shutil.rmtree,
    "count": damage_count,
    "twice": damage_twice,
    "link": damage_link,
    "method": replace('"pca"', '"no such method"'),
    "json": replace("{", "["),
    "keys": replace('"method"', '"methods"'),
    "numbers": replace('"oversampling":[[', '"oversampling":[[1e999,1],['),
    "build": replace('"build":"', '"build":"../'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_index_is_not_used_and_rebuilt(damage, folder: Path, caplog: pytest.LogCaptureFixture) -> None:  # type: ignore[no-untyped-def]
    update(folder, "pca")
    damage(store_of(folder) / metadata_of(folder).build)
    with caplog.at_level(logging.WARNING):
        assert isinstance(searcher_of(folder), Exact)
    assert 'The search index of "c" is not used' in caplog.text and "build-index c" in caplog.text
    assert problem_of(folder)
    update(folder, "pca")
    assert isinstance(searcher_of(folder), TwoStageSearcher)
    assert not problem_of(folder)


def test_validation_reads_every_byte(folder: Path) -> None:
    update(folder, "pca")
    assert not problem_of(folder)
    file = components_of(folder)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert problem_of(folder) == "its files were changed"
    update(folder, "pca", rebuild=True)
    assert not problem_of(folder)


def test_additions_keep_the_large_files_and_the_hashes_of_their_first_content(folder: Path) -> None:
    update(folder, "pca")
    first = components_of(folder)
    inode = first.stat().st_ino
    for damage in (False, True):
        if damage:
            file = components_of(folder)
            file.write_bytes(file.read_bytes()[:-1] + b"x")
        with Writer.open(folder) as writer:
            given = put(writer, clustered(5, 3 + damage))
        update(folder, AUTO)
        second = components_of(folder)
        assert second != first and not first.exists() and second.stat().st_ino == inode
        assert problem_of(folder) == ("its files were changed" if damage else "")
        searcher = searcher_of(folder)
        assert isinstance(searcher, TwoStageSearcher)
        (ranked,) = search(searcher, clustered(5, 3 + damage)[2:3], 10)
        assert Collection.open(folder).ids[ranked.rows[0]] == given[2]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in store_of(folder).rglob("*"))


def test_method_that_does_not_fit_keeps_the_old_index(folder: Path) -> None:
    update(folder, "pca")
    before = files_of(folder)
    for wrong in ("faiss:PQ999", "faiss:Nonsense", "annoy"):
        with pytest.raises(ConfigError):
            update(folder, wrong)
    assert files_of(folder) == before
    assert isinstance(searcher_of(folder), TwoStageSearcher)


@pytest.mark.parametrize("name", ["pca", "faiss"])
def test_full_disk_is_reported_and_keeps_the_old_index(name: str, folder: Path) -> None:
    update(folder, "kdtree")
    before = files_of(folder)
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, most))  # files may not grow further
        with pytest.raises(ConfigError, match=r"The search index cannot be written to .*indexes.*RPF_INSTANCE"):
            update(folder, name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    assert method_of(folder) == "kdtree"
    assert files_of(folder) == before


def test_unwritable_instance_folder_is_named(folder: Path) -> None:
    indexes_of(folder).parent.write_text("no folder")
    with pytest.raises(ConfigError, match=r"set RPF_INSTANCE to a folder that can be written"):
        update(folder, "pca")
    assert isinstance(searcher_of(folder), Exact)
    assert update(folder, "exact") == "exact"


def test_progress_counts_every_attributes_vectors(folder: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    update_index(Collection.open(folder), indexes_of(folder), "pca", lambda *call: calls.append(call))
    assert {(phase, total) for phase, _, total in calls} == {("building the index", 3 * COUNT)}
    done = [count for _, count, _ in calls]
    assert done[-1] == 3 * COUNT and max(done) == done[-1]


@pytest.mark.parametrize("name", [name for name in METHODS if name != "lsh"])
def test_two_stage_search_proposes_by_presence_too(name: str, tmp_path: Path) -> None:
    """Search among items of which most lack the part, and are as similar as those that have it."""
    presence = np.random.default_rng(3).beta(0.3, 0.9, (COUNT, 3)).astype(np.float16)
    write(tmp_path / "c", clustered(COUNT, 3), presence)
    assert update(tmp_path / "c", name) == name
    collection, queries = Collection.open(tmp_path / "c"), clustered(40, 4)
    searcher = searcher_of(tmp_path / "c")
    assert isinstance(searcher, TwoStageSearcher)
    for weights in ((1, 1, 1), (0, 1, 0), (1, 0, 3)):
        exact = search(Exact(collection), queries, 50, weights)
        limit = 0.97 if ":" in name else 0.99  # a factory string may cut the vectors short
        assert recall(search(searcher, queries, 50, weights), exact) >= limit, weights


def test_index_for_another_score_is_not_used(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "parts", clustered(COUNT, 3), np.full((COUNT, 3), 0.5, np.float16))
    update(tmp_path / "parts", "pca")
    file = store_of(tmp_path / "parts") / "index.json"
    file.write_text(file.read_text().replace('"presence_power":0.25', '"presence_power":0.5'))
    assert isinstance(searcher_of(tmp_path / "parts"), Exact)
    assert "built for another score" in caplog.text


def test_index_of_an_earlier_version_is_built_again_by_its_method(folder: Path) -> None:
    update(folder, "hnsw")
    file = store_of(folder) / "index.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "oversampling": [3.5, 2.5, 2.5]}))
    assert isinstance(searcher_of(folder), Exact) and method_of(folder) == "hnsw"
    assert update(folder, AUTO) == "hnsw"
    assert isinstance(searcher_of(folder), TwoStageSearcher)


FILTERS = st.dictionaries(
    st.sampled_from(ATTRIBUTES),
    st.builds(ValueFilter, st.frozensets(st.integers(0, 3), min_size=1), st.floats(0, 0.7)),
    min_size=1,
)


@pytest.fixture(scope="module", params=["exact", *METHODS])
def filtered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Make a collection with values and its index, and one that was changed since its index was built.

    Few items are searched by the index too, as of a large collection.
    """
    folders = [tmp_path_factory.mktemp("filtered") / name for name in ("built", "changed")]
    for folder in folders:
        vectors, presence = clustered(COUNT, 3), np.random.default_rng(3).beta(2, 0.5, (COUNT, 3)).astype(np.float16)
        with Writer.open(folder, CollectionSpec("", ATTRIBUTES, DIM, "images")) as writer:
            put(writer, vectors, presence, values_of(vectors))
        update(folder, request.param)
    with Writer.open(folders[1]) as writer:
        more = clustered(150, 5)
        put(writer, more, np.ones((150, 3), np.float16), values_of(more))
        writer.remove(range(50, 350))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rpf.search.two_stage.FEW_ROWS", 8)
        yield folders


@given(
    filters=FILTERS,
    k=st.integers(1, 40),
    weights=st.lists(st.integers(0, 2), min_size=3, max_size=3).filter(any),
    seed=st.integers(0, 99),
    changed=st.booleans(),
)
def test_filtered_search_returns_k_items_that_pass_in_every_index(
    filtered: list[Path], filters: dict[str, ValueFilter], k: int, weights: list[int], seed: int, changed: bool
) -> None:
    folder = filtered[changed]
    collection = Collection.open(folder)
    query = Query(clustered(1, seed)[0], None, (1, 1))
    resolved = SearchRequest(query, dict(zip(ATTRIBUTES, weights, strict=True)), k, filters=filters).resolve(collection)
    mask = passing_rows(collection, filters)
    assert mask is not None
    ranked, best = searcher_of(folder).search(resolved), Exact(collection).search(resolved)
    assert mask[ranked.rows].all()
    assert len(set(ranked.rows.tolist())) == len(ranked.rows) == min(k, mask.sum())
    assert (np.diff(ranked.scores) <= 0).all()
    assert (ranked.scores <= best.scores + ROUNDING).all()


@pytest.mark.parametrize("weights", [{"a": 1.0, "b": 1.0}, {"a": 1.0}, {"c": 1.0}])
def test_filtered_search_in_every_index_finds_what_exact_search_finds(
    filtered: list[Path], weights: dict[str, float]
) -> None:
    for folder in filtered:
        searcher, collection = searcher_of(folder), Collection.open(folder)
        requests = [
            SearchRequest(Query(query, None, (1, 1)), weights, 50, filters={"a": ValueFilter(frozenset(values), 0.0)})
            for values, query in product([{1, 2}, {0}, {2, 3}], clustered(20, 6))
        ]
        resolved = [request.resolve(collection) for request in requests]
        rankings, exact = ([one.search(each) for each in resolved] for one in (searcher, Exact(collection)))
        limit = {"LSH": 0.5}.get(searcher.title, 0.97 if "," in searcher.title else 0.99)
        assert recall(rankings, exact) >= limit
