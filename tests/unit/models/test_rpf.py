from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from rpf import config
from rpf.errors import ConfigError
from rpf.images.decode import pad_square
from rpf.models import checkpoint
from rpf.models.backbone import make_trunk
from rpf.models.patch_branch import PatchBranch
from rpf.models.region_branch import RegionBranch
from rpf.models.rpf import RPF
from tests.support import ROOT

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
    assert (small.dim, base.dim) == (704, 2048)
    assert sum(weight.numel() for weight in small.parameters()) < 20e6, "40 MB at 16 bits"


def test_overlapping_patches_share_pixels() -> None:
    sizes = ["MODEL.TRANSFORMER.ENABLE=true", "MODEL.TRANSFORMER.SPLIT=overlap", "INPUT.LOCAL_SIZE=64"]
    with torch.device("meta"):
        model = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], sizes))
    assert model.patch
    assert model.patch.vit.pos_embed.shape[1] == 1 + 5 * 5
    assert model.patch.encode(torch.rand(2, 3, 64, 64, device="meta")).shape == (2, 25, 256)


def test_the_region_branch_works_alone(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    model = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], ["MODEL.TRANSFORMER.ENABLE=false"])).eval()
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
        RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], [setting]))


def test_a_padded_square_shows_the_whole_picture(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    sizes = ["MODEL.TRANSFORMER.ENABLE=false", "INPUT.GLOBAL_SIZE=96"]
    padding = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], [*sizes, "INPUT.SQUARE=pad"])).eval()
    wide, tall = pictures[0].resize((300, 100)), pictures[1].resize((90, 210))
    seen = padding.embed([wide, tall, pictures[2]])
    for picture, boxes in zip((wide, tall, pictures[2]), seen.box, strict=True):
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= picture.size).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
    square, place = pad_square(wide)
    assert (square.size, place) == ((300, 300), (0, 100))
    np.testing.assert_array_equal(padding.embed([square]).embedding[0], padding.embed([wide]).embedding[0])
    cropping = RPF(
        padding.config.model_copy(update={"INPUT": padding.config.INPUT.model_copy(update={"SQUARE": "crop"})})
    )
    cropping.load_state_dict(padding.state_dict())
    ends = wide.copy()
    ends.paste((255, 0, 0), (0, 0, 60, 100))
    for model, differ in ((padding, True), (cropping.eval(), False)):
        one, other = model.embed([wide]).embedding, model.embed([ends]).embedding
        assert np.array_equal(one, other) != differ


def test_value_vectors_draw_features_towards_the_values_that_they_show() -> None:
    torch.manual_seed(0)
    settings = ["MODEL.VALUES.ENABLE=true", "MODEL.TRANSFORMER.ENABLE=false"]
    values = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], settings)).region.values
    assert values
    own = F.normalize(values.vectors[1].detach(), dim=-1)  # (9, E): sleeve lengths
    features = torch.zeros(3, 8, 256)
    features[:, 1] = torch.stack([own[2] + 0.3 * own[7], own[2] - 0.3 * own[7], own[2] + own[7]])
    with torch.no_grad():
        out = values.embed(features)[:, 1]
        before = F.normalize(features[:, 1], dim=-1)
    torch.testing.assert_close(out.norm(dim=-1), torch.ones(3))
    assert out[0] @ out[1] > before[0] @ before[1], "both show value 2 most"
    assert (out @ own[2]).min() > 0.5
    assert out[2] @ own[2] == pytest.approx(float(out[2] @ own[7]), abs=0.05), "undecided lies between"
    assert values.logits(features[:, 1], 1).argmax(dim=-1)[:2].tolist() == [2, 2]


def test_the_applicability_of_a_part_leaves_the_embedding(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    plain = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"])).eval()
    knowing = RPF(config.load([FASHIONAI, ROOT / "tests/plain.yaml"], ["MODEL.APPLICABILITY.ENABLE=true"])).eval()
    knowing.load_state_dict(plain.state_dict(), strict=False)
    one, other = plain.embed(pictures), knowing.embed(pictures)
    assert one.presence is None
    assert other.presence is not None
    assert other.presence.shape == (5, 8)
    assert ((other.presence > 0) & (other.presence < 1)).all()
    np.testing.assert_array_equal(one.embedding, other.embedding)


def test_what_is_known_of_a_part_does_not_depend_on_what_else_is_asked() -> None:
    torch.manual_seed(0)
    branch = RegionBranch(
        config.load([FASHIONAI, ROOT / "tests/plain.yaml"], ["MODEL.APPLICABILITY.ENABLE=true"])
    ).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        every, one = (branch(images, torch.tensor([asked] * 2)).presence for asked in (list(range(8)), [4]))
    torch.testing.assert_close(one, every[:, 4:5])
    assert (every[0] != every[1]).all()


def test_an_efficientnet_keeps_a_grid_at_stride_sixteen() -> None:
    trunk = make_trunk("tf_efficientnet_lite0").eval()
    with torch.no_grad():
        assert trunk(torch.zeros(1, 3, 96, 64)).shape == (1, trunk.channels, 6, 4)
    for name in ("vgg16", "resnet1000", "tf_efficientnet_lite9"):
        with pytest.raises(ConfigError, match=name):
            make_trunk(name)
