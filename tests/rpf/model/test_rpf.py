from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rpf import config
from rpf.errors import ConfigError
from rpf.model import checkpoint
from rpf.model.patch import PatchBranch
from rpf.model.rpf import RPF

ROOT = Path(__file__).resolve().parents[3]
FASHIONAI = ROOT / "config/FashionAI/FashionAI.yaml"


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def pictures(wardrobe: dict[Path, dict[str, int]]) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in list(wardrobe)[:5]]


def test_a_batch_equals_one_by_one(model: RPF, pictures: list[Image.Image]) -> None:
    together = model.embed(pictures)
    for row, picture in enumerate(pictures):
        alone = model.embed([picture])
        np.testing.assert_array_equal(alone.box[0], together.box[row])
        np.testing.assert_allclose(alone.embedding[0], together.embedding[row], atol=1e-5)


def test_equal_crops_are_encoded_once(pictures: list[Image.Image], model: RPF, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    original = PatchBranch.encode
    monkeypatch.setattr(
        PatchBranch,
        "encode",
        lambda self, crops: encoded.append(len(crops)) or original(self, crops),  # type: ignore[func-returns-value]
    )
    boxes = model.embed(pictures).box
    distinct = sum(len({tuple(box) for box in own}) for own in boxes.tolist())
    assert sum(encoded) == distinct


def test_the_two_sizes_have_the_numbers_they_promise() -> None:
    with torch.device("meta"):
        small = RPF(config.load([FASHIONAI, ROOT / "config/rpf-small.yaml"]))
        base = RPF(config.load([FASHIONAI, ROOT / "config/rpf-base.yaml"]))
    assert (small.dim, base.dim) == (512, 2048)
    assert small.patch
    assert 5e6 < sum(weight.numel() for weight in small.patch.vit.parameters()) < 7e6


def test_overlapping_patches_share_pixels() -> None:
    sizes = ["MODEL.TRANSFORMER.ENABLE=true", "MODEL.TRANSFORMER.SPLIT=overlap", "INPUT.LOCAL_SIZE=64"]
    with torch.device("meta"):
        model = RPF(config.load([FASHIONAI, ROOT / "config/rpf-small.yaml"], sizes))
    assert model.patch
    assert model.patch.vit.pos_embed.shape[1] == 1 + 5 * 5
    assert model.patch.encode(torch.rand(2, 3, 64, 64, device="meta")).shape == (2, 25, 256)


def test_the_region_branch_works_alone(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    model = RPF(config.load([FASHIONAI, ROOT / "config/rpf-small.yaml"], ["MODEL.TRANSFORMER.ENABLE=false"])).eval()
    seen = model.embed(pictures[:1])
    assert seen.patch is None
    assert seen.embedding.shape == (1, 8, 256)


@pytest.mark.parametrize(
    "setting",
    [
        "MODEL.GLOBAL.BACKBONE.NAME=vgg16",
        "MODEL.EMBED_SIZE=100",
        "INPUT.LOCAL_SIZE=130",
        "MODEL.TRANSFORMER.NUM_HEADS=5",
    ],
)
def test_sizes_that_do_not_fit_are_named(setting: str) -> None:
    with pytest.raises(ConfigError):
        RPF(config.load([FASHIONAI, ROOT / "config/rpf-small.yaml"], [setting]))
