"""Fixtures of trainings. PyTorch is imported in them only: pytest's main process loads this file before all others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from rpf.config import Config
    from rpf.models.base import TwoBranchModel
    from rpf.training.distributed import DistributedContext
    from rpf.training.trainer import Trainer

WARDROBE = ROOT / "config" / "Wardrobe"
TINY = """
MODEL:
  EMBED_SIZE: 256
  ATTRIBUTE: {EMBED_SIZE: 32}
  GLOBAL:
    BACKBONE: {NAME: resnet18, EMBED_SIZE: 256}
    ATTENTION: {SPATIAL: {COMMON_EMBED_SIZE: 32}}
  TRANSFORMER: {EMBED_SIZE: 32, NUM_LAYERS: 1, NUM_HEADS: 2, CROSS_NUM_HEADS: 2, MLP_DIM: 64}
INPUT: {GLOBAL_SIZE: 48, LOCAL_SIZE: 32}
DATA: {NUM_TRIPLETS: 24, NUM_WORKERS: 0, TRAIN_BATCHSIZE: 8}
SOLVER: {EPOCHS: 4, LOG_PERIOD: 1}
"""
# The default model's settings, in small.
CLASSIFICATION = (
    "SOLVER.LOSS=classification", "MODEL.PROTOTYPES.ENABLE=true", "MODEL.PRESENCE.ENABLE=true",
    "INPUT.RESIZE_MODE=pad", "SOLVER.SCHEDULE=cosine", "SOLVER.EMA_DECAY=0.8", "SOLVER.OPTIMIZER_NAME=AdamW",
    "SOLVER.WEIGHT_DECAY=0.05", "SOLVER.BACKBONE_LR_SCALE=0.3", "SOLVER.GRAD_CLIP_NORM=1", "SOLVER.BASE_LR=1e-3",
)  # fmt: skip
# ASEN in small; stage 1 unless MODEL.LOCAL.ENABLE is set.
ASEN = (
    "MODEL.NAME=asen", "MODEL.LOCAL.BACKBONE.NAME=resnet18", "MODEL.LOCAL.ATTENTION.SPATIAL.COMMON_EMBED_SIZE=32",
    "SOLVER.BASE_LR=5e-4",
)  # fmt: skip


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw the dataset "wardrobe": 60 garments of 64 pixels."""
    from rpf.datasets.synthetic import Recipe, write_dataset

    base = tmp_path_factory.mktemp("training")
    write_dataset(base / "wardrobe", Recipe(60, size=64), lambda *_: None)
    (base / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return base


@pytest.fixture
def tiny(drawn: Path, tmp_path: Path) -> Callable[..., Config]:
    """Return a function that makes the config of a stage with tiny sizes, which saves to tmp_path."""

    from rpf import config as configs

    def make(stage: int = 1, *settings: str) -> Config:
        files = [WARDROBE / "Wardrobe.yaml", WARDROBE / f"s{stage}.yaml", drawn / "tiny.yaml"]
        return configs.load(files, [f"DATA.BASE_PATH={drawn}", f"SAVE_DIR={tmp_path}", *settings])

    return make


@pytest.fixture
def trainer() -> Callable[..., Trainer]:
    """Return a function that makes a float32 trainer whose score is a sum of weights, which training changes."""

    import torch

    from rpf.models.build import build_model
    from rpf.training.tasks.build import build_task
    from rpf.training.trainer import Trainer

    def make(config: Config, seed: int = 3) -> Trainer:
        torch.manual_seed(seed)
        task = build_task(build_model(config), float32_context())
        return Trainer(task, Path(config.SAVE_DIR) / config.NAME, _score, seed)

    return make


def float32_context() -> DistributedContext:
    """Return a context without bf16, on the CPU."""
    import torch

    from rpf.training.distributed import DistributedContext

    return DistributedContext(torch.device("cpu"))


def _score(model: TwoBranchModel) -> float:
    return model.region.query.weight.sum().item()
