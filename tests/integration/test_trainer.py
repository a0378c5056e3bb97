import json
import math
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rpf.config import Config, SolverConfig
from rpf.errors import CheckpointError, ConfigError, TrainingError
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.training.checkpointing import read_state
from rpf.training.trainer import WARM_UP_SHARE, Trainer, make_optimizer, make_scheduler
from tests.support.training_data import ASEN, CLASSIFICATION

Make = Callable[..., Any]
# Two batches in each of two epochs, whose learning rates differ.
SHORT = (
    "SOLVER.EPOCHS=2", "SOLVER.STEP_SIZE=1", "DATA.NUM_TRIPLETS=8", "DATA.TRAIN_BATCHSIZE=4", "INPUT.GLOBAL_SIZE=32",
)  # fmt: skip


def equal(one: Any, other: Any) -> bool:
    """Tell whether two trees of tensors are equal to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


@pytest.mark.parametrize("stage", [1, 2])
def test_resumed_triplet_training_equals_an_uninterrupted_one(tiny: Make, trainer: Make, stage: int) -> None:
    whole = trainer(tiny(stage, "NAME=whole", *SHORT))
    whole.run()
    trainer(tiny(stage, "NAME=parts", *SHORT, "SOLVER.EPOCHS=1")).run()
    config = tiny(stage, "NAME=parts", *SHORT)
    second = trainer(config, seed=99)  # its initial weights are replaced
    second.resume(read_state(second.folder / "checkpoint.safetensors", config))
    second.run()
    for name in ("model", "optimizer"):
        assert equal(getattr(whole, name).state_dict(), getattr(second, name).state_dict()), name
    assert whole.best == second.best
    assert [{**entry, "seconds": 0} for entry in whole.log] == [{**entry, "seconds": 0} for entry in second.log]
    assert len({entry["loss/total"] for entry in whole.log}) == 2


@pytest.fixture(scope="module")
def few(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a dataset of the first images of `drawn`; return its BASE_PATH."""
    base = tmp_path_factory.mktemp("few")
    shutil.copytree(drawn / "wardrobe", base / "wardrobe")
    for name in ("filenames", "label", "absent"):
        file = base / "wardrobe" / f"{name}_train.txt"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:16] if name == "filenames" else [it for it in lines if int(it.split()[0]) < 16]))
    return base


@pytest.mark.parametrize("stage", [1, 2])
def test_resumed_classification_training_equals_an_uninterrupted_one(
    tiny: Make, trainer: Make, stage: int, few: Path
) -> None:
    settings = (
        *CLASSIFICATION, f"DATA.BASE_PATH={few}", f"DATA.EXTRA_DATASETS={{{few / 'wardrobe'}: {{SHARE: 0.25}}}}",
        "SOLVER.EPOCHS=2", "INPUT.GLOBAL_SIZE=32",
    )  # fmt: skip
    whole = trainer(tiny(stage, "NAME=whole", *settings))
    whole.run()
    config = tiny(stage, "NAME=parts", *settings)
    first = trainer(config)
    first.validate = interrupt_at(2)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = trainer(config, seed=99)
    second.resume(read_state(second.folder / "checkpoint.pt", config))
    assert second.epoch == 1
    second.run()
    assert equal(whole.model.state_dict(), second.model.state_dict())
    assert equal(whole.ema.state_dict(), second.ema.state_dict())
    assert equal(whole.optimizer.state_dict(), second.optimizer.state_dict())
    saved = checkpoint.load(second.folder / "checkpoint.safetensors").state_dict()
    assert equal(saved, whole.result.state_dict())
    assert not equal(saved, whole.model.state_dict()), "the moving average is saved"
    with pytest.raises(CheckpointError, match=r"SOLVER\.EPOCHS=2, not 9"):
        read_state(second.folder / "checkpoint.pt", tiny(stage, "NAME=parts", *settings, "SOLVER.EPOCHS=9"))


def interrupt_at(epoch: int) -> Callable[[RPF], float]:
    """Return a validation that is interrupted in that epoch."""
    calls = count(1)

    def validate(model: RPF) -> float:
        if next(calls) == epoch:
            raise KeyboardInterrupt
        return model.region.query.weight.sum().item()

    return validate


def scheduled_rates(solver: SolverConfig, length: int, first: int = 0, base: float = 0.003) -> list[float]:
    """Return the learning rate of every batch from the epoch `first` on."""
    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": base, "initial_lr": base}])
    scheduler, rates = make_scheduler(optimizer, solver, length, first), []
    for _ in range((solver.EPOCHS - first) * length):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def formula(solver: SolverConfig, epoch: int, share: float) -> float:
    """Return the factor of the learning rate after a share of an epoch, of the paper's and of the cosine schedule."""
    if solver.SCHEDULE == "step":
        return solver.DECAY_RATE ** (epoch // solver.STEP_SIZE)
    done = (epoch + share) / solver.EPOCHS
    return min(1.0, done / WARM_UP_SHARE + 0.01) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


@pytest.mark.parametrize("length", [1, 7, 50])
@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_scheduler_follows_the_formula_at_every_batch_and_after_a_resume(schedule: str, length: int) -> None:
    solver = SolverConfig.model_validate({"SCHEDULE": schedule, "EPOCHS": 10})
    expected = [0.003 * formula(solver, epoch, batch / length) for epoch in range(10) for batch in range(length)]
    assert scheduled_rates(solver, length) == expected
    assert scheduled_rates(solver, length, first=4) == expected[4 * length :]


def test_cosine_schedule_rises_then_falls_to_nearly_zero() -> None:
    rates = scheduled_rates(SolverConfig(SCHEDULE="cosine", EPOCHS=10), 50, base=1.0)
    top = rates.index(max(rates))
    assert 10 <= top <= 20
    assert rates[0] < 0.02
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.02


def test_optimizer_slows_backbones_and_does_not_decay_biases(tiny: Make) -> None:
    model = RPF(tiny(2, *CLASSIFICATION, "SOLVER.BASE_LR_SLOW=1e-4"))
    groups = {id(weight): group for group in make_optimizer(model).param_groups for weight in group["params"]}
    assert len(groups) == len(list(model.parameters()))
    expected = [
        (model.region.trunk.conv1.weight, 0.3e-4, 0.05),
        (model.region.trunk.bn1.weight, 0.3e-4, 0.0),
        (model.region.feature_fc.weight, 1e-4, 0.05),
        (model.region.feature_fc.bias, 1e-4, 0.0),
        (model.patch.fc.weight, 1e-3, 0.05),
    ]
    for weight, lr, decay in expected:
        assert (groups[id(weight)]["lr"], groups[id(weight)]["weight_decay"]) == pytest.approx((lr, decay))


def test_triplet_training_lowers_its_loss(tiny: Make, trainer: Make) -> None:
    settings = ("SOLVER.BASE_LR=5e-4", "SOLVER.EPOCHS=4", "SOLVER.EVAL_STEPS=4", "INPUT.GLOBAL_SIZE=32")
    training: Trainer = trainer(tiny(1, *settings, "DATA.NUM_TRIPLETS=48"))
    training.run()
    losses = [entry["loss/region"] for entry in training.log]
    assert losses[-1] < 0.7 * losses[0]


def test_asen_training_of_both_branches_lowers_its_loss(tiny: Make, trainer: Make) -> None:
    settings = (
        "MODEL.LOCAL.ENABLE=true", "SOLVER.EPOCHS=3", "SOLVER.EVAL_STEPS=3", "SOLVER.BASE_LR_SLOW=5e-4",
        "INPUT.GLOBAL_SIZE=32",
    )  # fmt: skip
    training: Trainer = trainer(tiny(1, *ASEN, *settings))
    training.run()
    losses = [entry["loss/total"] for entry in training.log]
    assert losses[-1] < 0.7 * losses[0]
    saved = checkpoint.load(training.folder / "model_best.safetensors")
    assert saved.config.MODEL.NAME == "asen"
    assert saved.patch is not None


def test_training_leaves_the_best_and_last_weights_log_and_tensorboard(tiny: Make, trainer: Make) -> None:
    training: Trainer = trainer(tiny(2, *SHORT, "SOLVER.EPOCHS=3"))
    scores = iter([0.2, 0.6, 0.4])
    weights: list[dict[str, torch.Tensor]] = []

    def validate(model: torch.nn.Module) -> float:
        assert not model.training
        weights.append({key: tensor.clone() for key, tensor in model.state_dict().items()})
        return next(scores)

    training.validate = validate
    training.run()
    assert equal(checkpoint.load(training.folder / "model_best.safetensors").state_dict(), weights[1])
    assert equal(checkpoint.load(training.folder / "checkpoint.safetensors").state_dict(), weights[2])
    log = json.loads((training.folder / "log.json").read_text())
    assert [entry["MAP"] for entry in log] == [0.2, 0.6, 0.4]
    assert [entry["lr/region"] for entry in log] == pytest.approx([1e-5, 0.9e-5, 0.81e-5])
    assert [entry["lr/patch"] for entry in log] == pytest.approx([5.5e-5, 0.9 * 5.5e-5, 0.81 * 5.5e-5])
    board = EventAccumulator(str(training.folder)).Reload()
    tags = board.Tags()
    assert {"MAP", "lr/region", "lr/patch", "loss/total", "batch/contrastive"} <= set(tags["scalars"])
    assert "crops/sleeve_length" in tags["images"]
    assert [event.step for event in board.Scalars("batch/total")] == list(range(6))
    assert [event.step for event in board.Scalars("MAP")] == [1, 3, 5], "counted in batches too"
    first = board.Images("crops/sleeve_length")[0]
    assert (first.width, first.height) == (448, 224)


def test_non_finite_loss_stops_and_keeps_the_last_epoch(tiny: Make, trainer: Make) -> None:
    config: Config = tiny(1, *SHORT)
    trainer(tiny(1, *SHORT, "SOLVER.EPOCHS=1")).run()
    training: Trainer = trainer(config)
    training.resume(read_state(training.folder / "checkpoint.pt", config))
    torch.nn.init.constant_(training.model.region.feature_fc.bias, math.nan)
    with pytest.raises(TrainingError, match="epoch 2"):
        training.run()
    state = read_state(training.folder / "checkpoint.pt", config)
    assert state.epoch == 1
    assert all(tensor.isfinite().all() for tensor in state.model.values())


def test_non_finite_weights_are_not_saved(tiny: Make, trainer: Make) -> None:
    training: Trainer = trainer(tiny(1, "DATA.NUM_TRIPLETS=8"))
    for group in training.optimizer.param_groups:
        group["lr"] = math.inf
    with pytest.raises(TrainingError, match="weight"):
        training.run()
    assert not list(training.folder.glob("*.safetensors"))


def test_read_state_refuses_changed_settings_and_other_files(tiny: Make, trainer: Make, tmp_path: Path) -> None:
    training: Trainer = trainer(tiny(1, *SHORT, "SOLVER.EPOCHS=1"))
    training.run()
    file = training.folder / "checkpoint.pt"
    with pytest.raises(CheckpointError, match=r"SOLVER\.MARGIN=0\.2, not 0\.3"):
        read_state(file, tiny(1, *SHORT, "SOLVER.MARGIN=0.3"))
    assert read_state(file, tiny(1, *SHORT, "SOLVER.EPOCHS=9", "SAVE_DIR=elsewhere", "DEVICE=cpu")).epoch == 1
    with pytest.raises(CheckpointError, match="no such file"):
        read_state(tmp_path / "none.pt", tiny())
    for content in (b"", file.read_bytes()[:5000]):
        (tmp_path / "bad.pt").write_bytes(content)
        with pytest.raises(CheckpointError):
            read_state(tmp_path / "bad.pt", tiny())
    torch.save({"model": {}}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError, match="is not the state of a training"):
        read_state(tmp_path / "bad.pt", tiny())


def test_unknown_optimizer_lists_the_known_ones(tiny: Make) -> None:
    with pytest.raises(ConfigError, match=r"SOLVER\.OPTIMIZER_NAME: should be 'Adam', 'AdamW' or 'SGD'"):
        tiny(1, "SOLVER.OPTIMIZER_NAME=Lion")
