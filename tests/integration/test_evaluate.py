"""Evaluation of a tiny model on drawn garments: protocol, metrics, command and files."""

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
from rpf.config import DataConfig
from rpf.datasets.annotations import read_split
from rpf.errors import ConfigError, DatasetError
from rpf.evaluation.accuracy import read_reports
from rpf.evaluation.evaluate import evaluate as evaluate_model
from rpf.evaluation.evaluate import overall_map
from rpf.evaluation.measure import measure, whole_ranking
from rpf.evaluation.plots import COLOURS
from rpf.evaluation.presence import presence_report
from rpf.evaluation.protocol import ImageValues, RetrievalTask, TaskEmbeddings, embed_benchmark, read_benchmark
from rpf.evaluation.report import intervals, means
from rpf.inference.load import load_model
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.search.indexes.registry import INDEXES, make_index
from rpf.settings import Settings
from tests.support import ROOT

CONFIG = ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"


@pytest.fixture
def base(evaluation_dataset: Path, tmp_path: Path) -> Path:
    """Copy the dataset, so that a test may damage it."""
    shutil.copytree(evaluation_dataset, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def model_with_presence(model: RPF) -> RPF:
    """Make a model with a presence head and weights from a fixed seed."""
    torch.manual_seed(11)
    return RPF(config.load(settings=["MODEL.PRESENCE.ENABLE=true"], base=model.config)).eval()


def data(base: Path) -> DataConfig:
    return config.load([CONFIG], [f"DATA.BASE_PATH={base}"]).DATA


def exact_map(model: RPF, base: Path, split: str) -> float:
    return overall_map(evaluate_model(model, read_benchmark(data(base), split)))


def test_read_benchmark_opens_only_the_files_of_its_split(base: Path, model: RPF) -> None:
    expected = exact_map(model, base, "test")
    folder = base / "wardrobe"
    used = {folder / name for name in ("filenames_test.txt", "query_test.txt", "candidate_test.txt")}
    used |= {folder / line for line in (folder / "filenames_test.txt").read_text().split()}
    absent = folder / "absent_test.txt"
    for path in folder.rglob("*.*"):
        if path not in used | {absent}:
            path.write_bytes(b"\xff poison")
    assert read_benchmark(data(base), "test", with_presence=True).tasks[1].presence.values.size
    absent.write_bytes(b"\xff poison")
    assert exact_map(model, base, "test") == expected > 0
    with pytest.raises(DatasetError, match=r"filenames_valid\.txt, line 1: this is not UTF-8"):
        read_benchmark(data(base), "valid")
    with pytest.raises(DatasetError, match='"train" has no queries'):
        read_benchmark(data(base), "train")


def test_tasks_have_the_lines_of_their_attribute(base: Path) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    benchmark = read_benchmark(data(base), "test")
    for side, file in (("queries", "query_test.txt"), ("candidates", "candidate_test.txt")):
        lines = [tuple(map(int, line.split())) for line in (folder / file).read_text().splitlines()]
        for attribute, task in enumerate(benchmark.tasks):
            labels = getattr(task, side)
            read = [(benchmark.paths[at], value) for at, value in zip(labels.images, labels.values, strict=True)]
            assert read == [(folder / names[image], value) for image, a, value in lines if a == attribute]


def test_embed_benchmark_embeds_each_image_once_in_order(
    base: Path, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    (folder / "filenames_test.txt").write_text("\n".join([*names, "unused.jpg"]))
    benchmark = read_benchmark(data(base), "test")
    assert len(set(benchmark.paths)) == len(benchmark.paths) <= len(names)
    alone = {path: model.embed([Image.open(path).convert("RGB")]) for path in benchmark.paths}
    counts: list[int] = []
    original = model.embed
    monkeypatch.setattr(model, "embed", lambda images: counts.append(len(images)) or original(images))
    steps: list[tuple[str, int, int]] = []
    for branch, wanted in (("both", "embedding"), ("region", "region"), ("patch", "patch")):
        counts.clear()
        for result in embed_benchmark(model, benchmark, branch, 3, lambda *step: steps.append(step)):  # type: ignore[arg-type]
            attribute = model.attributes.index(result.task.attribute)
            for side in ("queries", "candidates"):
                vectors, images = getattr(result, side), getattr(result.task, side).images
                assert len(vectors) == len(images)
                for vector, image in zip(vectors, images, strict=True):
                    expected = getattr(alone[benchmark.paths[image]], wanted)[0, attribute]
                    np.testing.assert_allclose(vector, expected, atol=1e-4)
            assert result.presence is None
        assert sum(counts) == len(benchmark.paths)
        assert max(counts) == 3
    assert steps[-1] == ("embedding", len(benchmark.paths), len(benchmark.paths))


def test_presence_report_counts_every_image_with_known_presence(base: Path, model_with_presence: RPF) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    known, last = {}, len(names) - 1
    for file in (folder / "query_test.txt", folder / "candidate_test.txt"):
        lines = [line for line in lines_of(file) if line[0] != last]  # only missing parts are known of the last image
        file.write_text("".join(f"{i} {a} {value}\n" for i, a, value in lines))
        known |= {(i, a): 1 for i, a, _ in lines}
    known |= {(i, a): 0 for i, a in lines_of(folder / "absent_test.txt")}
    assert last in {image for image, _ in known}
    benchmark = read_benchmark(data(base), "test", with_presence=True)
    embeddings = embed_benchmark(model_with_presence, benchmark, batch_size=3)
    predicted = model_with_presence.embed([Image.open(folder / name).convert("RGB") for name in names]).presence
    assert predicted is not None
    for attribute, result in enumerate(embeddings):
        expected = {folder / names[i]: (truth, predicted[i, a]) for (i, a), truth in known.items() if a == attribute}
        assert result.presence is not None
        rows = zip(result.task.presence.images, result.task.presence.values, result.presence, strict=True)
        assert {benchmark.paths[at]: (truth, pytest.approx(p, abs=1e-5)) for at, truth, p in rows} == expected
    report = presence_report(embeddings)
    for attribute, (key, area) in enumerate(list(report["presence"].items())[:-1]):
        present, missing = (
            [predicted[i, a] for (i, a), truth in known.items() if (a, truth) == (attribute, value)] for value in (1, 0)
        )
        assert report["presence_counts"][key] == [len(present), len(missing)]
        pairs = [(x > y) + (x == y) / 2 for x, y in itertools.product(present, missing)]
        assert area == (pytest.approx(np.mean(pairs)) if pairs else None)
    areas = [area for key, area in report["presence"].items() if area is not None and key != "mean"]
    assert report["presence"]["mean"] == pytest.approx(np.mean(areas))


def test_presence_report_by_hand() -> None:
    def result(name: str, truth: list[int], predicted: list[float] | None) -> TaskEmbeddings:
        labels = ImageValues(np.arange(len(truth)), np.array(truth))
        empty = np.zeros((0, 2), dtype=np.float32)
        presence = None if predicted is None else np.array(predicted, np.float32)
        return TaskEmbeddings(RetrievalTask(name, labels, labels, labels), empty, empty, presence)

    sleeve, pant = result("sleeve", [1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1]), result("pant", [0, 0], [1, 1])
    skirt, coat = result("skirt", [1, 1, 1], [0, 0, 1]), result("coat", [1, 0], [0.2, 0.1])
    assert presence_report([sleeve, pant, skirt, coat]) == {
        "presence": {"sleeve": 0.75, "pant": None, "skirt": None, "coat": 1.0, "mean": 0.875},
        "presence_counts": {"sleeve": [2, 2], "pant": [0, 2], "skirt": [3, 0], "coat": [1, 1]},
        # Bins of 1/15: 1.0 three times, one right; 0.0 twice, both wrong; 0.1 twice, both right; the others alone.
        "presence_calibration_error": pytest.approx((2 + 2 + 0.2 + 0.1 + 0.6 + 0.5 + 0.8) / 11),
    }
    assert presence_report([pant])["presence"] == {"pant": None, "mean": None}
    assert presence_report([skirt]) == {}, "no part is missing"
    assert presence_report([result("sleeve", [1, 0], None)]) == {}, "no presence head"


def lines_of(file: Path) -> list[tuple[int, ...]]:
    return [tuple(map(int, line.split())) for line in file.read_text().splitlines()]


def damage(paths: Sequence[Path]) -> None:
    """Remove the first, empty the second, overwrite the third and cut off the fourth."""
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
        lines = [(ids[i], *rest) for i, *rest in lines_of(file) if i in ids]
        file.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))


def test_read_benchmark_refuses_all_bad_images_at_once(base: Path) -> None:
    paths = read_benchmark(data(base), "valid").paths
    damage(paths)
    with pytest.raises(DatasetError) as error:
        read_benchmark(data(base), "valid")
    message = str(error.value)
    assert message.startswith(
        f"4 of the {len(paths)} images cannot be used: 1 missing ({paths[0]}), 1 empty ({paths[1]}),"
    )
    assert f"1 not an image ({paths[2]}), 1 damaged ({paths[3]})." in message


def test_embed_benchmark_names_an_image_removed_meanwhile(base: Path, model: RPF) -> None:
    benchmark = read_benchmark(data(base), "valid")
    benchmark.paths[1].unlink()
    with pytest.raises(DatasetError, match=re.escape(f"{benchmark.paths[1]}: ")):
        embed_benchmark(model, benchmark)


def test_skip_bad_gives_the_report_of_a_dataset_without_the_bad_images(
    base: Path, model_with_presence: RPF, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    folder = base / "wardrobe"
    checkpoint.save(model_with_presence, tmp_path / "presence.safetensors")
    paths = read_benchmark(data(base), "test", with_presence=True).paths[2:6]
    damage(paths)
    more = [f"DATA.BASE_PATH={base}", "--methods", "none"]
    refused = evaluate(*more, "--out", tmp_path / "x", checkpoint=tmp_path / "presence.safetensors", status=2)
    assert "4 of the 8 images cannot be used" in refused and "--skip-bad" in refused
    assert not (tmp_path / "x").exists()
    reports = []
    for out, option in (("skipped", ["--skip-bad"]), ("without", [])):
        output = evaluate(*more, *option, "--out", tmp_path / out, checkpoint=tmp_path / "presence.safetensors")
        reports.append(json.loads((tmp_path / out / "report.json").read_text()))
        without(folder, "test", [f"images/{path.name}" for path in paths])
        if option:
            assert f"Left out by --skip-bad: 1 missing ({paths[0]}), 1 empty ({paths[1]})" in output
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


def test_unanswerable_queries_are_counted_and_left_out_of_a_second_map(
    base: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    folder, keys = base / "wardrobe", data(base).ATTRIBUTES.NAME
    names = (folder / "filenames_test.txt").read_text().split()
    (folder / "candidate_test.txt").write_text("0 1 1\n1 1 2\n2 1 1\n3 3 5\n")
    (folder / "query_test.txt").write_text("4 1 1\n5 1 7\n6 1 2\n7 1 8\n4 3 4\n5 2 1\n")
    output = evaluate(f"DATA.BASE_PATH={base}", "--methods", "none", "--out", tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    counts = {keys[1]: 2, keys[2]: 1, keys[3]: 1}
    assert report["unanswerable"]["queries"] == {key: counts.get(key, 0) for key in keys}
    paths = {keys[1]: [names[5], names[7]], keys[2]: [names[5]], keys[3]: [names[4]]}
    examples = {key: [str(folder / name) for name in names] for key, names in paths.items()}
    assert report["unanswerable"]["examples"] == examples
    for figures in (report["methods"]["none"], report["random"]):
        whole, answerable = figures["MAP"], figures["MAP_answerable"]
        assert answerable[keys[1]] == pytest.approx(2 * whole[keys[1]]) and whole[keys[1]] > 0
        assert answerable[keys[2]] is answerable[keys[3]] is None and whole[keys[2]] == whole[keys[3]] == 0
        assert answerable["overall"] == answerable["mean"] == answerable[keys[1]]  # of its two queries
        assert whole["overall"] == pytest.approx(answerable["overall"] / 3)
    exact = report["methods"]["none"]
    low, high = exact["intervals"]["MAP_answerable"]["overall"]
    assert 0 < low <= exact["MAP_answerable"]["overall"] <= high
    for text in (output, (tmp_path / "report.md").read_text()):
        assert f"Sleeve length 2 ({folder / names[5]}, {folder / names[7]}), " in text
        assert "MAP without the queries that have no relevant candidate, %" in text
    # Readers of reports accept this one.
    (tmp_path / "test").mkdir()
    (tmp_path / "report.json").rename(tmp_path / "test" / "report.json")
    accuracy = read_reports(tmp_path / "model.safetensors", report["checkpoint_sha256"])[0].accuracy
    assert [(row.key, row.queries) for row in accuracy] == [(keys[1], 4), (keys[2], 1), (keys[3], 1), ("overall", 6)]
    assert accuracy[-1].precision == exact["MAP"]["overall"]
    compared = CliRunner().invoke(main, ["compare", str(tmp_path / "test" / "report.json"), "--out", str(tmp_path)])
    assert compared.exit_code == 0, compared.output


def test_split_with_unanswerable_queries_only_is_reported(
    base: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    (base / "wardrobe" / "candidate_test.txt").write_text("0 1 1\n")
    (base / "wardrobe" / "query_test.txt").write_text("1 1 2\n")
    evaluate(f"DATA.BASE_PATH={base}", "--methods", "none", "--out", tmp_path)
    exact = json.loads((tmp_path / "report.json").read_text())["methods"]["none"]
    assert exact["MAP"]["overall"] == 0
    assert exact["MAP_answerable"]["overall"] is exact["intervals"]["MAP_answerable"]["overall"] is None


def test_embed_benchmark_refuses_an_unknown_attribute_and_branch(
    base: Path, model: RPF, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark = read_benchmark(data(base), "valid")
    monkeypatch.setattr(model, "attributes", ("skirt_length",))
    with pytest.raises(ConfigError, match='does not know the attribute "sleeve_length"'):
        embed_benchmark(model, benchmark)
    monkeypatch.setattr(model, "patch", None)
    with pytest.raises(ConfigError, match="no patch branch"):
        embed_benchmark(model, benchmark, "patch")


def test_read_benchmark_without_candidates_is_a_dataset_error(base: Path) -> None:
    (base / "wardrobe" / "candidate_test.txt").write_text("")
    with pytest.raises(DatasetError, match="no attribute with both queries and candidates"):
        read_benchmark(data(base), "test")


def task_of(queries: list[int], candidates: list[int]) -> RetrievalTask:
    columns = [np.array(values, dtype=np.int64) for values in (queries, candidates, [])]
    return RetrievalTask("a", *(ImageValues(np.arange(len(values)), values) for values in columns))


def test_measure_by_hand() -> None:
    angles = np.radians([0, 10, 20, 30])
    candidates = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    queries = candidates[[0, 0, 3]]
    for name in ("none", "kdtree", "faiss"):
        embeddings = TaskEmbeddings(task_of([1, 2, 7], [1, 2, 2, 1]), queries, candidates)
        metrics = measure(embeddings, make_index(name), 2)
        np.testing.assert_allclose(metrics.average_precision, [(1 + 2 / 4) / 2, (1 / 2 + 2 / 3) / 2, 0])
        np.testing.assert_allclose(metrics.average_precision_at_k, [1 / 2, (1 / 2) / 2, 0])
        np.testing.assert_allclose(metrics.recall, 1)
        assert (metrics.seconds > 0).all()
    empty = measure(TaskEmbeddings(task_of([1], []), queries[:1], candidates[:0]), make_index("faiss"), 2)
    assert empty.average_precision == empty.average_precision_at_k == empty.recall == 0


def test_whole_ranking_appends_unreturned_ids_in_id_order() -> None:
    ranking = whole_ranking(np.array([[4, 1, -1], [0, 2, 3]]), 5)
    assert ranking.tolist() == [[4, 1, 0, 2, 3], [0, 2, 3, 1, 4]]


def test_means_and_intervals_by_hand() -> None:
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


def test_evaluate_writes_the_report(
    evaluation_dataset: Path, tiny_checkpoint: Path, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    output = evaluate("--split", "valid", "--topk", 5, "--out", tmp_path / "all")
    report = json.loads((tmp_path / "all" / "report.json").read_text())
    assert report["split"] == "valid"
    assert not report.keys() & {"presence", "skipped", "unanswerable"}
    assert "MAP_answerable" not in report["methods"]["none"]
    assert report["checkpoint"] == str(tiny_checkpoint)
    lines = (evaluation_dataset / "wardrobe" / "query_valid.txt").read_text().splitlines()
    assert sum(report["queries"].values()) == len(lines)
    attributes = config.load([CONFIG]).DATA.ATTRIBUTES.NAME
    assert list(report["queries"]) == list(attributes)
    assert list(report["methods"]) == [name for name in INDEXES if not make_index(name).needs_server]
    for name, figures in report["methods"].items():
        for figure in ("MAP", "MAP@5", "recall@5", "seconds"):
            assert list(figures[figure]) == [*attributes, "overall", "mean"]
        low, high = figures["intervals"]["MAP"]["overall"]
        assert 0 <= low <= figures["MAP"]["overall"] <= high <= 1
        if name in ("lsh", "pca", "kdtree"):  # these reduce the vectors
            assert figures["recall@5"]["overall"] > 0.5
        else:
            assert figures["MAP"] == pytest.approx(report["methods"]["none"]["MAP"])
            assert figures["recall@5"]["overall"] == 1
    validated = exact_map(checkpoint.load(tiny_checkpoint), evaluation_dataset, "valid")
    assert report["methods"]["none"]["MAP"]["overall"] == validated
    assert 0 < report["random"]["MAP"]["overall"] < 1
    text = (tmp_path / "all" / "report.txt").read_text()
    assert output == text
    percent = f"{100 * report['methods']['none']['MAP']['overall']:.1f}"
    for table in (text, (tmp_path / "all" / "report.md").read_text()):
        assert percent in table
        for row in ("None", "KDTree", "LSH", "FAISS", "Random"):
            assert re.search(rf"^(\| )?{row}\b", table, re.M)
    for plot in ("map.png", "recall.png"):
        with Image.open(tmp_path / "all" / plot) as image:
            assert image.format == "PNG" and min(image.size) > 500

    # SOLVER.BETA overrides the checkpoint's own: with 1, only the region branch counts.
    maps = []
    for out, more in (("region", ["--branch", "region"]), ("beta", ["--set", "SOLVER.BETA=1"])):
        evaluate("--split", "valid", "--methods", "none", *more, "--out", tmp_path / out)
        maps.append(json.loads((tmp_path / out / "report.json").read_text())["methods"]["none"]["MAP"])
    assert maps[0] == pytest.approx(maps[1])
    assert maps[0] != pytest.approx(report["methods"]["none"]["MAP"])
    assert '"annoy" is not one of the search methods none, pca, kdtree, lsh, faiss' in evaluate(
        "--methods", "none,annoy", "--out", tmp_path / "x", status=2
    )
    assert not (tmp_path / "x").exists()


def test_evaluate_reports_presence_where_it_is_known(
    evaluation_dataset: Path, model_with_presence: RPF, tmp_path: Path, evaluate: Callable[..., str]
) -> None:
    checkpoint.save(model_with_presence, tmp_path / "presence.safetensors")
    output = evaluate("--methods", "none", "--out", tmp_path, checkpoint=tmp_path / "presence.safetensors")
    report = json.loads((tmp_path / "report.json").read_text())
    benchmark = read_benchmark(data(evaluation_dataset), "test", with_presence=True)
    expected = presence_report(embed_benchmark(model_with_presence, benchmark))
    assert report["presence"] == pytest.approx(expected["presence"])
    assert report["presence_counts"] == expected["presence_counts"]
    areas = [f"{area:.3f}" if area is not None else "-" for area in report["presence"].values()]
    assert re.search(r"^AUC +(.*)$", output, re.M)[1].split() == areas  # type: ignore[index]
    present, missing = zip(*report["presence_counts"].values(), strict=True)
    assert re.search(r"^present +(.*)$", output, re.M)[1].split() == list(map(str, present))  # type: ignore[index]
    assert f"| missing | {' | '.join(map(str, missing))} |  |" in (tmp_path / "report.md").read_text()
    # The protocol measures the same without it.
    without_presence = exact_map(model_with_presence, evaluation_dataset, "test")
    assert report["methods"]["none"]["MAP"]["overall"] == pytest.approx(without_presence)


def test_plots_use_the_sites_colours() -> None:
    style = (ROOT / "static" / "site.css").read_text()
    light = re.findall(r"--c\d: (#[0-9a-f]{6});", style)[: len(COLOURS)]
    assert tuple(light) == COLOURS


# ---- the whole catalogue ----


def test_catalogue_report_is_that_of_a_ranking_by_hand(base: Path, model_with_presence: RPF) -> None:
    folder = base / "wardrobe"
    names = (folder / "filenames_test.txt").read_text().split()
    benchmark = read_benchmark(data(base), "test", with_presence=True)
    report = evaluate_model(model_with_presence, benchmark, whole_catalogue=True)["catalogue"]
    output = model_with_presence.embed([Image.open(folder / name).convert("RGB") for name in names])
    assert output.presence is not None
    labels = {
        (i, a): value for file in ("query_test.txt", "candidate_test.txt") for i, a, value in lines_of(folder / file)
    }
    missing = {(i, a) for i, a in lines_of(folder / "absent_test.txt")}
    for attribute, key in enumerate(model_with_presence.attributes):
        precisions = []
        for query, a, value in lines_of(folder / "query_test.txt"):
            if a != attribute:
                continue
            others = [i for i in range(len(names)) if i != query and ((i, a) in labels or (i, a) in missing)]
            cosines = output.embedding[:, a] @ output.embedding[query, a]
            scores = (1 + cosines) * output.presence[:, a] ** 0.25 - 1
            relevant = [labels.get((i, a)) == value for i in sorted(others, key=lambda i: -scores[i])]
            if any(relevant):
                ranks = 1 + np.flatnonzero(relevant)
                precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        assert report["queries"][key] == len(precisions)
        assert report["MAP"][key] == (pytest.approx(np.mean(precisions), abs=0.02) if precisions else None)
    for name in ("MAP", "P@12"):
        assert 0 < report[name]["overall"] <= 1 and report["by_value"][name].keys() == report[name].keys()


def test_catalogue_tables_are_in_the_report_of_gallery_all(evaluate: Callable[..., str], tmp_path: Path) -> None:
    text = evaluate("--methods", "none", "--gallery", "all", "--out", tmp_path / "out")
    for title in ("MAP", "precision of the first 12"):
        assert f"The whole catalogue as on the site: {title}, %" in text
    assert "Each value counts the same" in (tmp_path / "out" / "report.md").read_text()
    assert "The whole catalogue" not in evaluate("--methods", "none", "--out", tmp_path / "plain")


# ---- probabilities ----


@pytest.fixture(scope="module")
def classifier(model: RPF, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model with both heads, and weights from a fixed seed."""
    torch.manual_seed(12)
    settings = ["MODEL.PRESENCE.ENABLE=true", "MODEL.PROTOTYPES.ENABLE=true"]
    file = tmp_path_factory.mktemp("classifier") / "heads.safetensors"
    checkpoint.save(RPF(config.load(settings=settings, base=model.config)), file, note="heads")
    return file


def test_fit_values_teaches_a_checkpoint_to_name_values(
    classifier: Path, evaluation_dataset: Path, evaluate: Callable[..., str], tmp_path: Path
) -> None:
    file = shutil.copy(classifier, tmp_path / "model.safetensors")
    args = ["fit-values", "--cfg", CONFIG, "--set", f"DATA.BASE_PATH={evaluation_dataset}", "--checkpoint", file]
    done = CliRunner().invoke(main, [*map(str, args), "--most", "20"])
    assert done.exit_code == 0, done.output
    assert re.search(r"model\.values\.safetensors: \d+ values of 8 attributes", done.stdout)
    model = load_model(Settings(checkpoint=file, instance=tmp_path / "instance", precision="float32"))
    values = model.value_classifier
    assert values is not None
    dataset = data(evaluation_dataset)
    labels = {pair for image in read_split(dataset.folder, dataset, "train") for pair in image.pairs()}
    known = {(model.attributes[a], int(v)) for a, v in np.argwhere(~np.isnan(values.vectors[..., 0]))}
    assert known == labels
    text = evaluate("--methods", "none", "--gallery", "all", "--out", tmp_path / "report", checkpoint=file)
    assert "The likeliest value, %" in text and "true values in rows" in text and "Words on the first page" in text
    report = json.loads((tmp_path / "report" / "report.json").read_bytes())
    for key, row in report["values"].items():
        if key != "overall" and row:
            counts = np.array(row["confusion"]["counts"])
            assert counts.sum() == row["labels"] and np.trace(counts) / counts.sum() == pytest.approx(row["accuracy"])
    assert set(report["words"]) == {"very close", "close", "somewhat"} and set(report["wanted_values"]) == set(
        model.attributes
    )
    with Image.open(tmp_path / "report" / "confusion.png") as image:
        assert image.format == "PNG" and min(image.size) > 500


def test_calibrate_lowers_the_calibration_error_and_keeps_the_weights(
    classifier: Path, evaluation_dataset: Path, evaluate: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / "calibrated.safetensors"
    args = ["calibrate", "--cfg", CONFIG, "--set", f"DATA.BASE_PATH={evaluation_dataset}", "--checkpoint", classifier]
    done = CliRunner().invoke(main, [*map(str, args), "--split", "test", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "calibrated on 8 images" in done.stdout
    before, after = checkpoint.load(classifier), checkpoint.load(out)
    assert after.note == "heads" and len(after.config.MODEL.PRESENCE.CALIBRATION) == len(after.attributes)
    for key, tensor in before.state_dict().items():
        assert torch.equal(tensor, after.state_dict()[key])
    reports = []
    for name, file in (("before", classifier), ("after", out)):
        evaluate("--methods", "none", "--out", tmp_path / name, checkpoint=file)
        reports.append(json.loads((tmp_path / name / "report.json").read_bytes()))
    assert reports[1]["presence_calibration_error"] < reports[0]["presence_calibration_error"]
