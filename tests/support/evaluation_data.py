from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from rpf.cli import main
from rpf.datasets.synthetic import Recipe, write_dataset
from tests.support import ROOT

WARDROBE = ROOT / "config" / "Wardrobe"


@pytest.fixture(scope="session")
def evaluation_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BASE_PATH of a drawn dataset: 64 images for training (unused here), 8 valid, 8 test."""
    base = tmp_path_factory.mktemp("drawn")
    write_dataset(base / "wardrobe", Recipe(80, size=64), lambda *_: None)
    return base


@pytest.fixture(scope="session")
def evaluate(evaluation_dataset: Path, tiny_checkpoint: Path) -> Callable[..., str]:
    """Runs the command on the drawn dataset, by default with the tiny checkpoint; returns its output."""

    def run(*more: object, checkpoint: Path = tiny_checkpoint, status: int = 0) -> str:
        args = ["evaluate", "--cfg", WARDROBE / "Wardrobe.yaml", WARDROBE / "s2.yaml", "--checkpoint", checkpoint]
        args += ["--set", f"DATA.BASE_PATH={evaluation_dataset}", *more]
        done = CliRunner().invoke(main, list(map(str, args)))
        assert done.exit_code == status, done.output
        return done.stdout if status == 0 else done.stderr

    return run
