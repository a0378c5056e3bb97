"""Benchmark of search methods: its galleries, baselines, figures, command and report."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.process import Unfinished, in_process
from benchmarks.search.baselines import GRAPHS, PUBLISHED, PUBLISHED_TOP_K, PublishedSearcher
from benchmarks.search.synthetic_gallery import (
    ITEM_BATCH_SIZE,
    SearchDataset,
    change_dimension,
    generate_gallery,
    write_gallery,
)
from benchmarks.search.trial import FLAT, Trial, anonymous_bytes, build, exact_scores, search
from rpf.collection import Collection
from rpf.models.value_classifier import ValueClassifier
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.indexes.registry import INDEXES, make_index
from rpf.search.request import ResolvedRequest
from rpf.settings import Settings
from tests.support.benchmark_work import work
from tests.support.commands import Run

KEYS = ("skirt_length", "sleeve_length", "coat_length")


def unit(shape: tuple[int, ...], seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def vectors_of(dataset: SearchDataset, size: int) -> np.ndarray:
    return np.concatenate([items.vectors for items in generate_gallery(dataset, size, seed=2)])


@pytest.fixture(scope="module")
def dataset() -> SearchDataset:
    presence = np.random.default_rng(5).random((3, 200)).astype(np.float16)
    return SearchDataset(KEYS, unit((3, 200, 24), 0), unit((3, 20, 24), 1), presence)


@pytest.fixture(scope="module")
def gallery(dataset: SearchDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery") / "500_24"
    write_gallery(folder, dataset, 500, lambda *_: None)
    return folder


# ---- galleries ----


def test_gallery_has_the_real_items_first_and_then_generated_ones(dataset: SearchDataset) -> None:
    first = vectors_of(dataset, 150)
    np.testing.assert_array_equal(first, dataset.items[:, :150].transpose(1, 0, 2))
    size = ITEM_BATCH_SIZE + 300
    more = vectors_of(dataset, size)
    assert more.shape == (size, 3, 24)
    np.testing.assert_array_equal(more[:200], dataset.items.transpose(1, 0, 2))
    np.testing.assert_allclose(np.linalg.norm(more, axis=2), 1, atol=1e-5)
    assert len(np.unique(more[:, 0], axis=0)) == len(more)
    np.testing.assert_array_equal(more, vectors_of(dataset, size))


def test_half_of_the_generated_items_take_all_attributes_from_one_real_item(dataset: SearchDataset) -> None:
    items = vectors_of(dataset, 2200)[200:]
    donors = np.stack([(items[:, at] @ dataset.items[at].T).argmax(axis=1) for at in range(3)])
    # The nearest real item need not be the donor, but often is; by chance one in 40,000 would agree.
    assert 0.1 < (donors == donors[0]).all(axis=0).mean() < 0.6


def test_gallery_with_a_classifier_has_presence_and_values(dataset: SearchDataset, tmp_path: Path) -> None:
    scales, biases = np.full((2, 3, 2), 9, np.float32), np.zeros((2, 3, 5), np.float32)
    classifier = ValueClassifier(unit((3, 5, 24), 4), scales, biases)
    write_gallery(tmp_path / "gallery", dataset, 500, lambda *_: None, classifier)
    collection, rows = Collection.open(tmp_path / "gallery"), np.arange(500)
    np.testing.assert_array_equal(collection.presence_by_attribute[:, :200], dataset.presence)
    assert np.isin(collection.presence_by_attribute[1], dataset.presence[1]).all()
    vectors = np.stack([collection.take(attribute, rows) for attribute in range(3)], axis=1)
    np.testing.assert_allclose(collection.values_of(rows), classifier.probabilities(vectors, np.ones(500)), atol=0.01)


def test_more_dimensions_change_no_cosine_and_fewer_retain_most(dataset: SearchDataset) -> None:
    wide, retained = change_dimension(dataset, 40)
    assert retained == pytest.approx(1, abs=1e-5) and wide.items.shape == (3, 200, 40)
    for old, new in ((dataset.items, wide.items), (dataset.queries, wide.queries)):
        np.testing.assert_allclose(old @ dataset.items.mT, new @ wide.items.mT, atol=1e-5)
    narrow, retained = change_dimension(dataset, 12)
    assert narrow.queries.shape == (3, 20, 12)
    assert 12 / 24 < retained < 1
    np.testing.assert_allclose(np.linalg.norm(narrow.items, axis=2), 1, atol=1e-5)


# ---- baselines ----


def test_published_search_sums_the_similarities_of_the_50_nearest(gallery: Path, dataset: SearchDataset) -> None:
    collection = Collection.open(gallery)
    methods = [make_index(FLAT) for _ in KEYS]
    for attribute, method in enumerate(methods):
        method.build(AttributeVectors(collection, attribute))
    vectors = np.stack([AttributeVectors(collection, attribute)[:] for attribute in range(3)])
    for at in range(5):
        query, attributes = dataset.queries[:, at], [0, 2]
        sums = np.zeros(500)
        for attribute in attributes:
            cosines = vectors[attribute] @ query[attribute]
            top = np.argsort(-cosines)[:PUBLISHED_TOP_K]
            sums[top] += cosines[top]
        request = ResolvedRequest(query[attributes], tuple(attributes), np.ones(2), 30)
        ranked = PublishedSearcher(methods).search(request)
        np.testing.assert_allclose(ranked.scores, np.sort(sums)[::-1][:30] / 2, atol=3e-4)  # 16 bits


@pytest.mark.parametrize("name", GRAPHS)
def test_baseline_finds_neighbours_where_it_is_installed(
    name: str, gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    monkeypatch.setitem(INDEXES, name, GRAPHS[name])
    vectors = AttributeVectors(Collection.open(gallery), 0)
    baseline = make_index(name)
    baseline.build(vectors)
    baseline.save(tmp_path)
    opened = make_index(name)
    opened.open(tmp_path, vectors.shape)
    neighbours = opened.search(vectors[:10], 5)
    assert neighbours.ids[:, 0].tolist() == list(range(10))
    np.testing.assert_allclose(neighbours.distances[:, 0], 0, atol=2e-3)
    truth = np.argsort(-(vectors[:10] @ vectors[:].T), axis=1)[:, :5]
    assert np.mean([len({*a} & {*b}) for a, b in zip(neighbours.ids.tolist(), truth.tolist(), strict=True)]) > 4


# ---- figures ----


def test_recall_is_against_the_combined_score(gallery: Path, dataset: SearchDataset) -> None:
    truths = exact_scores(gallery, dataset.queries, [1, 3])
    vectors = np.stack([AttributeVectors(Collection.open(gallery), attribute)[:] for attribute in range(3)])
    scores = np.einsum("amd,and->mn", dataset.queries, vectors) / 3
    np.testing.assert_allclose(truths[3], np.sort(scores, axis=1)[:, -50], atol=1e-5)
    recalls = {}
    for method in ("exact", PUBLISHED):
        trial = Trial(method, gallery, 1)
        costs = build(trial)
        assert (costs["index_bytes"] > 0) == (method != "exact") == (costs["build_seconds"] is not None)
        result = search(trial, dataset.queries, truths)
        for figures in result["searches"].values():
            assert figures["queries"] == 20 and 0 < figures["p50_ms"] <= figures["p95_ms"]
            assert figures["per_second"] > 0
        recalls[method] = {count: figures["recall"] for count, figures in result["searches"].items()}
        assert 10e6 < result["anonymous_bytes"] == pytest.approx(anonymous_bytes(), rel=0.2)
    assert recalls["exact"] == {"1": 1, "3": 1}
    assert recalls[PUBLISHED]["1"] == 1
    lists = np.argsort(-np.einsum("amd,and->amn", dataset.queries, vectors), axis=2)[:, :, :PUBLISHED_TOP_K]
    union = np.mean([np.isin(np.argsort(-row)[:50], lists[:, at]).mean() for at, row in enumerate(scores)])
    assert recalls[PUBLISHED]["3"] <= union + 1e-9 < 1


@pytest.mark.parametrize(
    ("kind", "limit", "why"),
    [
        ("sleep", 3, "over 0 min"),
        ("memory", 60, "not enough memory"),
        ("import", 60, "no_such_package is not installed"),
        ("fail", 60, "RuntimeError: it broke"),
        ("killed", 60, "killed"),
    ],
)
def test_work_that_fails_in_its_process_says_why(kind: str, limit: float, why: str) -> None:
    with pytest.raises(Unfinished, match=f"^{why}$"):
        in_process(limit, 1, work, kind)


def test_work_in_a_process_returns_its_result() -> None:
    assert in_process(60, 1, work, "done") == "done"


# ---- command ----


@pytest.fixture(scope="module")
def run(settings: Settings) -> Run:
    return Run(settings)


def test_search_command_measures_reports_and_resumes(run: Run, tmp_path: Path) -> None:
    command = ["benchmarks", "search", "tiny", "--gallery-sizes", 600, "--dimensions", 32, "--attribute-counts", "1,2"]
    command += ["--queries", 12, "--work", tmp_path, "--out", tmp_path / "out", "--methods"]
    run(*command, PUBLISHED)
    before = json.loads((tmp_path / "out" / "search.json").read_text())
    before["about"]["plan"]["methods"] = ["pca", PUBLISHED]  # as if it had been stopped before the other method
    before["runs"][0]["build_seconds"] = 123.0
    (tmp_path / "out" / "search.json").write_text(json.dumps(before))
    text = run(*command, f"pca {PUBLISHED}")
    report = json.loads((tmp_path / "out" / "search.json").read_text())
    assert report["runs"][:1] == before["runs"]
    assert text == (tmp_path / "out" / "search.md").read_text()
    assert report["about"]["collection_size"] == 40 and report["about"]["queries"] == 12
    assert [(run["gallery_size"], run["method"]) for run in report["runs"]] == [(600, PUBLISHED), (600, "pca")]
    for result in report["runs"]:
        assert list(result["searches"]) == ["1", "2"]
        for figures in result["searches"].values():
            assert figures["recall"] >= (0.99 if result["method"] != PUBLISHED else 0.05)
        assert ("add_seconds" in result) == ("seen_seconds" in result) == (result["method"] != PUBLISHED)
    for words in ("Gallery size 600, embedding dimension 32", "Queries with 2 attributes", "| published system |"):
        assert words in text
    with Image.open(tmp_path / "out" / "search-32.png") as plot:
        assert min(plot.size) > 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]  # galleries are deleted


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--methods", "annoy"], '"annoy" is not one of the search methods'),
        (["--gallery-sizes", "99"], "needs at least 100 items"),
        (["--gallery-sizes", "many"], "not a list of numbers"),
        (["--attribute-counts", "1,2", "--attrs", "sleeve length"], "need as many in --attrs"),
        (["--attrs", "zebra"], "zebra"),
    ],
)
def test_search_command_refuses_what_it_cannot_measure(
    run: Run, tmp_path: Path, options: list[str], words: str
) -> None:
    assert words in run("benchmarks", "search", "tiny", *options, "--out", tmp_path / "out", status=2)
    assert not (tmp_path / "out").exists()


def test_filters_command_measures_filtered_searches_and_counts(named_settings: Settings, tmp_path: Path) -> None:
    command = ["benchmarks", "filters", "named", "--gallery-size", 600, "--attribute-counts", "1,2", "--queries", 6]
    text = Run(named_settings)(*command, "--methods", "exact hnsw", "--work", tmp_path, "--out", tmp_path / "out")
    assert text == (tmp_path / "out" / "filters.md").read_text()
    report = json.loads((tmp_path / "out" / "filters.json").read_text())
    assert [(run["method"], run["attributes"]) for run in report["runs"][::4]] == [
        ("exact", 1), ("exact", 2), ("hnsw", 1), ("hnsw", 2)
    ]  # fmt: skip
    assert all(run["recall"] >= 0.99 and run["p50_ms"] > 0 for run in report["runs"])
    shares = [run["passing"] for run in report["runs"][:4]]
    assert shares[0] == 1 and shares == sorted(shares, reverse=True) and 0 < shares[3] < 0.05
    assert [row["filters"] for row in report["counts"]] == [
        "none, the first time", "none", "one or two attributes", "several"
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_filters_command_without_a_value_classifier_is_refused(run: Run, tmp_path: Path) -> None:
    assert "rpf fit-values" in run("benchmarks", "filters", "tiny", "--out", tmp_path / "out", status=2)


def test_merged_answer_of_shards_equals_the_unsplit_one(settings: Settings, tmp_path: Path) -> None:
    Run(settings)("benchmarks", "shards", "tiny", "--shards", "3", "--queries", 10, "--out", tmp_path)
    report = json.loads((tmp_path / "shards.json").read_text())
    assert [(row["shards"], row["same"]) for row in report["rows"]] == [(1, 1.0), (3, 1.0)]
    assert all(row["p50"] > 2 * report["delay"] for row in report["rows"])
    assert "100.0%" in (tmp_path / "shards.md").read_text()
