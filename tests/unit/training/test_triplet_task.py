from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rpf.config import Config
from rpf.datasets.triplet_dataset import TripletBatch, read_train
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.losses import contrastive_loss, triplet_loss
from rpf.training.tasks.triplet import TripletTask
from tests.support.training_data import float32_context

Make = Callable[..., Config]


FLOAT32 = float32_context()


def make_task(config: Config, context: DistributedContext = FLOAT32) -> tuple[TripletTask, TripletBatch]:
    torch.manual_seed(0)
    task = TripletTask(RPF(config), context, read_train(config))
    return task, next(task.epoch(0, 0))


def test_losses_are_of_the_features_that_a_search_compares(tiny: Make) -> None:
    """Compare in evaluation mode, crops included."""
    task, batch = make_task(tiny(2))
    losses = task.eval()(batch)
    outputs = [task.model.embed(images) for images in batch.images]
    rows, attribute = np.arange(8), batch.attribute.numpy()
    region = [torch.from_numpy(output.region[rows, attribute]) for output in outputs]
    patch = [torch.from_numpy(output.patch[rows, attribute]) for output in outputs if output.patch is not None]
    torch.testing.assert_close(losses["region"], triplet_loss(*region, margin=0.2))
    torch.testing.assert_close(losses["patch"], triplet_loss(*patch, margin=0.2))
    background = torch.cat(
        [
            task.model.region(task.model.tensor(squares), batch.attribute[:, None]).background[:, 0]
            for squares in batch.squares
        ]
    )
    value = torch.cat([batch.value, batch.value, batch.other_value])
    contrastive = contrastive_loss(
        torch.cat(region), torch.cat(patch), background, batch.attribute.repeat(3), value, 0.07, 12
    )
    torch.testing.assert_close(losses["contrastive"], contrastive, rtol=1e-4, atol=1e-4)
    total = losses["region"] + 0.1 * losses["patch"] + 0.04 * losses["contrastive"]
    torch.testing.assert_close(losses["total"], total)


@pytest.mark.parametrize("stage", [1, 2])
def test_triplet_total_reaches_every_weight_and_batch_norm(tiny: Make, stage: int) -> None:
    task, batch = make_task(tiny(stage))
    for module in task.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # timm starts some at zero, which stops gradients
            torch.nn.init.ones_(module.weight)
    before = task.model.region.trunk.bn1.running_mean.clone()
    task.train()(batch)["total"].backward()
    assert [name for name, weight in task.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    assert not torch.equal(before, task.model.region.trunk.bn1.running_mean)


def test_batch_statistics_of_a_role_do_not_depend_on_the_others(tiny: Make) -> None:
    """Check that other negatives do not change the anchors' features."""
    task, batch = make_task(tiny(1))
    other = replace(batch, squares=[batch.squares[0], batch.squares[1], batch.squares[0]])
    features: list[torch.Tensor] = []
    task.model.region.feature_fc.register_forward_hook(lambda _m, _inputs, output: features.append(output.detach()))
    for either in (batch, other):
        torch.manual_seed(0)
        task.train()(either)
    assert len(features) == 6
    torch.testing.assert_close(features[0], features[3])
    assert not torch.allclose(F.normalize(features[2]), F.normalize(features[5]))


def test_losses_in_bf16_are_float32_and_nearly_the_same(tiny: Make) -> None:
    exact, batch = make_task(tiny(2))
    rough, _ = make_task(tiny(2), DistributedContext(torch.device("cpu"), bf16=True))
    expected, losses = exact.eval()(batch), rough.eval()(batch)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected[name], rtol=0.05, atol=0.02)
    assert not torch.equal(losses["region"], expected["region"])
