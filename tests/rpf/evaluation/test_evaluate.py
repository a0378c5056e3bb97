"""The protocol over drawn garments and the tiny model, and the command with its files."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from rpf import config
from rpf.cli import main
from rpf.data.drawn import Recipe, write_dataset
from rpf.errors import ConfigError, DatasetError
from rpf.evaluation.measure import measure, overall_map, whole_ranking
from rpf.evaluation.plots import COLOURS
from rpf.evaluation.protocol import Side, Task, Vectors, embed, read_benchmark
from rpf.evaluation.report import intervals, means
from rpf.index.methods import METHODS
from rpf.model import checkpoint
from rpf.model.rpf import RPF

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BASE_PATH of a drawn dataset: 64 for training, which these tests do without, 8 valid, 8 test pictures."""
    base = tmp_path_factory.mktemp("drawn")
    write_dataset(base / "wardrobe", Recipe(80, size=64), lambda *_: None)
    return base


@pytest.fixture
def base(drawn: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(drawn, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


def data(base: Path) -> config.Data:
    return config.load([CONFIG], [f"DATA.BASE_PATH={base}"]).DATA


def test_only_the_splits_own_files_are_read(base: Path, model: RPF) -> None:
    expected = overall_map(model, read_benchmark(data(base), "test"))
    folder = base / "wardrobe"
    own = {folder / name for name in ("filenames_test.txt", "query_test.txt", "candidate_test.txt")}
    own |= {folder / line for line in (folder / "filenames_test.txt").read_text().split()}
    for path in folder.rglob("*.*"):
        if path not in own:
            path.write_bytes(b"\xff poison")
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
    (folder / "filenames_test.txt").write_text("\n".join([*names, names[0], "unused.jpg"]))  # an image with two ids
    with (folder / "candidate_test.txt").open("a") as file:
        file.write(f"{len(names)} 1 7\n")
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
        assert sum(seen) == len(benchmark.paths)
        assert max(seen) == 3
    assert steps[-1] == ("embedding", len(benchmark.paths), len(benchmark.paths))


def test_missing_and_damaged_images(base: Path, model: RPF) -> None:
    paths = read_benchmark(data(base), "valid").paths
    paths[1].write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match=re.escape(f"{paths[1]}: The file is not a picture")):
        embed(model, read_benchmark(data(base), "valid"))
    for path in paths[1:3]:
        path.unlink()
    with pytest.raises(DatasetError, match=f"2 images .* missing: images/{paths[1].name}, images/{paths[2].name}"):
        read_benchmark(data(base), "valid")


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
    sides = [Side(np.arange(len(values)), np.array(values, dtype=np.int64)) for values in (queries, candidates)]
    return Task("a", *sides)


def test_measure_by_hand() -> None:
    angles = np.radians([0, 10, 20, 30])
    candidates = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    queries = candidates[[0, 0, 3]]
    for name in ("none", "kdtree", "faiss"):
        vectors = Vectors(task_of([1, 2, 7], [1, 2, 2, 1]), queries, candidates)
        found = measure(vectors, METHODS[name](), 2)
        np.testing.assert_allclose(found.whole, [(1 + 2 / 4) / 2, (1 / 2 + 2 / 3) / 2, 0])
        np.testing.assert_allclose(found.top, [1 / 2, (1 / 2) / 2, 0])
        np.testing.assert_allclose(found.recall, 1)
        assert (found.seconds > 0).all()
    none = measure(Vectors(task_of([1], []), queries[:1], candidates[:0]), METHODS["faiss"](), 2)
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


def test_the_command_writes_the_report(drawn: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    stage = CONFIG.with_name("s2.yaml")
    args = ["evaluate", "--cfg", CONFIG, stage, "--set", f"DATA.BASE_PATH={drawn}", "--checkpoint", tiny_checkpoint]

    def run(*more: object, status: int = 0) -> str:
        done = CliRunner().invoke(main, list(map(str, [*args, *more])))
        assert done.exit_code == status, done.output
        return done.stdout if status == 0 else done.stderr

    said = run("--split", "valid", "--topk", 5, "--out", tmp_path / "all")
    report = json.loads((tmp_path / "all" / "report.json").read_text())
    assert report["split"] == "valid"
    assert report["checkpoint"] == str(tiny_checkpoint)
    lines = (drawn / "wardrobe" / "query_valid.txt").read_text().splitlines()
    assert sum(report["queries"].values()) == len(lines)
    attributes = config.load([CONFIG]).DATA.ATTRIBUTES.NAME
    assert list(report["queries"]) == list(attributes)
    assert list(report["methods"]) == list(METHODS)
    for name, own in report["methods"].items():
        for figure in ("MAP", "MAP@5", "recall@5", "seconds"):
            assert list(own[figure]) == [*attributes, "overall", "mean"]
        low, high = own["intervals"]["MAP"]["overall"]
        assert 0 <= low <= own["MAP"]["overall"] <= high <= 1
        if name != "lsh":
            assert own["MAP"] == pytest.approx(report["methods"]["none"]["MAP"])
            assert own["recall@5"]["overall"] == 1
    model = checkpoint.load(tiny_checkpoint)
    assert report["methods"]["none"]["MAP"]["overall"] == overall_map(model, read_benchmark(data(drawn), "valid"))
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
        run("--split", "valid", "--methods", "none", *more, "--out", tmp_path / out)
        figures.append(json.loads((tmp_path / out / "report.json").read_text())["methods"]["none"]["MAP"])
    assert figures[0] == pytest.approx(figures[1])
    assert figures[0] != pytest.approx(report["methods"]["none"]["MAP"])
    assert '"annoy" is not one of none, kdtree, lsh, faiss' in run(
        "--methods", "none,annoy", "--out", tmp_path / "x", status=2
    )
    assert not (tmp_path / "x").exists()


def test_plots_have_the_sites_colours() -> None:
    style = (ROOT / "static" / "site.css").read_text()
    light = re.findall(r"--c\d: (#[0-9a-f]{6});", style)[: len(COLOURS)]
    assert tuple(light) == COLOURS
