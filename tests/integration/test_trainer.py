import json
import math
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rpf.config import Config, Solver
from rpf.errors import CheckpointError, ConfigError, TrainingError
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.training.checkpointing import read_state
from rpf.training.trainer import Trainer, make_optimizer, rate
from tests.support.training_data import VALUES

Make = Callable[..., Any]


def equal(one: Any, other: Any) -> bool:
    """Whether two trees of tensors are the same to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


@pytest.mark.parametrize("stage", [1, 2])
def test_two_and_two_epochs_are_four(tiny: Make, trainer: Make, stage: int) -> None:
    whole = trainer(tiny(stage, "NAME=whole"))
    whole.run()
    trainer(tiny(stage, "NAME=parts", "SOLVER.EPOCHS=2")).run()
    config = tiny(stage, "NAME=parts")
    second = trainer(config, seed=99)  # what it begins with is replaced
    second.resume(read_state(second.folder / "checkpoint.safetensors", config))
    second.run()
    for name in ("model", "optimizer"):
        assert equal(getattr(whole, name).state_dict(), getattr(second, name).state_dict()), name
    assert whole.best == second.best
    assert [{**entry, "seconds": 0} for entry in whole.log] == [{**entry, "seconds": 0} for entry in second.log]
    assert len({entry["loss/total"] for entry in whole.log}) == 4


@pytest.mark.parametrize("stage", [1, 2])
def test_so_they_are_by_values_too(tiny: Make, trainer: Make, stage: int, drawn: Path) -> None:
    settings = (*VALUES, f"DATA.EXTRA={drawn / 'wardrobe'}")
    whole = trainer(tiny(stage, "NAME=whole", *settings))
    whole.run()
    config = tiny(stage, "NAME=parts", *settings)
    first = trainer(config)
    first.evaluate = stop_at(3)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = trainer(config, seed=99)
    second.resume(read_state(second.folder / "checkpoint.pt", config))
    assert second.epoch == 2
    second.run()
    assert equal(whole.model.state_dict(), second.model.state_dict())
    assert equal(whole.average.state_dict(), second.average.state_dict())
    assert equal(whole.optimizer.state_dict(), second.optimizer.state_dict())
    saved = checkpoint.load(second.folder / "checkpoint.safetensors").state_dict()
    assert equal(saved, whole.result.state_dict())
    assert not equal(saved, whole.model.state_dict()), "the average is what is saved"
    with pytest.raises(CheckpointError, match=r"SOLVER\.EPOCHS=4, not 9"):
        read_state(second.folder / "checkpoint.pt", tiny(stage, "NAME=parts", *settings, "SOLVER.EPOCHS=9"))


def stop_at(epoch: int) -> Callable[[RPF], float]:
    """An evaluation that is interrupted in that epoch."""
    calls = count(1)

    def evaluate(model: RPF) -> float:
        if next(calls) == epoch:
            raise KeyboardInterrupt
        return model.region.query.weight.sum().item()

    return evaluate


def test_the_learning_rate_rises_and_falls() -> None:
    solver = Solver(SCHEDULE="cosine", EPOCHS=10)
    rates = [rate(solver, epoch, step / 50) for epoch in range(10) for step in range(50)]
    top = rates.index(max(rates))
    assert 10 <= top <= 20
    assert rates[0] < 0.02
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.02
    assert [rate(Solver(), epoch, 0.5) for epoch in (0, 2, 3, 6)] == pytest.approx([1, 1, 0.9, 0.81])


def test_backbones_learn_more_slowly_and_biases_do_not_decay(tiny: Make) -> None:
    model = RPF(tiny(2, *VALUES, "SOLVER.BASE_LR_SLOW=1e-4"))
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


def test_it_learns(tiny: Make, trainer: Make) -> None:
    training: Trainer = trainer(tiny(1, "SOLVER.BASE_LR=5e-4", "DATA.NUM_TRIPLETS=96", "SOLVER.EPOCHS=5"))
    training.run()
    losses = [entry["loss/region"] for entry in training.log]
    assert losses[-1] < 0.7 * losses[0]


def test_what_it_leaves(tiny: Make, trainer: Make) -> None:
    training: Trainer = trainer(tiny(2, "SOLVER.EPOCHS=3", "SOLVER.STEP_SIZE=1"))
    scores = iter([0.2, 0.6, 0.4])
    kept: list[dict[str, torch.Tensor]] = []

    def evaluate(model: torch.nn.Module) -> float:
        assert not model.training
        kept.append({key: tensor.clone() for key, tensor in model.state_dict().items()})
        return next(scores)

    training.evaluate = evaluate
    training.run()
    assert equal(checkpoint.load(training.folder / "model_best.safetensors").state_dict(), kept[1])
    assert equal(checkpoint.load(training.folder / "checkpoint.safetensors").state_dict(), kept[2])
    log = json.loads((training.folder / "log.json").read_text())
    assert [entry["MAP"] for entry in log] == [0.2, 0.6, 0.4]
    assert [entry["lr/region"] for entry in log] == pytest.approx([1e-5, 0.9e-5, 0.81e-5])
    assert [entry["lr/patch"] for entry in log] == pytest.approx([5.5e-5, 0.9 * 5.5e-5, 0.81 * 5.5e-5])
    board = EventAccumulator(str(training.folder)).Reload()
    tags = board.Tags()
    assert {"MAP", "lr/region", "lr/patch", "loss/total", "batch/contrastive"} <= set(tags["scalars"])
    assert "crops/sleeve_length" in tags["images"]
    assert [event.step for event in board.Scalars("batch/total")] == list(range(9))
    assert [event.step for event in board.Scalars("MAP")] == [2, 5, 8], "counted in batches too"
    first = board.Images("crops/sleeve_length")[0]
    assert (first.width, first.height) == (448, 224)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_epoch(tiny: Make, trainer: Make) -> None:
    config: Config = tiny()
    trainer(tiny(1, "SOLVER.EPOCHS=1")).run()
    training: Trainer = trainer(config)
    training.resume(read_state(training.folder / "checkpoint.pt", config))
    torch.nn.init.constant_(training.model.region.feature_fc.bias, math.nan)
    with pytest.raises(TrainingError, match="epoch 2"):
        training.run()
    state = read_state(training.folder / "checkpoint.pt", config)
    assert state.epoch == 1
    assert all(tensor.isfinite().all() for tensor in state.model.values())


def test_weights_that_are_no_numbers_are_not_saved(tiny: Make, trainer: Make) -> None:
    training: Trainer = trainer(tiny(1, "DATA.NUM_TRIPLETS=8"))
    for group in training.optimizer.param_groups:
        group["initial_lr"] = math.inf
    with pytest.raises(TrainingError, match="weight"):
        training.run()
    assert not list(training.folder.glob("*.safetensors"))


def test_it_goes_on_only_as_it_began(tiny: Make, trainer: Make, tmp_path: Path) -> None:
    training: Trainer = trainer(tiny(1, "SOLVER.EPOCHS=1"))
    training.run()
    file = training.folder / "checkpoint.pt"
    with pytest.raises(CheckpointError, match=r"SOLVER\.MARGIN=0\.2, not 0\.3"):
        read_state(file, tiny(1, "SOLVER.MARGIN=0.3"))
    assert read_state(file, tiny(1, "SOLVER.EPOCHS=9", "SAVE_DIR=elsewhere", "DEVICE=cpu")).epoch == 1
    with pytest.raises(CheckpointError, match="no such file"):
        read_state(tmp_path / "none.pt", tiny())
    for content in (b"", file.read_bytes()[:5000]):
        (tmp_path / "bad.pt").write_bytes(content)
        with pytest.raises(CheckpointError):
            read_state(tmp_path / "bad.pt", tiny())
    torch.save({"model": {}}, tmp_path / "bad.pt")
    with pytest.raises(CheckpointError, match="no state of a training"):
        read_state(tmp_path / "bad.pt", tiny())


def test_an_unknown_optimizer_is_named(tiny: Make) -> None:
    with pytest.raises(ConfigError, match="Adam, AdamW, SGD"):
        make_optimizer(RPF(tiny(1, "SOLVER.OPTIMIZER_NAME=Lion")))
