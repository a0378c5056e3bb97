"""The default model's way to learn: batches, losses, and what they reach."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rpf.config import Config
from rpf.datasets.annotations import read_parts, read_split
from rpf.datasets.image_tensors import CROP_SIDE, Pictures, read_pictures
from rpf.errors import ConfigError
from rpf.images.decode import centre_square, open_image, pad_square
from rpf.models.rpf import RPF
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.build import read_course
from rpf.training.tasks.classification import (
    MOST_WEIGHT,
    Batch,
    ValueCourse,
    balanced_weight,
    presence_loss,
    stretched_lengths,
)
from tests.support.training_data import VALUES

Make = Callable[..., Config]
FLOAT32 = DistributedContext(torch.device("cpu"))


def make(config: Config, drawn: Path | None = None, hardware: DistributedContext = FLOAT32) -> ValueCourse:
    torch.manual_seed(0)
    pictures = read_pictures(config, config.DATA.folder)
    return ValueCourse(RPF(config), pictures, read_pictures(config, drawn) if drawn else None, hardware)


def losses(course: ValueCourse) -> tuple[Batch, dict[str, Tensor]]:
    batch = next(course.epoch(0, 0))
    torch.manual_seed(1)
    return batch, course.step.train()(batch)


def test_pictures_are_read_with_all_that_is_known(tiny: Make) -> None:
    config = tiny(2, *VALUES)
    folder, names = config.DATA.folder, config.DATA.ATTRIBUTES.NAME
    read = read_pictures(config, folder)
    items, parts = read_split(folder, config.DATA, "train"), read_parts(folder, config.DATA, "train")
    assert read.pixels.shape == (len(items), 3, CROP_SIDE, CROP_SIDE)
    square, _ = pad_square(open_image(read.paths[5]))
    assert (read.pixels[5].permute(1, 2, 0).numpy() == centre_square(square, CROP_SIDE)).all()
    for row, (item, known) in enumerate(zip(items, parts, strict=True)):
        for column, name in enumerate(names):
            assert read.values[row, column] == item.labels.get(name, -1)
            assert bool(read.present[row, column].isnan()) == (name not in known)
            assert name not in known or bool(read.present[row, column]) == known[name]
    assert (read.present == 0).any()
    assert read_pictures(tiny(1, *VALUES), folder).pixels.shape[-1] == 60, "a quarter more than the model sees"


def test_an_epoch_shows_every_picture_once_and_a_share_of_the_extra_ones(tiny: Make, drawn: Path) -> None:
    course = make(tiny(1, *VALUES, "DATA.EXTRA_SHARE=0.25"), drawn / "wardrobe")
    course.extra = Pictures(course.extra.paths, course.extra.pixels, course.extra.values + 100, course.extra.present)
    batches = list(course.epoch(0, 0))
    assert len(batches) == course.length == 48 // 6
    assert all(len(batch.pixels) == 8 and (batch.values.amax(1) >= 99).sum() == 2 for batch in batches)
    own = torch.cat([batch.pixels[batch.values.amax(1) < 99] for batch in batches])
    assert {bytes(picture) for picture in own.numpy()} == {bytes(one) for one in course.pictures.pixels.numpy()}
    same, other = list(course.epoch(0, 0)), list(course.epoch(0, 1))
    assert torch.equal(batches[2].pixels, same[2].pixels)
    assert not torch.equal(batches[2].pixels, other[2].pixels)


def test_it_learns(tiny: Make) -> None:
    course = make(tiny(1, *VALUES))
    optimizer = torch.optim.AdamW(course.step.parameters(), 1e-3)
    totals = []
    for epoch in range(6):
        for batch in course.epoch(0, epoch):
            total = course.step.train()(batch)["total"]
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            totals.append(total.item())
    assert sum(totals[-6:]) < 0.8 * sum(totals[:6])


@pytest.mark.parametrize("stage", [1, 2])
def test_every_weight_learns(tiny: Make, stage: int) -> None:
    course = make(tiny(stage, *VALUES, "DATA.TRAIN_BATCHSIZE=40"))
    for module in course.step.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # timm begins some at zero, which hides what lies before them
            torch.nn.init.ones_(module.weight)
    losses(course)[1]["total"].backward()
    assert [name for name, own in course.step.named_parameters() if own.grad is None or not own.grad.any()] == []


def test_a_region_branch_without_a_learning_rate_stays_as_it_is(tiny: Make) -> None:
    course = make(tiny(2, *VALUES, "SOLVER.BASE_LR_SLOW=0"))
    model = course.step.model
    before = {name: tensor.clone() for name, tensor in model.region.state_dict().items()}
    _, found = losses(course)
    assert set(found) == {"total", "patch"}
    found["total"].backward()
    assert all(weight.grad is None for weight in model.region.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.region.state_dict().items())
    assert model.patch.fc.weight.grad.any()


def test_the_patch_branch_learns_from_as_many_crops_in_every_batch(tiny: Make) -> None:
    course = make(tiny(2, *VALUES, "SOLVER.BASE_LR_SLOW=0", "DATA.TRAIN_BATCHSIZE=16"))
    seen: list[int] = []
    course.step.model.patch.fc.register_forward_hook(lambda _module, _inputs, output: seen.append(len(output)))
    for batch in course.epoch(0, 0):
        course.step.train()(batch)
        assert (batch.values >= 0).sum() > 24
    assert seen == [24] * course.length


def test_applicability_does_not_reach_the_embedding(tiny: Make) -> None:
    course = make(tiny(1, *VALUES))
    losses(course)[1]["applicability"].backward()
    reached = {name for name, own in course.step.named_parameters() if own.grad is not None and own.grad.any()}
    assert reached
    assert all(name.startswith("model.region.applicability.") for name in reached)


def test_a_hybrid_learns_too(tiny: Make) -> None:
    lite = "tf_efficientnet_lite0"
    course = make(
        tiny(
            2, *VALUES, f"MODEL.GLOBAL.BACKBONE.NAME={lite}", "MODEL.GLOBAL.BACKBONE.EMBED_SIZE=320",
            "MODEL.EMBED_SIZE=320", f"MODEL.TRANSFORMER.STEM={lite}", "INPUT.LOCAL_SIZE=64",
        ),
        hardware=DistributedContext(torch.device("cpu"), bf16=True),
    )  # fmt: skip
    course.hardware.prepare(course.step.model)
    losses(course)[1]["total"].backward()
    embed = course.step.model.patch.vit.patch_embed
    assert embed.trunk.conv_stem.weight.grad.isfinite().all()
    assert embed.trunk.conv_stem.weight.grad.any()
    assert embed.trunk(torch.zeros(1, 3, 64, 64)).shape == (1, 320, 4, 4)


def test_unknown_presence_does_not_count() -> None:
    logits = torch.tensor([[3.0, -3.0], [0.0, 50.0]], requires_grad=True)
    present = torch.tensor([[1.0, 0.0], [1.0, torch.nan]])
    expected = torch.nn.functional.softplus(torch.tensor([-3.0, -3.0, 0.0])).mean()
    torch.testing.assert_close(presence_loss(logits, present), expected)
    nothing = presence_loss(logits, torch.full((2, 2), torch.nan))
    nothing.backward()
    assert nothing.item() == 0
    assert not logits.grad.any()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12), st.sampled_from([0.0, 0.4, 1.0]))
def test_rare_values_weigh_more_and_the_average_picture_one(seen: list[int], power: float) -> None:
    counts = torch.tensor(seen, dtype=torch.float32)
    weight = balanced_weight(counts, power)
    assert weight.isfinite().all()
    order = counts.argsort()
    assert (weight[order].diff() <= 1e-6).all()
    if counts.sum():
        assert (counts * weight).sum() / counts.sum() == pytest.approx(1, abs=1e-4)
        assert weight.max() <= weight[counts > 0].max() * MOST_WEIGHT + 1e-4
    if power == 0:
        torch.testing.assert_close(weight, torch.ones_like(weight))


def test_augmented_pictures_are_alike_but_not_the_same() -> None:
    pixels = torch.zeros(16, 3, 80, 80, dtype=torch.uint8)
    pixels[:, :, 30:50, 30:50] = 255
    torch.manual_seed(0)
    images = augment(pixels, 64).images
    assert images.shape == (16, 3, 64, 64)
    assert images.min() >= 0
    assert images.max() <= 1
    brighter = images[:, :, 28:36, 28:36].mean(dim=(1, 2, 3)) > images[:, :, :8, :8].mean(dim=(1, 2, 3)) + 0.1
    assert brighter.float().mean() > 0.7, "the middle stays the middle"
    assert len({bytes(image.numpy().tobytes()) for image in images}) == 16
    torch.manual_seed(0)
    assert torch.equal(images, augment(pixels, 64).images)


def test_a_picture_is_stretched_by_what_is_said_of_it() -> None:
    pixels = torch.zeros(64, 3, 120, 120, dtype=torch.uint8)
    pixels[:, :, 40:80, 40:80] = 255
    torch.manual_seed(0)
    images, taller = augment(pixels, 120, stretch=0.3)
    bright = images.mean(dim=1) > images.mean(dim=(1, 2, 3))[:, None, None] + 0.2
    y, x = torch.meshgrid(torch.arange(120.0), torch.arange(120.0), indexing="ij")
    spread = torch.stack([torch.stack([y[seen].std(), x[seen].std()]) for seen in bright])
    found = (spread[:, 0] / spread[:, 1]).log()
    assert taller.std() == pytest.approx(0.3, abs=0.06)
    assert (taller - found).abs().median() < 0.06, "of most: some lose a part of the square"


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(-8, 8)), min_size=1, max_size=8),
    st.integers(min_value=6, max_value=9),
)
def test_a_stretched_length_is_a_longer_one(pairs: list[tuple[int, float]], number: int) -> None:
    values, longer = torch.tensor([v for v, _ in pairs]), torch.tensor([by for _, by in pairs])
    chance = stretched_lengths(values, longer, number)
    torch.testing.assert_close(chance.sum(dim=1), torch.ones(len(pairs)))
    hidden = values == 0
    assert (chance[hidden, 0] == 1).all(), "what is not seen has no length"
    assert (chance[~hidden, 0] == 0).all()
    shown = (values + longer).clamp(1, number - 1)
    assert ((chance.argmax(dim=1) - shown).abs()[~hidden] <= 0.5 + 1e-4).all()


def test_lengths_are_attributes(tiny: Make) -> None:
    settings = ("SOLVER.LOSS=values", "MODEL.VALUES.ENABLE=true", "SOLVER.LENGTHS=[skirt_length, hem]")
    with pytest.raises(ConfigError, match="hem is not an attribute"):
        read_course(tiny(1, *settings))


def test_a_taller_picture_teaches_longer_lengths_and_nothing_else(tiny: Make) -> None:
    course = make(tiny(1, *VALUES, "SOLVER.LENGTHS=[pant_length]", "SOLVER.LENGTH_STEP=0.2"))
    region, taller = course.step.model.region, torch.tensor([0.2])
    for attribute in (3, 1):  # trousers, sleeves
        looks = torch.zeros(1, 8, region.values.vectors[3].shape[1])
        looks[0, attribute] = region.values.vectors[attribute][3]
        values = torch.full((1, 8), -1)
        values[0, attribute] = 2
        as_is, stretched = (course.step._value_loss(region, looks, values, by) for by in (0 * taller, taller))
        if attribute == 3:
            assert stretched < 0.5 * as_is, "trousers of value 2, stretched by one value, look like value 3"
        else:
            assert stretched == as_is


def test_the_loss_and_the_model_must_agree(tiny: Make) -> None:
    for settings in (["SOLVER.LOSS=values"], ["MODEL.VALUES.ENABLE=true"]):
        with pytest.raises(ConfigError, match="belong together"):
            read_course(tiny(1, *settings))
    with pytest.raises(ConfigError, match=r"INPUT\.SQUARE"):
        read_course(tiny(1, "INPUT.SQUARE=pad"))
