"""Starting weights for training: published backbones, from files in `pretrained/` or by timm's own download."""

from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from rpf.errors import CheckpointError
from rpf.model.rpf import RPF

RESNET_FILES = {"resnet50": "resnet50-19c8e357.pth", "resnet18": "resnet18-f37072fd.pth"}  # torchvision's names
VIT_FILE = "imagenet21k_ViT-B_16.npz"  # Google's name
VIT_MODEL = "vit_base_patch16_224.orig_in21k"  # the same file, in timm's hub


@torch.no_grad()
def start_trunk(model: RPF, folder: Path) -> None:
    """Give the region branch's trunk ImageNet weights. Raises CheckpointError."""
    name = model.config.MODEL.GLOBAL.BACKBONE.NAME
    file = folder / RESNET_FILES.get(name, f"{name}.pth")
    if file.is_file():
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged or hostile file makes the reader raise
            raise CheckpointError("%(file)s cannot be read safely", file=file) from error
    else:
        state = _download(f"{name}.tv_in1k", file).state_dict()
    trunk = model.region.trunk
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

    Raises CheckpointError, also when the model has no patch branch or other sizes than the file.
    """
    if model.patch is None:
        raise CheckpointError("the model has no patch branch to start (MODEL.TRANSFORMER.ENABLE)")
    vit = model.patch.vit
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
