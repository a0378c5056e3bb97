"""Classification task: its batches, its losses, and the weights they train."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rpf.config import Config
from rpf.datasets.annotations import read_presence, read_split
from rpf.datasets.image_tensors import CROP_SOURCE_SIDE, read_image_tensors
from rpf.errors import ConfigError
from rpf.images.decode import open_image
from rpf.models.preprocessing import centre_square, pad_square
from rpf.models.rpf import RPF
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.build import require_trainable
from rpf.training.tasks.classification import (
    MAX_VALUE_WEIGHT,
    ClassificationBatch,
    ClassificationTask,
    balanced_weights,
    ordinal_targets,
    presence_loss,
)
from tests.support.training_data import CLASSIFICATION, float32_context

Make = Callable[..., Config]


FLOAT32 = float32_context()


def make_task(config: Config, extra: Path | None = None, context: DistributedContext = FLOAT32) -> ClassificationTask:
    torch.manual_seed(0)
    images = read_image_tensors(config, config.DATA.folder)
    extras = [(read_image_tensors(config, extra), 0.25)] if extra else []
    return ClassificationTask(RPF(config), context, images, extras)


def first_losses(task: ClassificationTask) -> tuple[ClassificationBatch, dict[str, Tensor]]:
    batch = next(task.epoch(0, 0))
    torch.manual_seed(1)
    return batch, task.train()(batch)


def test_read_image_tensors_gives_pixels_values_and_presence(tiny: Make) -> None:
    config = tiny(2, *CLASSIFICATION)
    folder, names = config.DATA.folder, config.DATA.ATTRIBUTES.NAME
    tensors = read_image_tensors(config, folder)
    images, presence = read_split(folder, config.DATA, "train"), read_presence(folder, config.DATA, "train")
    assert tensors.pixels.shape == (len(images), 3, CROP_SOURCE_SIDE, CROP_SOURCE_SIDE)
    square, _ = pad_square(open_image(tensors.paths[5]))
    assert (tensors.pixels[5].permute(1, 2, 0).numpy() == centre_square(square, CROP_SOURCE_SIDE)).all()
    for row, (image, known) in enumerate(zip(images, presence, strict=True)):
        for column, name in enumerate(names):
            assert tensors.values[row, column] == image.labels.get(name, -1)
            assert bool(tensors.presence[row, column].isnan()) == (name not in known)
            assert name not in known or bool(tensors.presence[row, column]) == known[name]
    assert (tensors.presence == 0).any()
    stage_one = read_image_tensors(tiny(1, *CLASSIFICATION), folder)
    assert stage_one.pixels.shape[-1] == 60, "a quarter more than the model's input"


def test_epoch_shows_every_image_once_and_a_share_of_the_extra_ones(tiny: Make, drawn: Path) -> None:
    task = make_task(tiny(1, *CLASSIFICATION), drawn / "wardrobe")
    ((extra, size),) = task.extras
    task.extras = [(replace(extra, values=extra.values + 100), size)]
    batches = list(task.epoch(0, 0))
    assert len(batches) == task.length == 48 // 6
    assert all(len(batch.pixels) == 8 and (batch.values.amax(1) >= 99).sum() == 2 for batch in batches)
    shown = torch.cat([batch.pixels[batch.values.amax(1) < 99] for batch in batches])
    assert {bytes(image) for image in shown.numpy()} == {bytes(image) for image in task.images.pixels.numpy()}
    same, other = list(task.epoch(0, 0)), list(task.epoch(0, 1))
    assert torch.equal(batches[2].pixels, same[2].pixels)
    assert not torch.equal(batches[2].pixels, other[2].pixels)


def test_classification_lowers_its_loss(tiny: Make) -> None:
    task = make_task(tiny(1, *CLASSIFICATION, "INPUT.GLOBAL_SIZE=32"))
    optimizer = torch.optim.AdamW(task.parameters(), 1e-3)
    totals = []
    for epoch in range(4):
        for batch in task.epoch(0, epoch):
            total = task.train()(batch)["total"]
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            totals.append(total.item())
    assert sum(totals[-6:]) < 0.8 * sum(totals[:6])


@pytest.mark.parametrize("stage", [1, 2])
def test_classification_total_reaches_every_weight(tiny: Make, stage: int) -> None:
    task = make_task(tiny(stage, *CLASSIFICATION, "DATA.TRAIN_BATCHSIZE=40"))
    for module in task.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # timm starts some at zero, which stops gradients
            torch.nn.init.ones_(module.weight)
    first_losses(task)[1]["total"].backward()
    assert [name for name, weight in task.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_region_branch_without_a_learning_rate_is_frozen(tiny: Make) -> None:
    task = make_task(tiny(2, *CLASSIFICATION, "SOLVER.BASE_LR_SLOW=0"))
    model = task.model
    before = {name: tensor.clone() for name, tensor in model.region.state_dict().items()}
    _, losses = first_losses(task)
    assert set(losses) == {"total", "patch"}
    losses["total"].backward()
    assert all(weight.grad is None for weight in model.region.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.region.state_dict().items())
    assert model.patch
    assert model.patch.fc.weight.grad is not None and model.patch.fc.weight.grad.any()


def test_patch_branch_gets_the_same_number_of_crops_in_every_batch(tiny: Make) -> None:
    task = make_task(tiny(2, *CLASSIFICATION, "SOLVER.BASE_LR_SLOW=0", "DATA.TRAIN_BATCHSIZE=16"))
    counts: list[int] = []
    assert task.model.patch
    task.model.patch.fc.register_forward_hook(lambda _module, _inputs, output: counts.append(len(output)))
    for batch in task.epoch(0, 0):
        task.train()(batch)
        assert (batch.values >= 0).sum() > 24
    assert counts == [24] * task.length


def test_presence_loss_reaches_the_presence_head_only(tiny: Make) -> None:
    task = make_task(tiny(1, *CLASSIFICATION))
    first_losses(task)[1]["presence"].backward()
    reached = {name for name, weight in task.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert reached
    assert all(name.startswith("model.region.applicability.") for name in reached)


def test_hybrid_in_bf16_has_finite_gradients_in_its_stem(tiny: Make) -> None:
    lite = "tf_efficientnet_lite0"
    task = make_task(
        tiny(
            2, *CLASSIFICATION, f"MODEL.GLOBAL.BACKBONE.NAME={lite}", "MODEL.GLOBAL.BACKBONE.EMBED_SIZE=320",
            "MODEL.EMBED_SIZE=320", f"MODEL.TRANSFORMER.STEM={lite}", "INPUT.LOCAL_SIZE=64",
            "DATA.TRAIN_BATCHSIZE=4",
        ),
        context=DistributedContext(torch.device("cpu"), bf16=True),
    )  # fmt: skip
    task.context.prepare(task.model)
    first_losses(task)[1]["total"].backward()
    assert task.model.patch
    embed = task.model.patch.vit.patch_embed
    assert embed.trunk.conv_stem.weight.grad.isfinite().all()
    assert embed.trunk.conv_stem.weight.grad.any()
    assert embed.trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 320, 4, 4)


def test_presence_loss_ignores_unknown_presence() -> None:
    logits = torch.tensor([[3.0, -3.0], [0.0, 50.0]], requires_grad=True)
    presence = torch.tensor([[1.0, 0.0], [1.0, torch.nan]])
    expected = torch.nn.functional.softplus(torch.tensor([-3.0, -3.0, 0.0])).mean()
    torch.testing.assert_close(presence_loss(logits, presence), expected)
    all_unknown = presence_loss(logits, torch.full((2, 2), torch.nan))
    all_unknown.backward()
    assert all_unknown.item() == 0
    assert logits.grad is not None and not logits.grad.any()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.sampled_from([0.0, 0.4, 1.0]))
def test_balanced_weights_favour_rare_values_and_average_one(counts: list[int], power: float) -> None:
    frequency = torch.tensor(counts, dtype=torch.float32)
    weight = balanced_weights(frequency, power)
    assert weight.isfinite().all()
    order = frequency.argsort()
    assert (weight[order].diff() <= 1e-6).all()
    if frequency.sum():
        assert (frequency * weight).sum() / frequency.sum() == pytest.approx(1, abs=1e-4)
        assert weight.max() <= weight[frequency > 0].max() * MAX_VALUE_WEIGHT + 1e-4
    if power == 0:
        torch.testing.assert_close(weight, torch.ones_like(weight))


def test_augment_gives_similar_but_different_images_from_a_seed() -> None:
    pixels = torch.zeros(16, 3, 80, 80, dtype=torch.uint8)
    pixels[:, :, 30:50, 30:50] = 255
    torch.manual_seed(0)
    images, _ = augment(pixels, 64)
    assert images.shape == (16, 3, 64, 64)
    assert images.min() >= 0
    assert images.max() <= 1
    brighter = images[:, :, 28:36, 28:36].mean(dim=(1, 2, 3)) > images[:, :, :8, :8].mean(dim=(1, 2, 3)) + 0.1
    assert brighter.float().mean() > 0.7, "the middle stays the middle"
    assert len({bytes(image.numpy().tobytes()) for image in images}) == 16
    torch.manual_seed(0)
    assert torch.equal(images, augment(pixels, 64)[0])


def test_augment_log_aspect_is_how_much_an_image_was_stretched() -> None:
    pixels = torch.zeros(64, 3, 120, 120, dtype=torch.uint8)
    pixels[:, :, 40:80, 40:80] = 255
    torch.manual_seed(0)
    images, log_aspect = augment(pixels, 120, aspect_jitter=0.3)
    bright = images.mean(dim=1) > images.mean(dim=(1, 2, 3))[:, None, None] + 0.2
    y, x = torch.meshgrid(torch.arange(120.0), torch.arange(120.0), indexing="ij")
    spread = torch.stack([torch.stack([y[mask].std(), x[mask].std()]) for mask in bright])
    measured = (spread[:, 0] / spread[:, 1]).log()
    assert log_aspect.std() == pytest.approx(0.3, abs=0.06)
    assert (log_aspect - measured).abs().median() < 0.06, "of most: some lose a part of the square"


def test_tall_frame_trains_like_the_square_one(tiny: Make) -> None:
    settings = (*CLASSIFICATION, "INPUT.GLOBAL_SIZE=48", "INPUT.TALL_SIZE=64", "SOLVER.BASE_LR_SLOW=1e-4")
    task = make_task(tiny(2, *settings))
    shown: list[tuple[int, ...]] = []
    task.model.region.trunk.register_forward_hook(lambda _module, inputs, _output: shown.append(tuple(inputs[0].shape)))
    batch = next(task.epoch(0, 0))
    tall = torch.arange(len(batch.pixels)) % 4 == 0
    task.train()(batch._replace(tall=tall))["total"].backward()
    assert shown == [(6, 3, 48, 48), (2, 3, 64, 32)]
    assert all(weight.grad is not None for weight in task.parameters())


@pytest.mark.parametrize("stages", [1, 3])
def test_frozen_stages_keep_their_weights_and_all_batch_statistics(tiny: Make, stages: int) -> None:
    lite = ("MODEL.GLOBAL.BACKBONE.NAME=tf_efficientnet_lite0", "MODEL.GLOBAL.BACKBONE.EMBED_SIZE=320")
    task = make_task(tiny(1, *CLASSIFICATION, *lite, "MODEL.EMBED_SIZE=320", f"SOLVER.FROZEN_STAGES={stages}"))
    trunk = task.model.region.trunk
    before = {name: buffer.clone() for name, buffer in trunk.named_buffers()}
    first_losses(task)[1]["total"].backward()
    assert all(torch.equal(buffer, before[name]) for name, buffer in trunk.named_buffers())
    frozen = {name for name, weight in trunk.named_parameters() if weight.grad is None}
    assert {name.split(".")[1] for name in frozen if name.startswith("blocks.")} == set(map(str, range(stages)))
    assert "conv_stem.weight" in frozen and "blocks.6.0.conv_pw.weight" not in frozen
    with pytest.raises(ConfigError, match="FROZEN_STAGES"):
        make_task(tiny(1, *CLASSIFICATION, f"SOLVER.FROZEN_STAGES={stages}"))  # a ResNet


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(-8, 8)), min_size=1, max_size=8),
    st.integers(min_value=6, max_value=9),
)
def test_ordinal_targets_of_a_longer_image_favour_longer_values(pairs: list[tuple[int, float]], number: int) -> None:
    values, longer = torch.tensor([v for v, _ in pairs]), torch.tensor([by for _, by in pairs])
    probability = ordinal_targets(values, longer, number)
    torch.testing.assert_close(probability.sum(dim=1), torch.ones(len(pairs)))
    hidden = values == 0
    assert (probability[hidden, 0] == 1).all(), "an invisible part has no length"
    assert (probability[~hidden, 0] == 0).all()
    shown = (values + longer).clamp(1, number - 1)
    assert ((probability.argmax(dim=1) - shown).abs()[~hidden] <= 0.5 + 1e-4).all()


def test_value_loss_of_a_taller_image_expects_longer_lengths_only(tiny: Make) -> None:
    task = make_task(tiny(1, *CLASSIFICATION, "SOLVER.LENGTHS=[pant_length]", "SOLVER.ORDINAL=[sleeve_length]"))
    region, taller = task.model.region, torch.tensor([1.0])
    assert region.values
    for attribute in (3, 1):  # trousers, sleeves
        feature = torch.zeros(1, 8, region.values.vectors[3].shape[1])
        feature[0, attribute] = region.values.vectors[attribute][3]
        values = torch.full((1, 8), -1)
        values[0, attribute] = 2
        plain, stretched = (task._value_loss(region, feature, values, by) for by in (0 * taller, taller))
        if attribute == 3:
            assert stretched < 0.5 * plain, "trousers of value 2, stretched by one value, look like value 3"
        else:
            assert stretched == plain


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("SOLVER.LOSS=classification",), r"MODEL\.PROTOTYPES\.ENABLE"),
        (("MODEL.PROTOTYPES.ENABLE=true",), r"MODEL\.PROTOTYPES\.ENABLE"),
        ((*CLASSIFICATION, "SOLVER.LENGTHS=[skirt_length, hem]"), '"hem" is not an attribute'),
        (("INPUT.RESIZE_MODE=pad", "INPUT.TALL_SIZE=64"), "TALL_SIZE"),
    ],
)
def test_require_trainable_refuses_settings_that_do_not_fit(
    tiny: Make, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        require_trainable(tiny(1, *settings))
