from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from rpf import config
from rpf.errors import ConfigError
from rpf.models import checkpoint
from rpf.models.backbone import Backbone
from rpf.models.patch_branch import PatchBranch
from rpf.models.preprocessing import pad_square
from rpf.models.prototypes import ClassPrototypes
from rpf.models.region_branch import RegionBranch
from rpf.models.rpf import RPF
from tests.support import ROOT

FASHIONAI = ROOT / "config/FashionAI/FashionAI.yaml"


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> RPF:
    return checkpoint.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def images(wardrobe: dict[Path, dict[str, int]]) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in list(wardrobe)[:5]]


def test_embed_of_a_batch_equals_one_by_one(model: RPF, images: list[Image.Image]) -> None:
    together = model.embed(images)
    for row, image in enumerate(images):
        alone = model.embed([image])
        np.testing.assert_array_equal(alone.box[0], together.box[row])
        np.testing.assert_allclose(alone.embedding[0], together.embedding[row], atol=1e-5)


def test_embed_encodes_equal_crops_once(images: list[Image.Image], model: RPF, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    original = PatchBranch.encode
    monkeypatch.setattr(
        PatchBranch,
        "encode",
        lambda self, crops: encoded.append(len(crops)) or original(self, crops),  # type: ignore[func-returns-value]
    )
    boxes = model.embed(images).box
    distinct = sum(len({tuple(box) for box in image_boxes}) for image_boxes in boxes.tolist())
    assert sum(encoded) == distinct


def test_shipped_configs_have_their_embedding_dimensions() -> None:
    with torch.device("meta"):
        small = RPF(config.load([FASHIONAI, ROOT / "config/rpf-small.yaml"]))
        base = RPF(config.load([FASHIONAI, ROOT / "config/rpf-base.yaml"]))
    assert (small.dim, base.dim) == (704, 2048)
    assert sum(weight.numel() for weight in small.parameters()) < 20e6, "40 MB at 16 bits"


def test_overlap_split_gives_overlapping_patches() -> None:
    sizes = ["MODEL.TRANSFORMER.ENABLE=true", "MODEL.TRANSFORMER.SPLIT=overlap", "INPUT.LOCAL_SIZE=64"]
    with torch.device("meta"):
        model = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], sizes))
    assert model.patch
    assert model.patch.vit.pos_embed.shape[1] == 1 + 5 * 5
    assert model.patch.encode(torch.rand(2, 3, 64, 64, device="meta")).shape == (2, 25, 256)


def test_region_branch_alone_embeds_without_patch_features(images: list[Image.Image]) -> None:
    torch.manual_seed(0)
    model = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], ["MODEL.TRANSFORMER.ENABLE=false"])).eval()
    output = model.embed(images[:1])
    assert output.patch is None
    assert output.embedding.shape == (1, 8, 256)


@pytest.mark.parametrize(
    "setting",
    [
        "MODEL.GLOBAL.BACKBONE.NAME=vgg16",
        "MODEL.EMBED_SIZE=100",
        "INPUT.LOCAL_SIZE=130",
        "MODEL.TRANSFORMER.NUM_HEADS=5",
    ],
)
def test_sizes_that_do_not_fit_are_a_config_error(setting: str) -> None:
    with pytest.raises(ConfigError):
        RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], [setting]))


def test_pad_mode_sees_the_whole_image(images: list[Image.Image]) -> None:
    torch.manual_seed(0)
    sizes = ["MODEL.TRANSFORMER.ENABLE=false", "INPUT.GLOBAL_SIZE=96"]
    padding = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], [*sizes, "INPUT.RESIZE_MODE=pad"])).eval()
    wide, tall = images[0].resize((300, 100)), images[1].resize((90, 210))
    output = padding.embed([wide, tall, images[2]])
    for image, boxes in zip((wide, tall, images[2]), output.box, strict=True):
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= image.size).all()
        assert (boxes[:, :2] < boxes[:, 2:]).all()
    square, offset = pad_square(wide)
    assert (square.size, offset) == ((300, 300), (0, 100))
    np.testing.assert_array_equal(padding.embed([square]).embedding[0], padding.embed([wide]).embedding[0])
    cropping = RPF(
        padding.config.model_copy(update={"INPUT": padding.config.INPUT.model_copy(update={"RESIZE_MODE": "crop"})})
    )
    cropping.load_state_dict(padding.state_dict())
    ends = wide.copy()
    ends.paste((255, 0, 0), (0, 0, 60, 100))
    for model, differ in ((padding, True), (cropping.eval(), False)):
        one, other = model.embed([wide]).embedding, model.embed([ends]).embedding
        assert np.array_equal(one, other) != differ


@pytest.mark.parametrize("with_crops", ["false", "true"])
def test_tall_frame_shows_narrow_images_larger(images: list[Image.Image], with_crops: str) -> None:
    torch.manual_seed(0)
    settings = [
        f"MODEL.TRANSFORMER.ENABLE={with_crops}", "INPUT.RESIZE_MODE=pad", "INPUT.GLOBAL_SIZE=80", "INPUT.TALL_SIZE=128"
    ]  # fmt: skip
    model = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], settings)).eval()
    shapes: list[tuple[int, ...]] = []
    model.region.trunk.register_forward_hook(lambda _module, inputs, _output: shapes.append(tuple(inputs[0].shape)))
    tall, narrow, square = images[0].resize((70, 210)), images[1].resize((100, 130)), images[2].resize((100, 120))
    together = model.embed([tall, square, narrow])
    assert shapes == [(1, 3, 80, 80), (2, 3, 128, 64)]
    np.testing.assert_allclose(together.attention.sum(axis=(2, 3)), 1, atol=1e-5)
    assert not together.attention[0, :, :, 0].any(), "beside the tall frame nothing is seen"
    for row, image in enumerate((tall, square, narrow)):
        alone = model.embed([image])
        np.testing.assert_allclose(alone.embedding[0], together.embedding[row], atol=1e-5)
        np.testing.assert_array_equal(alone.box[0], together.box[row])
        assert (alone.box[0, :, :2] >= 0).all() and (alone.box[0, :, 2:] <= image.size).all()


def test_prototypes_move_features_towards_their_values() -> None:
    torch.manual_seed(0)
    settings = ["MODEL.PROTOTYPES.ENABLE=true", "MODEL.TRANSFORMER.ENABLE=false"]
    prototypes = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], settings)).region.values
    assert prototypes
    sleeves = F.normalize(prototypes.vectors[1].detach(), dim=-1)  # (9, E): sleeve lengths
    features = torch.zeros(3, 8, 256)
    features[:, 1] = torch.stack(
        [sleeves[2] + 0.3 * sleeves[7], sleeves[2] - 0.3 * sleeves[7], sleeves[2] + sleeves[7]]
    )
    with torch.no_grad():
        out = prototypes.embed(features)[:, 1]
        before = F.normalize(features[:, 1], dim=-1)
    torch.testing.assert_close(out.norm(dim=-1), torch.ones(3))
    assert out[0] @ out[1] > before[0] @ before[1], "both show value 2 most"
    assert (out @ sleeves[2]).min() > 0.5
    assert out[2] @ sleeves[2] == pytest.approx(float(out[2] @ sleeves[7]), abs=0.05), "undecided lies between"
    assert prototypes.logits(features[:, 1], 1).argmax(dim=-1)[:2].tolist() == [2, 2]


def test_presence_head_leaves_the_embedding_as_it_is(images: list[Image.Image]) -> None:
    torch.manual_seed(0)
    plain = RPF(config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"])).eval()
    with_presence = RPF(
        config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], ["MODEL.PRESENCE.ENABLE=true"])
    ).eval()
    with_presence.load_state_dict(plain.state_dict(), strict=False)
    one, other = plain.embed(images), with_presence.embed(images)
    assert one.presence is None
    assert other.presence is not None
    assert other.presence.shape == (5, 8)
    assert ((other.presence > 0) & (other.presence < 1)).all()
    np.testing.assert_array_equal(one.embedding, other.embedding)


def test_presence_of_a_part_does_not_depend_on_the_other_wanted_attributes() -> None:
    torch.manual_seed(0)
    branch = RegionBranch(
        config.load([FASHIONAI, ROOT / "tests/support/plain.yaml"], ["MODEL.PRESENCE.ENABLE=true"])
    ).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        every, one = (branch(images, torch.tensor([wanted] * 2)).presence_logits for wanted in (list(range(8)), [4]))
    torch.testing.assert_close(one, every[:, 4:5])
    assert (every[0] != every[1]).all()


def test_backbone_has_stride_16_and_refuses_unknown_names() -> None:
    backbone = Backbone("tf_efficientnet_lite0").eval()
    with torch.no_grad():
        assert backbone(torch.zeros(1, 3, 96, 64)).shape == (1, backbone.channels, 6, 4)
    for name in ("vgg16", "resnet1000", "tf_efficientnet_lite9"):
        with pytest.raises(ConfigError, match=name):
            Backbone(name)


def test_prototypes_move_each_attribute_towards_its_own_values() -> None:
    names = [FASHIONAI, ROOT / "config/rpf-small.yaml"]
    prototypes = ClassPrototypes(config.load(names))
    feature = torch.randn(3, len(prototypes.vectors), 352)
    feature[1, 2] = torch.nan  # not wanted
    embedding, unit = prototypes.embed(feature), F.normalize(feature, dim=-1)
    for attribute, vectors in enumerate(prototypes.vectors):
        shares = prototypes.logits(unit[:, attribute], attribute).softmax(dim=-1)
        expected = F.normalize(prototypes.share * unit[:, attribute] + shares @ F.normalize(vectors, dim=-1), dim=-1)
        torch.testing.assert_close(embedding[:, attribute], expected, equal_nan=True)
