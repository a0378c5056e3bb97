import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from rpf.cli import main
from rpf.evaluation import evaluate as evaluation
from rpf.models import checkpoint
from tests.support import ROOT

WARDROBE = ROOT / "config" / "Wardrobe"


@pytest.fixture
def train(drawn: Path, tmp_path: Path) -> Any:
    def run(stage: int, *more: str, epochs: int = 1) -> Result:
        files = [WARDROBE / "Wardrobe.yaml", WARDROBE / f"s{stage}.yaml", drawn / "tiny.yaml"]
        settings = [f"DATA.BASE_PATH={drawn}", f"SAVE_DIR={tmp_path}", f"SOLVER.EPOCHS={epochs}", "DATA.NUM_TRIPLETS=8"]
        command = ["train", "--cfg", *map(str, files), "--set", *settings, "--from-scratch", *more]
        return CliRunner().invoke(main, command)

    return run


def test_train_runs_both_stages_and_resumes(train: Any, tmp_path: Path) -> None:
    first = train(1)
    assert first.exit_code == 0, first.output
    assert "epoch 1/1: loss 0." in first.output
    assert "MAP " in first.output
    again = train(1)
    assert again.exit_code == 2
    assert "--resume" in again.output
    resumed = train(1, "--resume", str(tmp_path / "Wardrobe_s1" / "checkpoint.pt"), epochs=2)
    assert resumed.exit_code == 0, resumed.output
    assert "epoch 2/2" in resumed.output
    second = train(2)
    assert second.exit_code == 0, second.output
    model = checkpoint.load(tmp_path / "Wardrobe_s2" / "model_best.safetensors")
    assert model.patch is not None
    assert all(bool(weight.isfinite().all()) for weight in model.parameters())


def test_interrupted_train_says_how_to_resume(train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.5])

    def overall_map(report: object) -> float:
        for score in scores:
            return score
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "overall_map", overall_map)
    stopped = train(1, epochs=3)
    file = tmp_path / "Wardrobe_s1" / "checkpoint.pt"
    assert stopped.exit_code == 130
    assert f"Stopped after 1 of 3 epochs; continue with --resume {file}" in stopped.output
    monkeypatch.undo()
    resumed = train(1, "--resume", str(file), epochs=3)
    assert resumed.exit_code == 0, resumed.output
    assert "epoch 2/3" in resumed.output
    assert torch.load(file, weights_only=True)["epoch"] == 3


def test_bad_images_of_train_and_valid_are_refused_at_once_or_reported_as_left_out(
    drawn: Path, train: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "copy" / "wardrobe"
    shutil.copytree(drawn / "wardrobe", folder)
    names = {split: (folder / f"filenames_{split}.txt").read_text().split() for split in ("train", "valid", "test")}
    gone = [folder / names[split][2] for split in names]
    for path in gone:
        path.unlink()
    more = ["--set", f"DATA.BASE_PATH={tmp_path / 'copy'}"]
    refused = train(1, *more)
    assert refused.exit_code == 2
    message = (
        f"2 of the 54 images cannot be used: 2 missing ({gone[0]}, {gone[1]}). Repair these files, or leave them out"
    )
    assert message in refused.stderr
    assert not (tmp_path / "Wardrobe_s1").exists()
    done = train(1, *more, "--skip-bad")
    assert done.exit_code == 0, done.output
    assert done.output.count(f"Left out by --skip-bad: 2 missing ({gone[0]}, {gone[1]}).") == 1


def test_attributes_without_two_values_are_reported_as_left_out(drawn: Path, train: Any, tmp_path: Path) -> None:
    shutil.copytree(drawn / "wardrobe", tmp_path / "copy" / "wardrobe")
    labels = tmp_path / "copy" / "wardrobe" / "label_train.txt"
    labels.write_text("0 1 2 2 3\n1 1 3 2 3\n2 1 3\n")
    done = train(1, "--set", f"DATA.BASE_PATH={tmp_path / 'copy'}", "--precision", "float32")
    assert done.exit_code == 0, done.output
    assert "coat_length is left out" in done.output
    assert "sleeve_length is left out" not in done.output
