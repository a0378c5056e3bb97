from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from rpf.config import Config
from rpf.datasets.triplet_dataset import read_train
from rpf.errors import CheckpointError
from rpf.models import checkpoint
from rpf.models.build import build_model
from rpf.training.initialize import initialize_model
from rpf.training.losses import alignment_loss, triplet_loss
from rpf.training.tasks.asen import ASENTask
from rpf.training.tasks.build import build_task
from rpf.training.trainer import make_optimizer
from tests.support.training_data import ASEN, float32_context

Make = Callable[..., Config]


def stage_two(tiny: Make, *settings: str) -> Config:
    return tiny(1, *ASEN, "MODEL.LOCAL.ENABLE=true", "NAME=tiny_s2", *settings)


def test_alignment_loss_sums_the_mean_distances_of_the_roles() -> None:
    x, y = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 3.0], [0.0, 1.0]])
    torch.testing.assert_close(alignment_loss([x, x, x], [x, 5 * x, x]), torch.tensor(0.0))
    torch.testing.assert_close(alignment_loss([x, x, x], [x, y, -x]), torch.tensor(0.5 + 2.0))


def test_losses_are_of_the_features_that_a_search_compares(tiny: Make) -> None:
    """Compare in evaluation mode, crops included."""
    config = stage_two(tiny, "SOLVER.GLOBAL_WEIGHT=2", "SOLVER.LOCAL_WEIGHT=0.3", "SOLVER.ALIGN_WEIGHT=0.1")
    torch.manual_seed(0)
    task = build_task(build_model(config), float32_context())
    assert isinstance(task, ASENTask)
    batch = next(task.epoch(0, 0))
    losses = task.eval()(batch)
    outputs = [task.model.embed(images) for images in batch.images]
    rows, attribute = np.arange(8), batch.attribute.numpy()
    region = [torch.from_numpy(output.region[rows, attribute]) for output in outputs]
    patch = [torch.from_numpy(output.patch[rows, attribute]) for output in outputs if output.patch is not None]
    assert set(losses) == {"total", "region", "patch", "alignment"}
    torch.testing.assert_close(losses["region"], triplet_loss(*region, margin=0.2))
    torch.testing.assert_close(losses["patch"], triplet_loss(*patch, margin=0.2))
    torch.testing.assert_close(losses["alignment"], alignment_loss(region, patch))
    total = 2 * losses["region"] + 0.3 * losses["patch"] + 0.1 * losses["alignment"]
    torch.testing.assert_close(losses["total"], total)


def test_total_reaches_every_weight(tiny: Make) -> None:
    config = stage_two(tiny)
    torch.manual_seed(0)
    task = ASENTask(build_model(config), float32_context(), read_train(config))
    for module in task.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # timm starts some at zero, which stops gradients
            torch.nn.init.ones_(module.weight)
    task.train()(next(task.epoch(0, 0)))["total"].backward()
    assert [name for name, weight in task.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_stage_two_starts_with_stage_one_and_a_pretrained_backbone(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    published = timm.create_model("resnet18")
    torch.save(published.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    first = build_model(tiny(1, *ASEN))
    checkpoint.save(first, tmp_path / "tiny_s1" / "model_best.safetensors")
    model = initialize_model(stage_two(tiny), tmp_path)
    assert model.patch
    assert torch.equal(model.patch.trunk.layer3[0].conv1.weight, published.layer3[0].conv1.weight)
    for name, weight in first.region.state_dict().items():
        assert torch.equal(weight, model.region.state_dict()[name]), name
    rates = {group["name"]: group["lr"] for group in make_optimizer(model).param_groups}
    assert rates == {"region": 1e-5, "patch": 5e-4}


def test_stage_one_of_another_model_is_refused(tiny: Make, tmp_path: Path) -> None:
    checkpoint.save(build_model(tiny(1)), tmp_path / "rpf.safetensors")
    with pytest.raises(CheckpointError, match="other sizes than the config's"):
        initialize_model(stage_two(tiny), tmp_path, tmp_path / "rpf.safetensors", from_scratch=True)
