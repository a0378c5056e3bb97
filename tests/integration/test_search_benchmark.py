"""The benchmark of search methods: what it measures on, what it counts, and the report."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.common.process import Unfinished, in_process
from benchmarks.search.baselines import TOP, Earlier, make_rival
from benchmarks.search.synthetic_gallery import AT_ONCE, Source, gallery, turned, write_gallery
from benchmarks.search.trial import Trial, anonymous_bytes, build, exact_scores, search
from rpf.collection import Collection
from rpf.search.attribute_vectors import AttributeVectors
from rpf.settings import Settings
from tests.support.benchmark_work import work
from tests.support.commands import Run

KEYS = ("skirt_length", "sleeve_length", "coat_length")


def unit(shape: tuple[int, ...], seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(KEYS, unit((3, 200, 24), 0), unit((3, 20, 24), 1))


@pytest.fixture(scope="module")
def made(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "500_24"
    write_gallery(folder, source, 500, lambda *told: None)
    return folder


# ---- what it measures on ----


def test_a_gallery_is_the_real_items_and_then_made_ones(source: Source) -> None:
    first = np.concatenate(list(gallery(source, 150, seed=2)))
    np.testing.assert_array_equal(first, source.items[:, :150].transpose(1, 0, 2))
    more = np.concatenate(list(gallery(source, AT_ONCE + 300, seed=2)))
    assert more.shape == (AT_ONCE + 300, 3, 24)
    np.testing.assert_array_equal(more[:200], source.items.transpose(1, 0, 2))
    np.testing.assert_allclose(np.linalg.norm(more, axis=2), 1, atol=1e-5)
    assert len(np.unique(more[:, 0], axis=0)) == len(more)
    np.testing.assert_array_equal(more, np.concatenate(list(gallery(source, AT_ONCE + 300, seed=2))))


def test_half_of_the_made_items_take_all_attributes_from_one_real_item(source: Source) -> None:
    items = np.concatenate(list(gallery(source, 2200, seed=2)))[200:]
    donors = np.stack([(items[:, at] @ source.items[at].T).argmax(axis=1) for at in range(3)])
    # The nearest real one need not be the one that it was made of, but often is; by chance one in 40,000 would agree.
    assert 0.1 < (donors == donors[0]).all(axis=0).mean() < 0.6


def test_more_numbers_change_no_cosine_and_fewer_keep_most(source: Source) -> None:
    wide, kept = turned(source, 40)
    assert kept == pytest.approx(1, abs=1e-5) and wide.items.shape == (3, 200, 40)
    for old, new in ((source.items, wide.items), (source.queries, wide.queries)):
        np.testing.assert_allclose(old @ source.items.mT, new @ wide.items.mT, atol=1e-5)
    narrow, kept = turned(source, 12)
    assert narrow.queries.shape == (3, 20, 12)
    assert 12 / 24 < kept < 1
    np.testing.assert_allclose(np.linalg.norm(narrow.items, axis=2), 1, atol=1e-5)


# ---- what it is compared with ----


def test_the_earlier_way_adds_up_what_is_in_the_50_nearest(made: Path, source: Source) -> None:
    collection = Collection.open(made)
    methods = [make_rival("earlier") for _ in KEYS]
    for attribute, method in enumerate(methods):
        method.build(AttributeVectors(collection, attribute))
    vectors = np.stack([AttributeVectors(collection, attribute)[:] for attribute in range(3)])
    for at in range(5):
        query, chosen = source.queries[:, at], [0, 2]
        sums = np.zeros(500)
        for attribute in chosen:
            cosines = vectors[attribute] @ query[attribute]
            top = np.argsort(-cosines)[:TOP]
            sums[top] += cosines[top]
        found = Earlier(collection, methods).search(query[chosen], chosen, np.ones(2), 30)
        np.testing.assert_allclose(found.scores, np.sort(sums)[::-1][:30] / 2, atol=3e-4)  # 16 bits


@pytest.mark.parametrize("name", ["hnswlib", "usearch"])
def test_rivals_find_neighbours_where_they_are_installed(name: str, made: Path, tmp_path: Path) -> None:
    pytest.importorskip(name)
    column = AttributeVectors(Collection.open(made), 0)
    rival = make_rival(name)
    rival.build(column)
    rival.save(tmp_path)
    opened = make_rival(name)
    opened.open(tmp_path, column.shape)
    found = opened.search(column[:10], 5)
    assert found.ids[:, 0].tolist() == list(range(10))
    np.testing.assert_allclose(found.distances[:, 0], 0, atol=2e-3)
    truth = np.argsort(-(column[:10] @ column[:].T), axis=1)[:, :5]
    assert np.mean([len({*a} & {*b}) for a, b in zip(found.ids.tolist(), truth.tolist(), strict=True)]) > 4


# ---- what it counts ----


def test_recall_is_against_the_combined_score(made: Path, source: Source) -> None:
    truths = exact_scores(made, source.queries, [1, 3])
    vectors = np.stack([AttributeVectors(Collection.open(made), attribute)[:] for attribute in range(3)])
    scores = np.einsum("amd,and->mn", source.queries, vectors) / 3
    np.testing.assert_allclose(truths[3], np.sort(scores, axis=1)[:, -50], atol=1e-5)
    recalls = {}
    for method in ("exact", "earlier"):
        trial = Trial(method, made, 1)
        seconds, size = build(trial)
        assert seconds > 0 and (size > 0) == (method != "exact")
        figures = search(trial, source.queries, truths)
        for own in figures.searches.values():
            assert own["queries"] == 20 and 0 < own["p50_ms"] <= own["p95_ms"] and own["per_second"] > 0
        recalls[method] = {number: own["recall"] for number, own in figures.searches.items()}
        assert 10e6 < figures.anonymous_bytes == pytest.approx(anonymous_bytes(), rel=0.2)
    assert recalls["exact"] == {1: 1, 3: 1}
    assert recalls["earlier"][1] == 1
    lists = np.argsort(-np.einsum("amd,and->amn", source.queries, vectors), axis=2)[:, :, :TOP]
    union = np.mean([np.isin(np.argsort(-row)[:50], lists[:, at]).mean() for at, row in enumerate(scores)])
    assert recalls["earlier"][3] <= union + 1e-9 < 1


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
def test_work_that_does_not_end_well_says_why(kind: str, limit: float, why: str) -> None:
    with pytest.raises(Unfinished, match=f"^{why}$"):
        in_process(limit, 1, work, kind)


def test_work_in_a_process_gives_its_result() -> None:
    assert in_process(60, 1, work, "done") == "done"


# ---- the command ----


@pytest.fixture(scope="module")
def run(settings: Settings) -> Run:
    return Run(settings)


def test_the_command_measures_and_reports_and_goes_on_where_it_was(run: Run, tmp_path: Path) -> None:
    plan = ["bench", "search", "tiny", "--items", 600, "--numbers", 32, "--chosen", "1,2", "--queries", 12]
    plan += ["--methods", "pca earlier", "--work", tmp_path, "--out", tmp_path / "out"]
    said = run(*plan)
    report = json.loads((tmp_path / "out" / "search.json").read_text())
    assert said == (tmp_path / "out" / "search.md").read_text()
    assert report["about"]["real_items"] == 40 and report["about"]["queries"] == 12
    assert [(one["items"], one["method"]) for one in report["runs"]] == [
        (600, "pca"),
        (600, "earlier"),
    ]
    for one in report["runs"]:
        assert list(one["searches"]) == ["1", "2"]
        for own in one["searches"].values():
            assert own["recall"] >= (0.99 if one["method"] != "earlier" else 0.05)
        assert (one["add_seconds"] is None) == (one["method"] == "earlier")
    for words in ("600 items, 32 numbers per attribute", "Searching by 2 attributes", "earlier system's way"):
        assert words in said
    with Image.open(tmp_path / "out" / "search-32.png") as plot:
        assert min(plot.size) > 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]  # collections are deleted
    del report["runs"][1:]
    report["runs"][0]["build_seconds"] = 123.0
    (tmp_path / "out" / "search.json").write_text(json.dumps(report))
    run(*plan)
    again = json.loads((tmp_path / "out" / "search.json").read_text())
    assert again["runs"][:1] == report["runs"] and len(again["runs"]) == 2


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--methods", "annoy"], '"annoy" is not one of the search methods'),
        (["--items", "99"], "needs 100 items"),
        (["--items", "many"], "not a list of numbers"),
        (["--chosen", "1,2", "--attrs", "sleeve length"], "need as many in --attrs"),
        (["--attrs", "zebra"], "zebra"),
    ],
)
def test_what_cannot_be_measured_is_told(run: Run, tmp_path: Path, wrong: list[str], words: str) -> None:
    assert words in run("bench", "search", "tiny", *wrong, "--out", tmp_path / "out", status=2)
    assert not (tmp_path / "out").exists()
