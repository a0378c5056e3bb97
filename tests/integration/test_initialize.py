from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch

from rpf.config import Config
from rpf.errors import CheckpointError, ConfigError
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.training.initialize import best_of_stage_one, initialize_model

Make = Callable[..., Config]


def test_stage_one_starts_with_the_pretrained_backbone(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    published = timm.create_model("resnet18")
    torch.save(published.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    model = initialize_model(tiny(1), tmp_path)
    assert torch.equal(model.region.trunk.layer3[0].conv1.weight, published.layer3[0].conv1.weight)
    random = initialize_model(tiny(1), tmp_path, from_scratch=True).region.trunk
    assert not torch.equal(random.layer3[0].conv1.weight, published.layer3[0].conv1.weight)


def test_unreadable_pretrained_weights_name_the_file_and_the_option(tiny: Make, tmp_path: Path) -> None:
    (tmp_path / "resnet18-f37072fd.pth").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"resnet18-f37072fd\.pth .*put that file there, or .*--from-scratch"):
        initialize_model(tiny(1), tmp_path)


def test_stage_two_starts_with_the_best_of_stage_one(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = RPF(tiny(1))
    expected = tmp_path / "Wardrobe_s1" / "model_best.safetensors"
    assert best_of_stage_one(tiny(2)) == expected
    with pytest.raises(CheckpointError, match=r"Wardrobe_s1/model_best\.safetensors: no such checkpoint; .*--stage1"):
        initialize_model(tiny(2), tmp_path, from_scratch=True)
    checkpoint.save(first, expected)
    model = initialize_model(tiny(2), tmp_path, from_scratch=True)
    assert model.patch is not None
    for name, weight in first.region.state_dict().items():
        assert torch.equal(weight, model.region.state_dict()[name]), name
    with pytest.raises(ConfigError, match="--stage1"):
        initialize_model(tiny(2, "NAME=second"), tmp_path, from_scratch=True)
    initialize_model(tiny(2, "NAME=second"), tmp_path, expected, from_scratch=True)


def test_start_replaces_the_pretrained_weights(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    start, stage_one = tmp_path / "start.safetensors", tmp_path / "one.safetensors"
    old, first = RPF(tiny(2)), RPF(tiny(1))
    checkpoint.save(old, start)
    checkpoint.save(first, stage_one)

    def same(one: torch.nn.Module | None, other: torch.nn.Module | None) -> bool:
        assert one and other
        return all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )

    model = initialize_model(tiny(1), tmp_path, start=start)
    assert same(model.region, old.region) and model.patch is None
    model = initialize_model(tiny(2), tmp_path, stage_one, start)
    assert same(model.region, first.region) and same(model.patch, old.patch)
    with pytest.raises(CheckpointError, match=r"one\.safetensors has no patch branch"):
        initialize_model(tiny(2), tmp_path, stage_one, stage_one)


def test_stage_one_checkpoint_of_other_sizes_or_attributes_is_refused(tiny: Make, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    checkpoint.save(RPF(tiny(1, "MODEL.ATTRIBUTE.EMBED_SIZE=16")), file)
    with pytest.raises(CheckpointError, match="other sizes"):
        initialize_model(tiny(2), tmp_path, file, from_scratch=True)
    names = "[a, b, c, d, e, f, g, h]"
    checkpoint.save(RPF(tiny(1, f"DATA.ATTRIBUTES.NAME={names}")), file)
    with pytest.raises(CheckpointError, match="other attributes"):
        initialize_model(tiny(2), tmp_path, file, from_scratch=True)
