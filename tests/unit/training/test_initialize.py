from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch

from rpf.config import Config
from rpf.errors import CheckpointError, ConfigError
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.training.initialize import begin, best_of_stage_one

Make = Callable[..., Config]


def test_stage_one_begins_with_the_published_trunk(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    published = timm.create_model("resnet18")
    torch.save(published.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    model = begin(tiny(1), tmp_path)
    assert torch.equal(model.region.trunk.layer3[0].conv1.weight, published.layer3[0].conv1.weight)
    begun = begin(tiny(1), tmp_path, from_scratch=True).region.trunk
    assert not torch.equal(begun.layer3[0].conv1.weight, published.layer3[0].conv1.weight)


def test_starting_weights_that_cannot_be_had(tiny: Make, tmp_path: Path) -> None:
    (tmp_path / "resnet18-f37072fd.pth").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match=r"resnet18-f37072fd\.pth .*put that file there, or .*--from-scratch"):
        begin(tiny(1), tmp_path)


def test_stage_two_begins_with_the_best_of_stage_one(tiny: Make, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = RPF(tiny(1))
    expected = tmp_path / "Wardrobe_s1" / "model_best.safetensors"
    assert best_of_stage_one(tiny(2)) == expected
    with pytest.raises(CheckpointError, match=r"Wardrobe_s1/model_best\.safetensors: no such checkpoint; .*--stage1"):
        begin(tiny(2), tmp_path, from_scratch=True)
    checkpoint.save(first, expected)
    model = begin(tiny(2), tmp_path, from_scratch=True)
    assert model.patch is not None
    for name, weight in first.region.state_dict().items():
        assert torch.equal(weight, model.region.state_dict()[name]), name
    with pytest.raises(ConfigError, match="--stage1"):
        begin(tiny(2, "NAME=second"), tmp_path, from_scratch=True)
    begin(tiny(2, "NAME=second"), tmp_path, expected, from_scratch=True)


def test_stage_one_must_fit(tiny: Make, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    checkpoint.save(RPF(tiny(1, "MODEL.ATTRIBUTE.EMBED_SIZE=16")), file)
    with pytest.raises(CheckpointError, match="other sizes"):
        begin(tiny(2), tmp_path, file, from_scratch=True)
    names = "[a, b, c, d, e, f, g, h]"
    checkpoint.save(RPF(tiny(1, f"DATA.ATTRIBUTES.NAME={names}")), file)
    with pytest.raises(CheckpointError, match="other attributes"):
        begin(tiny(2), tmp_path, file, from_scratch=True)
