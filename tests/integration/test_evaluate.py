"""The protocol over drawn garments and the tiny model, and the command with its files."""

import itertools
import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from rpf import config
from rpf.cli import main
from rpf.errors import ConfigError, DatasetError
from rpf.evaluation.accuracy import read_accuracy
from rpf.evaluation.measure import measure, overall_map, whole_ranking
from rpf.evaluation.plots import COLOURS
from rpf.evaluation.presence import applicability
from rpf.evaluation.protocol import Side, Task, Vectors, embed, read_benchmark
from rpf.evaluation.report import intervals, means
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.search.indexes.registry import INDEXES, make_index
from tests.support import ROOT

CONFIG = ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"


@pytest.fixture
def base(evaluation_dataset: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(evaluation_dataset, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def knowing(model: RPF) -> RPF:
    """A model that tells which parts a garment has, by weights from a fixed seed."""
    torch.manual_seed(11)
    return RPF(config.override(model.config, ["MODEL.APPLICABILITY.ENABLE=true"])).eval()


def data(base: Path) -> config.Data:
    return config.load([CONFIG], [f"DATA.BASE_PATH={base}"]).DATA


def test_only_the_splits_own_files_are_read(base: Path, model: RPF) -> None:
    expected = overall_map(model, read_benchmark(data(base), "test"))
    folder = base / "wardrobe"
    own = {folder / name for name in ("filenames_test.txt", "query_test.txt", "candidate_test.txt")}
    own |= {folder / line for line in (folder / "filenames_test.txt").read_text().split()}
    absent = folder / "absent_test.txt"
    for path in folder.rglob("*.*"):
        if path not in own | {absent}:
            path.write_bytes(b"\xff poison")
    assert read_benchmark(data(base), "test", with_parts=True).tasks[1].parts.values.size
    absent.write_bytes(b"\xff poison")
    assert overall_map(model, read_benchmark(data(base), "test")) == expected > 0
    with pytest.raises(DatasetError, match=r"filenames_valid\.txt, line 1: this is not UTF-8"):
        read_benchmark(data(base), "valid")
    with pytest.raises(DatasetError, match='"train" has no queries'):
        read_benchmark(data(base), "train")


def test_a_task_has_the_files_lines_of_its_attribute(base: Path) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    benchmark = read_benchmark(data(base), "test")
    for side, file in (("queries", "query_test.txt"), ("candidates", "candidate_test.txt")):
        lines = [tuple(map(int, line.split())) for line in (folder / file).read_text().splitlines()]
        for attribute, task in enumerate(benchmark.tasks):
            own = getattr(task, side)
            read = [(benchmark.paths[at], value) for at, value in zip(own.images, own.values, strict=True)]
            assert read == [(folder / names[image], value) for image, a, value in lines if a == attribute]


def test_each_image_is_embedded_once_and_lands_in_its_place(
    base: Path, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    (folder / "filenames_test.txt").write_text("\n".join([*names, "unused.jpg"]))
    benchmark = read_benchmark(data(base), "test")
    assert len(set(benchmark.paths)) == len(benchmark.paths) <= len(names)
    alone = {path: model.embed([Image.open(path).convert("RGB")]) for path in benchmark.paths}
    seen: list[int] = []
    original = model.embed
    monkeypatch.setattr(model, "embed", lambda pictures: seen.append(len(pictures)) or original(pictures))
    steps: list[tuple[str, int, int]] = []
    for branch, wanted in (("both", "embedding"), ("region", "region"), ("patch", "patch")):
        seen.clear()
        for vectors in embed(model, benchmark, branch, 3, lambda *step: steps.append(step)):  # type: ignore[arg-type]
            attribute = model.attributes.index(vectors.task.attribute)
            for side in ("queries", "candidates"):
                own, images = getattr(vectors, side), getattr(vectors.task, side).images
                assert len(own) == len(images)
                for vector, image in zip(own, images, strict=True):
                    expected = getattr(alone[benchmark.paths[image]], wanted)[0, attribute]
                    np.testing.assert_allclose(vector, expected, atol=1e-4)
            assert vectors.presence is None
        assert sum(seen) == len(benchmark.paths)
        assert max(seen) == 3
    assert steps[-1] == ("embedding", len(benchmark.paths), len(benchmark.paths))


def test_every_image_of_which_a_part_is_known_counts_for_applicability(base: Path, knowing: RPF) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    known, last = {}, len(names) - 1
    for file in (folder / "query_test.txt", folder / "candidate_test.txt"):
        kept = [line for line in lines_of(file) if line[0] != last]  # what it has not is all that is known of the last
        file.write_text("".join(f"{i} {a} {value}\n" for i, a, value in kept))
        known |= {(i, a): 1 for i, a, _ in kept}
    known |= {(i, a): 0 for i, a in lines_of(folder / "absent_test.txt")}
    assert last in {image for image, _ in known}
    benchmark = read_benchmark(data(base), "test", with_parts=True)
    vectors = embed(knowing, benchmark, batch=3)
    told = knowing.embed([Image.open(folder / name).convert("RGB") for name in names]).presence
    assert told is not None
    for attribute, own in enumerate(vectors):
        wanted = {folder / names[i]: (has, told[i, a]) for (i, a), has in known.items() if a == attribute}
        assert own.presence is not None
        found = zip(own.task.parts.images, own.task.parts.values, own.presence, strict=True)
        assert {benchmark.paths[at]: (has, pytest.approx(chance, abs=1e-5)) for at, has, chance in found} == wanted
    found = applicability(vectors)
    for attribute, (key, area) in enumerate(list(found["applicability"].items())[:-1]):
        has, lacks = ([told[i, a] for (i, a), v in known.items() if (a, v) == (attribute, kind)] for kind in (1, 0))
        assert found["parts"][key] == [len(has), len(lacks)]
        pairs = [(x > y) + (x == y) / 2 for x, y in itertools.product(has, lacks)]
        assert area == (pytest.approx(np.mean(pairs)) if pairs else None)
    areas = [area for key, area in found["applicability"].items() if area is not None and key != "mean"]
    assert found["applicability"]["mean"] == pytest.approx(np.mean(areas))


def test_applicability_by_hand() -> None:
    def seen(name: str, has: list[int], told: list[float] | None) -> Vectors:
        side = Side(np.arange(len(has)), np.array(has))
        empty = np.zeros((0, 2), dtype=np.float32)
        return Vectors(Task(name, side, side, side), empty, empty, None if told is None else np.array(told, np.float32))

    sleeve, pant, skirt = seen("sleeve", [1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1]), seen("pant", [0, 0], [1, 1]), [1, 1, 1]
    found = applicability([sleeve, pant, seen("skirt", skirt, [0, 0, 1]), seen("coat", [1, 0], [0.2, 0.1])])
    assert found == {
        "applicability": {"sleeve": 0.75, "pant": None, "skirt": None, "coat": 1.0, "mean": 0.875},
        "parts": {"sleeve": [2, 2], "pant": [0, 2], "skirt": [3, 0], "coat": [1, 1]},
    }
    assert applicability([pant])["applicability"] == {"pant": None, "mean": None}
    assert applicability([seen("skirt", skirt, [0, 0, 1])]) == {}  # nothing lacks a part
    assert applicability([seen("sleeve", [1, 0], None)]) == {}  # no head


def lines_of(file: Path) -> list[tuple[int, ...]]:
    return [tuple(map(int, line.split())) for line in file.read_text().splitlines()]


def spoil(paths: Sequence[Path]) -> None:
    """The first is missing, the second empty, the third no image, the fourth cut off."""
    paths[0].unlink()
    paths[1].write_bytes(b"")
    paths[2].write_bytes(b"no image")
    data = paths[3].read_bytes()
    paths[3].write_bytes(data[: len(data) * 3 // 4])


def without(folder: Path, split: str, bad: Sequence[str]) -> None:
    """Rewrite the lists of a split as if the bad images had never been in it."""
    names = (folder / f"filenames_{split}.txt").read_text().split()
    ids = {image: number for number, image in enumerate(i for i, name in enumerate(names) if name not in bad)}
    (folder / f"filenames_{split}.txt").write_text("".join(f"{names[i]}\n" for i in ids))
    for file in (folder / f"{name}_{split}.txt" for name in ("query", "candidate", "absent")):
        kept = [(ids[i], *rest) for i, *rest in lines_of(file) if i in ids]
        file.write_text("".join(" ".join(map(str, line)) + "\n" for line in kept))


def test_all_bad_images_are_refused_before_the_work(base: Path) -> None:
    paths = read_benchmark(data(base), "valid").paths
    spoil(paths)
    with pytest.raises(DatasetError) as error:
        read_benchmark(data(base), "valid")
    said = str(error.value)
    assert said.startswith(
        f"4 of the {len(paths)} images cannot be used: 1 missing ({paths[0]}), 1 empty ({paths[1]}),"
    )
    assert f"1 not an image ({paths[2]}), 1 damaged ({paths[3]})." in said


def test_an_image_that_goes_while_the_model_works_is_named(base: Path, model: RPF) -> None:
    benchmark = read_benchmark(data(base), "valid")
    benchmark.paths[1].unlink()
    with pytest.raises(DatasetError, match=re.escape(f"{benchmark.paths[1]}: ")):
        embed(model, benchmark)


def test_skip_bad_measures_what_a_dataset_without_them_would(
    base: Path, knowing: RPF, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    folder = base / "wardrobe"
    checkpoint.save(knowing, tmp_path / "knowing.safetensors")
    paths = read_benchmark(data(base), "test", with_parts=True).paths[2:6]
    spoil(paths)
    more = [f"DATA.BASE_PATH={base}", "--methods", "none"]
    refused = evaluate(*more, "--out", tmp_path / "x", checkpoint=tmp_path / "knowing.safetensors", status=2)
    assert "4 of the 8 images cannot be used" in refused and "--skip-bad" in refused
    assert not (tmp_path / "x").exists()
    reports = []
    for out, option in (("skipped", ["--skip-bad"]), ("without", [])):
        said = evaluate(*more, *option, "--out", tmp_path / out, checkpoint=tmp_path / "knowing.safetensors")
        reports.append(json.loads((tmp_path / out / "report.json").read_text()))
        without(folder, "test", [f"images/{path.name}" for path in paths])
        if option:
            assert f"Left out by --skip-bad: 1 missing ({paths[0]}), 1 empty ({paths[1]})" in said
    skipped = reports[0].pop("skipped")
    assert skipped == {
        "images": 4, "missing": 1, "empty": 1, "not an image": 1, "damaged": 1,
        "examples": {
            "missing": [str(paths[0])], "empty": [str(paths[1])], "not an image": [str(paths[2])],
            "damaged": [str(paths[3])],
        },
    }  # fmt: skip
    for report in reports:
        for key in ("seconds", "build_seconds"):
            report["methods"]["none"].pop(key)
    assert reports[0] == reports[1]


def test_queries_without_a_relevant_candidate_are_counted_and_left_out_of_a_second_mean(
    base: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    folder, keys = base / "wardrobe", data(base).ATTRIBUTES.NAME
    names = (folder / "filenames_test.txt").read_text().split()
    (folder / "candidate_test.txt").write_text("0 1 1\n1 1 2\n2 1 1\n3 3 5\n")
    (folder / "query_test.txt").write_text("4 1 1\n5 1 7\n6 1 2\n7 1 8\n4 3 4\n5 2 1\n")
    said = evaluate(f"DATA.BASE_PATH={base}", "--methods", "none", "--out", tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    lost = {keys[1]: 2, keys[2]: 1, keys[3]: 1}
    assert report["unanswerable"]["queries"] == {key: lost.get(key, 0) for key in keys}
    paths = {keys[1]: [names[5], names[7]], keys[2]: [names[5]], keys[3]: [names[4]]}
    assert report["unanswerable"]["examples"] == {k: [str(folder / name) for name in own] for k, own in paths.items()}
    for figures in (report["methods"]["none"], report["random"]):
        whole, answerable = figures["MAP"], figures["MAP_answerable"]
        assert answerable[keys[1]] == pytest.approx(2 * whole[keys[1]]) and whole[keys[1]] > 0
        assert answerable[keys[2]] is answerable[keys[3]] is None and whole[keys[2]] == whole[keys[3]] == 0
        assert answerable["overall"] == answerable["mean"] == answerable[keys[1]]  # of its two queries
        assert whole["overall"] == pytest.approx(answerable["overall"] / 3)
    exact = report["methods"]["none"]
    low, high = exact["intervals"]["MAP_answerable"]["overall"]
    assert 0 < low <= exact["MAP_answerable"]["overall"] <= high
    for text in (said, (tmp_path / "report.md").read_text()):
        assert f"Sleeve length 2 ({folder / names[5]}, {folder / names[7]}), " in text
        assert "MAP without the queries that have no relevant candidate, %" in text
    # What reads reports reads this one.
    (tmp_path / "test").mkdir()
    (tmp_path / "report.json").rename(tmp_path / "test" / "report.json")
    accuracy = read_accuracy(tmp_path / "model.safetensors", report["checkpoint_sha256"])
    assert [(own.key, own.queries) for own in accuracy] == [(keys[1], 4), (keys[2], 1), (keys[3], 1), ("overall", 6)]
    assert accuracy[-1].precision == exact["MAP"]["overall"]
    compared = CliRunner().invoke(main, ["compare", str(tmp_path / "test" / "report.json"), "--out", str(tmp_path)])
    assert compared.exit_code == 0, compared.output


def test_a_split_whose_queries_all_lack_relevant_candidates_is_reported(
    base: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    (base / "wardrobe" / "candidate_test.txt").write_text("0 1 1\n")
    (base / "wardrobe" / "query_test.txt").write_text("1 1 2\n")
    evaluate(f"DATA.BASE_PATH={base}", "--methods", "none", "--out", tmp_path)
    exact = json.loads((tmp_path / "report.json").read_text())["methods"]["none"]
    assert exact["MAP"]["overall"] == 0
    assert exact["MAP_answerable"]["overall"] is exact["intervals"]["MAP_answerable"]["overall"] is None


def test_what_a_checkpoint_lacks_is_said(base: Path, model: RPF, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark = read_benchmark(data(base), "valid")
    monkeypatch.setattr(model, "attributes", ("skirt_length",))
    with pytest.raises(ConfigError, match="does not know the attribute sleeve_length"):
        embed(model, benchmark)
    monkeypatch.setattr(model, "patch", None)
    with pytest.raises(ConfigError, match="no patch branch"):
        embed(model, benchmark, "patch")


def test_a_split_without_anything_to_search_for(base: Path) -> None:
    (base / "wardrobe" / "candidate_test.txt").write_text("")
    with pytest.raises(DatasetError, match="no attribute with both queries and candidates"):
        read_benchmark(data(base), "test")


def task_of(queries: list[int], candidates: list[int]) -> Task:
    sides = [Side(np.arange(len(values)), np.array(values, dtype=np.int64)) for values in (queries, candidates, [])]
    return Task("a", *sides)


def test_measure_by_hand() -> None:
    angles = np.radians([0, 10, 20, 30])
    candidates = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    queries = candidates[[0, 0, 3]]
    for name in ("none", "kdtree", "faiss"):
        vectors = Vectors(task_of([1, 2, 7], [1, 2, 2, 1]), queries, candidates)
        found = measure(vectors, make_index(name), 2)
        np.testing.assert_allclose(found.whole, [(1 + 2 / 4) / 2, (1 / 2 + 2 / 3) / 2, 0])
        np.testing.assert_allclose(found.top, [1 / 2, (1 / 2) / 2, 0])
        np.testing.assert_allclose(found.recall, 1)
        assert (found.seconds > 0).all()
    none = measure(Vectors(task_of([1], []), queries[:1], candidates[:0]), make_index("faiss"), 2)
    assert none.whole == none.top == none.recall == 0


def test_what_a_method_does_not_return_comes_after_in_id_order() -> None:
    ranking = whole_ranking(np.array([[4, 1, -1], [0, 2, 3]]), 5)
    assert ranking.tolist() == [[4, 1, 0, 2, 3], [0, 2, 3, 1, 4]]


def test_means_and_intervals() -> None:
    values = {"a": np.array([0.0, 1.0, 1.0]), "empty": np.zeros(0), "b": np.array([0.5])}
    assert means(values) == {
        "a": pytest.approx(2 / 3), "empty": None, "b": 0.5, "overall": 2.5 / 4, "mean": pytest.approx((2 / 3 + 0.5) / 2)
    }  # fmt: skip
    spread = intervals(values)
    assert spread["a"] == [0, 1]
    assert spread["empty"] is None
    assert spread["b"] == [0.5, 0.5]
    assert spread["overall"] == [0.125, 0.875]
    assert spread["mean"] == [0.25, 0.75]


def test_the_command_writes_the_report(
    evaluation_dataset: Path, tiny_checkpoint: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    said = evaluate("--split", "valid", "--topk", 5, "--out", tmp_path / "all")
    report = json.loads((tmp_path / "all" / "report.json").read_text())
    assert report["split"] == "valid"
    assert not report.keys() & {"applicability", "skipped", "unanswerable"}
    assert "MAP_answerable" not in report["methods"]["none"]
    assert report["checkpoint"] == str(tiny_checkpoint)
    lines = (evaluation_dataset / "wardrobe" / "query_valid.txt").read_text().splitlines()
    assert sum(report["queries"].values()) == len(lines)
    attributes = config.load([CONFIG]).DATA.ATTRIBUTES.NAME
    assert list(report["queries"]) == list(attributes)
    assert list(report["methods"]) == [name for name in INDEXES if name != "milvus"]
    for name, own in report["methods"].items():
        for figure in ("MAP", "MAP@5", "recall@5", "seconds"):
            assert list(own[figure]) == [*attributes, "overall", "mean"]
        low, high = own["intervals"]["MAP"]["overall"]
        assert 0 <= low <= own["MAP"]["overall"] <= high <= 1
        if name in ("lsh", "pca", "kdtree"):  # which leave out some of what is in a vector
            assert own["recall@5"]["overall"] > 0.5
        else:
            assert own["MAP"] == pytest.approx(report["methods"]["none"]["MAP"])
            assert own["recall@5"]["overall"] == 1
    model = checkpoint.load(tiny_checkpoint)
    assert report["methods"]["none"]["MAP"]["overall"] == overall_map(
        model, read_benchmark(data(evaluation_dataset), "valid")
    )
    assert 0 < report["random"]["MAP"]["overall"] < 1
    text = (tmp_path / "all" / "report.txt").read_text()
    assert said == text
    percent = f"{100 * report['methods']['none']['MAP']['overall']:.1f}"
    for table in (text, (tmp_path / "all" / "report.md").read_text()):
        assert percent in table
        for row in ("None", "KDTree", "LSH", "FAISS", "Random"):
            assert re.search(rf"^(\| )?{row}\b", table, re.M)
    for plot in ("map.png", "recall.png"):
        with Image.open(tmp_path / "all" / plot) as picture:
            assert picture.format == "PNG" and min(picture.size) > 500

    # The weight of the branches can be set over the checkpoint's own: all on the region is the region.
    figures = []
    for out, more in (("region", ["--branch", "region"]), ("beta", ["--set", "SOLVER.BETA=1"])):
        evaluate("--split", "valid", "--methods", "none", *more, "--out", tmp_path / out)
        figures.append(json.loads((tmp_path / out / "report.json").read_text())["methods"]["none"]["MAP"])
    assert figures[0] == pytest.approx(figures[1])
    assert figures[0] != pytest.approx(report["methods"]["none"]["MAP"])
    assert '"annoy" is not one of the search methods none, pca, kdtree, lsh, faiss' in evaluate(
        "--methods", "none,annoy", "--out", tmp_path / "x", status=2
    )
    assert not (tmp_path / "x").exists()


def test_the_command_reports_applicability_where_it_is_known(
    evaluation_dataset: Path, knowing: RPF, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    checkpoint.save(knowing, tmp_path / "knowing.safetensors")
    said = evaluate("--methods", "none", "--out", tmp_path, checkpoint=tmp_path / "knowing.safetensors")
    report = json.loads((tmp_path / "report.json").read_text())
    expected = applicability(embed(knowing, read_benchmark(data(evaluation_dataset), "test", with_parts=True)))
    assert report["applicability"] == pytest.approx(expected["applicability"])
    assert report["parts"] == expected["parts"]
    areas = [f"{area:.3f}" if area is not None else "-" for area in report["applicability"].values()]
    assert re.search(r"^AUC +(.*)$", said, re.M)[1].split() == areas  # type: ignore[index]
    has, lacks = zip(*report["parts"].values(), strict=True)
    assert re.search(r"^have it +(.*)$", said, re.M)[1].split() == list(map(str, has))  # type: ignore[index]
    assert f"| lack it | {' | '.join(map(str, lacks))} |  |" in (tmp_path / "report.md").read_text()
    # It changes nothing in what the protocol measures.
    figures = report["methods"]["none"]["MAP"]
    assert figures["overall"] == pytest.approx(overall_map(knowing, read_benchmark(data(evaluation_dataset), "test")))


def test_plots_have_the_sites_colours() -> None:
    style = (ROOT / "static" / "site.css").read_text()
    light = re.findall(r"--c\d: (#[0-9a-f]{6});", style)[: len(COLOURS)]
    assert tuple(light) == COLOURS
