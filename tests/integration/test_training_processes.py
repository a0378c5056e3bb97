"""Training by several processes on the CPU, started by torchrun."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from rpf.config import Config
from rpf.training.distributed import DistributedContext
from tests.support import ROOT
from tests.support.mounting import with_mounted
from tests.support.training_data import CLASSIFICATION, WARDROBE

PROGRAM = """
import sys
from pathlib import Path
import torch
from rpf import config
from rpf.models.rpf import RPF
from rpf.training.distributed import distributed_context
from rpf.training.tasks.build import build_task
from rpf.training.trainer import Trainer

with distributed_context("cpu", "float32") as context:
    for text in sys.argv[1:]:
        values = config.Config.model_validate_json(text)
        out = Path(values.SAVE_DIR) / values.NAME
        torch.manual_seed(context.rank)
        trainer = Trainer(build_task(RPF(values), context), out, lambda model: 0.5, seed=3)
        trainer.run()
        torch.save(dict(trainer.model.named_parameters()), out / f"{context.rank} of {context.world_size}.pt")
"""


def test_shard_gives_every_rank_an_equal_share_of_its_own() -> None:
    shards = [DistributedContext(torch.device("cpu"), rank=rank, world_size=3).shard(range(11)) for rank in range(3)]
    assert [len(shard) for shard in shards] == [3, 3, 3]
    assert sorted(number for shard in shards for number in shard) == list(range(9))


def test_two_processes_train_the_same_weights_from_different_images(
    tiny: Callable[..., Config], tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    tasks = {"triplet": ("DATA.NUM_TRIPLETS=17",), "classification": (*CLASSIFICATION, "DATA.TRAIN_BATCHSIZE=16")}
    configs = [tiny(2, "SOLVER.EPOCHS=1", f"NAME={name}", *more).model_dump_json() for name, more in tasks.items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(program), *configs], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for folder in (tmp_path / name for name in tasks):
        first, second = (torch.load(folder / f"{rank} of 2.pt", weights_only=True) for rank in range(2))
        for name, weight in first.items():
            assert torch.equal(weight, second[name]), (folder, name)
        assert len(list(folder.glob("events.*"))) == 1
        assert (folder / "checkpoint.pt").exists()


def test_reading_workers_use_shared_memory_for_their_semaphores_only(drawn: Path) -> None:
    files = [WARDROBE / "Wardrobe.yaml", WARDROBE / "s1.yaml", drawn / "tiny.yaml"]
    code = (
        "import sys; from rpf import config; from rpf.datasets import triplet_dataset as data;"
        "values = config.load(sys.argv[2:], [sys.argv[1], 'DATA.NUM_WORKERS=1', 'DATA.TRAIN_BATCHSIZE=1']);"
        "data.require_shared_memory(1); split = data.read_train(values);"
        "print(len(list(data.batches(split, split.sampler.draw(50, 0, 0), values))));"
        "data.require_shared_memory(16)"
    )
    command = [sys.executable, "-c", code, f"DATA.BASE_PATH={drawn}", *map(str, files)]
    done = with_mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", "/dev/shm", command=command)
    assert done.stdout.split() == ["50"], done.stderr
    last = done.stderr.splitlines()[-1]
    assert re.search(r"TrainingError: /dev/shm has \d+ kB free, and 16 processes .* need 296 kB: enlarge it .*", last)
