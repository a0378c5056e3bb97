"""Several processes on the processor, started by torchrun as a person would."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rpf.config import Config
from rpf.training.distributed import DistributedContext
from tests.support import ROOT
from tests.support.training_data import VALUES

PROGRAM = """
import sys
from pathlib import Path
import torch
from rpf import config
from rpf.models.rpf import RPF
from rpf.training.distributed import hardware
from rpf.training.tasks.build import read_course
from rpf.training.trainer import Trainer

values, out = config.Config.model_validate_json(sys.argv[1]), Path(sys.argv[2])
with hardware("cpu", "float32") as machine:
    torch.manual_seed(machine.rank)
    course = read_course(values)
    trainer = Trainer(RPF(values), lambda model: course(model, machine), out, machine, lambda model: 0.5, seed=3)
    trainer.run()
    torch.save(dict(trainer.model.named_parameters()), out / f"{machine.rank} of {machine.count}.pt")
"""


def test_each_has_its_own_equal_share() -> None:
    shares = [DistributedContext(torch.device("cpu"), rank=rank, count=3).share(range(11)) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 3, 3]
    assert sorted(number for share in shares for number in share) == list(range(9))


@pytest.mark.parametrize("settings", [("DATA.NUM_TRIPLETS=25",), VALUES], ids=["triplets", "values"])
def test_they_learn_the_same_weights_from_different_pictures(
    tiny: Callable[..., Config], tmp_path: Path, settings: tuple[str, ...]
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    config = tiny(2, "SOLVER.EPOCHS=1", *settings).model_dump_json()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(program), config, str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank} of 2.pt", weights_only=True) for rank in range(2))
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name
    assert len(list(tmp_path.glob("events.*"))) == 1
    assert (tmp_path / "checkpoint.pt").exists()
