"""Benchmarks of accuracy on a few drawn garments: a plain classifier, and forms of the ranking score."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from benchmarks.accuracy.classifier import Classifier, embed, train
from benchmarks.commands import benchmarks
from rpf import config
from rpf.cli import main as rpf
from rpf.config.sections import InputConfig
from rpf.datasets.image_tensors import read_squares
from rpf.datasets.synthetic import Recipe, write_dataset
from rpf.datasets.triplet_dataset import read_train
from rpf.errors import DatasetError
from rpf.evaluation.protocol import read_benchmark
from rpf.settings import Settings
from rpf.training.distributed import DistributedContext
from tests.support import ROOT

FILES = [ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"]
BACKBONE = "MODEL.GLOBAL.BACKBONE.NAME=resnet18"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a dataset of 64 images for training, 8 valid and 8 test; return its BASE_PATH."""
    base = tmp_path_factory.mktemp("drawn")
    write_dataset(base / "wardrobe", Recipe(80, size=96), lambda *_: None)
    return base


def run(*args: object) -> Result:
    command = ["accuracy", "--cfg", *FILES, "--set", BACKBONE, *args]
    return CliRunner().invoke(benchmarks, list(map(str, command)))


def settings(base: Path) -> config.Config:
    return config.load(FILES, [f"DATA.BASE_PATH={base}", BACKBONE])


def test_reports_of_the_classifier_can_be_compared(drawn: Path, tmp_path: Path) -> None:
    options = ["--epochs", 1, "--size", 64, "--batch", 32, "--seed", 3]
    done = run("--set", f"DATA.BASE_PATH={drawn}", *options, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    for split in ("valid", "test"):
        report = json.loads((tmp_path / split / "report.json").read_text())
        assert report["split"] == split
        assert report["checkpoint"] == "plain resnet18 classifier, 1 epochs at 64 px, seed 3"
        assert (
            sum(report["queries"].values())
            == len((drawn / "wardrobe" / f"query_{split}.txt").read_text().split("\n")) - 1
        )
        assert 0 < report["methods"]["none"]["MAP"]["overall"] <= 1
    comparison = CliRunner().invoke(rpf, ["compare", str(tmp_path / "test" / "report.json"), "--out", str(tmp_path)])
    assert comparison.exit_code == 0, comparison.output
    assert "- test: checkpoint plain resnet18 classifier" in comparison.stdout
    extra = f"DATA.EXTRA_DATASETS={{{drawn / 'wardrobe'}: {{SHARE: 0.5, VALID: true}}, none: {{SHARE: 0}}}}"
    done = run("--set", f"DATA.BASE_PATH={drawn}", "--set", extra, *options, "--out", tmp_path / "both")
    assert done.exit_code == 0, done.output
    twice = json.loads((tmp_path / "both" / "wardrobe" / "test" / "report.json").read_text())
    assert 0 < twice["catalogue"]["MAP"]["overall"] <= 1
    missing = run("--set", f"DATA.BASE_PATH={tmp_path}", "--out", tmp_path / "x")
    assert missing.exit_code == 2
    assert "filenames_valid.txt: No such file" in missing.output


def test_classifier_learns_its_training_images(drawn: Path) -> None:
    values = settings(drawn)
    split = read_train(values)
    keys = values.DATA.ATTRIBUTES.NAME
    labels = torch.tensor([[item.labels.get(key, -1) for key in keys] for item in split.images])[:12]
    paths = [split.root / item.path for item in split.images[:12]]
    images = read_squares(paths, InputConfig(), 64)[0]
    torch.manual_seed(0)
    model = Classifier(values)
    larger, _ = read_squares(paths, InputConfig(), 80)
    train(model, larger, labels, 64, DistributedContext(torch.device("cpu")), epochs=30, batch=12)
    model.eval()
    with torch.inference_mode():
        logits = model(images.float() / 255)
    right = torch.cat(
        [scores.argmax(dim=1)[want >= 0] == want[want >= 0] for scores, want in zip(logits, labels.T, strict=True)]
    )
    assert right.float().mean() > 0.8


def test_embedding_is_the_unit_vector_of_probabilities(drawn: Path) -> None:
    values = settings(drawn)
    torch.manual_seed(0)
    model = Classifier(values)
    benchmark = read_benchmark(values.DATA, "test")
    images, _ = read_squares(benchmark.paths, InputConfig(), 64)
    embeddings = embed(model, images, DistributedContext(torch.device("cpu")), batch=3)
    with torch.inference_mode():
        logits = model(images.float() / 255)
    for vectors, raw in zip(embeddings, logits, strict=True):
        probabilities = raw.softmax(dim=1).numpy()
        unit = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
        np.testing.assert_allclose(vectors, unit, atol=1e-5)


def test_images_are_cropped_or_padded_and_damaged_ones_named(tmp_path: Path) -> None:
    Image.new("RGB", (40, 20), "red").save(tmp_path / "wide.png")
    with Image.open(tmp_path / "wide.png") as wide:
        wide.paste("blue", (0, 0, 5, 20))
        wide.save(tmp_path / "wide.png")
    assert (read_squares([tmp_path / "wide.png"], InputConfig(), 32)[0][0, 2] == 0).all()  # the blue end is cropped
    padded = read_squares([tmp_path / "wide.png"], InputConfig(RESIZE_MODE="pad"), 32)[0][0, 2]
    assert padded.shape == (32, 32) and padded[16, 0] == 255
    (tmp_path / "bad.jpg").write_bytes(b"junk")
    with pytest.raises(DatasetError, match=r"bad\.jpg: The file is not an image"):
        read_squares([tmp_path / "bad.jpg"], InputConfig(), 64)


def test_scores_benchmark_compares_the_forms(drawn: Path, parts_settings: Settings, tmp_path: Path) -> None:
    command = ["scores", "--cfg", *FILES, "--set", f"DATA.BASE_PATH={drawn}", "--dataset", "wardrobe"]
    command += ["--split", "test", "--checkpoint", parts_settings.checkpoint, "--out", tmp_path]
    done = CliRunner().invoke(benchmarks, list(map(str, command)))
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "scores.json").read_text())
    assert {row["form"] for row in report["forms"]} >= {"c (presence is not used)", "(1 + c) * p^0.25 - 1"}
    assert all(0 < figure <= 100 for row in report["forms"] for figure in row["wardrobe"])
    assert "| (1 + c) * p^0.25 - 1 |" in (tmp_path / "scores.md").read_text()
