from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rpf.config import Config
from rpf.datasets.triplet_dataset import Batch, batches, read_train
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.losses import contrastive_loss, triplet_loss
from rpf.training.tasks.triplet import TripletStep

Make = Callable[..., Config]
FLOAT32 = DistributedContext(torch.device("cpu"))


def make(config: Config, hardware: DistributedContext = FLOAT32) -> tuple[TripletStep, Batch]:
    torch.manual_seed(0)
    step = TripletStep(RPF(config), hardware)
    split = read_train(config)
    return step, next(batches(split, split.triplets.draw(8, seed=0, epoch=0), config))


def test_it_trains_what_a_search_compares(tiny: Make) -> None:
    """In evaluation mode its losses are those of the features that `embed` gives, crops included."""
    step, batch = make(tiny(2))
    losses = step.eval()(batch)
    seen = [step.model.embed(pictures) for pictures in batch.pictures]
    rows, attribute = np.arange(8), batch.attribute.numpy()
    region = [torch.from_numpy(one.region[rows, attribute]) for one in seen]
    patch = [torch.from_numpy(one.patch[rows, attribute]) for one in seen if one.patch is not None]
    torch.testing.assert_close(losses["region"], triplet_loss(*region, margin=0.2))
    torch.testing.assert_close(losses["patch"], triplet_loss(*patch, margin=0.2))
    background = torch.cat(
        [
            step.model.region(step.model.tensor(squares), batch.attribute[:, None]).background[:, 0]
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
def test_every_weight_learns_and_batch_norm_too(tiny: Make, stage: int) -> None:
    step, batch = make(tiny(stage))
    for module in step.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # timm begins some at zero, which hides what lies before them
            torch.nn.init.ones_(module.weight)
    before = step.model.region.trunk.bn1.running_mean.clone()
    step.train()(batch)["total"].backward()
    assert [name for name, weight in step.named_parameters() if weight.grad is None or not weight.grad.any()] == []
    assert not torch.equal(before, step.model.region.trunk.bn1.running_mean)


def test_anchors_positives_and_negatives_are_passes_of_their_own(tiny: Make) -> None:
    """Batch statistics of one role must not depend on the others: other negatives leave the anchors' features."""
    step, batch = make(tiny(1))
    other = replace(batch, squares=[batch.squares[0], batch.squares[1], batch.squares[0]])
    seen: list[torch.Tensor] = []
    step.model.region.feature_fc.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    for one in (batch, other):
        torch.manual_seed(0)
        step.train()(one)
    assert len(seen) == 6
    torch.testing.assert_close(seen[0], seen[3])
    assert not torch.allclose(F.normalize(seen[2]), F.normalize(seen[5]))


def test_bf16_gives_nearly_the_same_losses_in_float32(tiny: Make) -> None:
    exact, batch = make(tiny(2))
    rough, _ = make(tiny(2), DistributedContext(torch.device("cpu"), bf16=True))
    expected, found = exact.eval()(batch), rough.eval()(batch)
    for name, loss in found.items():
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, expected[name], rtol=0.05, atol=0.02)
    assert not torch.equal(found["region"], expected["region"])
