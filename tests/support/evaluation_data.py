"""Fixtures of evaluations. PyTorch is imported in them only, as in training_data."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support import ROOT

WARDROBE = ROOT / "config" / "Wardrobe"


@pytest.fixture(scope="session")
def evaluation_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a dataset of 64 images for training (unused here), 8 valid and 8 test; return its BASE_PATH."""
    from rpf.datasets.synthetic import Recipe, write_dataset

    base = tmp_path_factory.mktemp("drawn")
    write_dataset(base / "wardrobe", Recipe(80, size=64), lambda *_: None)
    return base


@pytest.fixture(scope="session")
def evaluate(evaluation_dataset: Path, tiny_checkpoint: Path) -> Callable[..., str]:
    """Return a function that evaluates a checkpoint on the drawn dataset, and returns the output."""

    from rpf.cli import main

    def run(*more: object, checkpoint: Path = tiny_checkpoint, status: int = 0) -> str:
        args = ["evaluate", "--cfg", WARDROBE / "Wardrobe.yaml", WARDROBE / "s2.yaml", "--checkpoint", checkpoint]
        args += ["--set", f"DATA.BASE_PATH={evaluation_dataset}", *more]
        done = CliRunner().invoke(main, list(map(str, args)))
        assert done.exit_code == status, done.output
        return done.stdout if status == 0 else done.stderr

    return run
