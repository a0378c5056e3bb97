"""Checkpoint files: our safetensors with their config, and the authors' published `{"epoch", "mAP", "model"}`.

Neither can run code when it is loaded: safetensors, or torch.load with weights_only.
"""

import json
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rpf import config as configs
from rpf.config import Config, TransformerConfig
from rpf.errors import CheckpointError
from rpf.models.base import TwoBranchModel
from rpf.models.build import build_model
from rpf.utils.files import file_hash, write_atomic
from rpf.utils.paths import SHIPPED_FOLDER

FORMAT = "rpf-1"
CONFIGS = SHIPPED_FOLDER / "config"
# Of a published checkpoint that is given no config.
DEFAULT_CONFIGS = {
    "rpf": ("FashionAI/FashionAI.yaml", "FashionAI/s2.yaml"),
    "asen": ("asen.yaml", "FashionAI/FashionAI.yaml"),
}

StateDict = dict[str, Tensor]

# Blocks of the first three layers, whether they are bottlenecks.
RESNETS: dict[tuple[int | bool, ...], str] = {
    (2, 2, 2, False): "resnet18",
    (3, 4, 6, False): "resnet34",
    (3, 4, 6, True): "resnet50",
    (3, 4, 23, True): "resnet101",
    (3, 8, 36, True): "resnet152",
}

# The authors' prefixes of parameter names and ours. ASEN's are as RPF's where it has the same part.
_PUBLISHED = (
    (r"^choices\.global\.basenet\.", "region.trunk."),
    (r"^choices\.global\.attrnet\.attr_embedding\.", "region.attribute."),
    (r"^choices\.global\.attnnet\.attr_transform1\.", "region.query."),
    (r"^choices\.global\.attnnet\.conv\.", "region.key."),
    (r"^choices\.global\.attnnet\.feature_fc\.", "region.feature_fc."),
    (r"^choices\.global\.attnnet\.x_layer_norm\.", "region.image_norm."),
    (r"^choices\.global\.attnnet\.a_layer_norm\.", "region.attribute_norm."),
    (r"^choices\.global\.attnnet\.mlp_layer_norm\.", "region.mlp_norm."),
    (r"^choices\.global\.attnnet\.mlp\.", "region.mlp."),
    (r"^choices\.local\.basenet\.type_embed$", "patch.role"),
    (r"^choices\.local\.basenet\.embeddings\.position_embeddings$", "patch.vit.pos_embed"),
    (r"^choices\.local\.basenet\.embeddings\.cls_token$", "patch.vit.cls_token"),
    (r"^choices\.local\.basenet\.embeddings\.patch_embeddings\.", "patch.vit.patch_embed.proj."),
    (r"^choices\.local\.basenet\.encoder\.layer\.(\d+)\.attention_norm\.", r"patch.vit.blocks.\1.norm1."),
    (r"^choices\.local\.basenet\.encoder\.layer\.(\d+)\.ffn_norm\.", r"patch.vit.blocks.\1.norm2."),
    (r"^choices\.local\.basenet\.encoder\.layer\.(\d+)\.ffn\.", r"patch.vit.blocks.\1.mlp."),
    (r"^choices\.local\.basenet\.encoder\.layer\.(\d+)\.attn\.out\.", r"patch.vit.blocks.\1.attn.proj."),
    (r"^choices\.local\.basenet\.encoder\.layer\.(\d+)\.attn\.", r"patch.vit.blocks.\1.attn."),
    (r"^choices\.local\.basenet\.crossencoder\.cross_attention_norm\.", "patch.cross_norm."),
    (r"^choices\.local\.basenet\.crossencoder\.cross_attn\.", "patch.cross."),
    (r"^choices\.local\.basenet\.crossencoder\.fc\.", "patch.fc."),
    (r"^choices\.local\.basenet\.crossencoder\.ffn_norm\.", "patch.mlp_norm."),
    (r"^choices\.local\.basenet\.crossencoder\.ffn\.", "patch.mlp."),
    (r"^choices\.local\.basenet\.norm\.", "patch.norm."),
    (r"^choices\.local\.basenet\.attr2query\.", "patch.attribute_query."),
    (r"^choices\.local\.attrnet\.attr_embedding\.", "region.attribute."),  # one table under two names, as it is shared
    (r"^choices\.global\.attnnet\.attr_transform2\.", "region.channel_query."),
    (r"^choices\.global\.attnnet\.fc([12])\.", r"region.channel_fc\1."),
    (r"^choices\.local\.basenet\.(conv1|bn1|layer[123])\.", r"patch.trunk.\1."),
    (r"^choices\.local\.attnnet\.attr_transform1\.", "patch.query."),
    (r"^choices\.local\.attnnet\.conv\.", "patch.key."),
    (r"^choices\.local\.attnnet\.attr_transform2\.", "patch.channel_query."),
    (r"^choices\.local\.attnnet\.fc([12])\.", r"patch.channel_fc\1."),
    (r"^choices\.local\.attnnet\.feature_fc\.", "patch.feature_fc."),
)


def load(path: Path, config: Config | None = None) -> TwoBranchModel:
    """Load a checkpoint's model, in float32 and in evaluation mode. Raises CheckpointError.

    Our format contains its config. For the published layout, sizes come from the tensors and all else from `config`
    (of FashionAI and of the tensors' model by default).
    """
    if not path.is_file():
        raise CheckpointError("%(path)s: no such checkpoint.", path=path)
    if path.suffix == ".safetensors":
        state, config, note = _read_safetensors(path)
    else:
        state = _rename_published(_read_published(path))
        name = "asen" if "region.channel_fc1.weight" in state else "rpf"
        config = config or configs.load(CONFIGS / file for file in DEFAULT_CONFIGS[name])
        if name != config.MODEL.NAME:
            raise CheckpointError(
                "%(path)s is a checkpoint of %(name)s: give a config with MODEL.NAME: %(name)s (--cfg).",
                path=path, name=name,
            )  # fmt: skip
        config, note = _with_sizes(config, state), ""
    with torch.device("meta"), _Unfilled():  # compare shapes before anything is allocated
        model = build_model(config)
    _check_shapes(path, model.state_dict(), state)
    floats = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    model.load_state_dict(floats, assign=True)
    model.checkpoint_hash, model.note = file_hash(path), note
    return model.eval()


def save(model: TwoBranchModel, path: Path, dtype: torch.dtype = torch.float32, note: str = "") -> None:
    """Write a model in our format, atomically. dtype: of the floating-point weights."""
    state = {
        key: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for key, tensor in model.state_dict().items()
    }
    metadata = {"format": FORMAT, "config": json.dumps(model.config.model_dump(mode="json")), "note": note}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, to_bytes(state, metadata))


class _Unfilled(TorchFunctionMode):
    """Leave out what fills tensors: where they have no data, it would only load PyTorch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func.__name__
        if name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _read_safetensors(path: Path) -> tuple[StateDict, Config, str]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise CheckpointError("%(path)s is not a checkpoint of this program.", path=path)
            config = configs.from_checkpoint(metadata["config"])
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, config, metadata.get("note", "")
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CheckpointError("%(path)s cannot be read: %(why)s", path=path, why=error) from None


def _read_published(path: Path) -> StateDict:
    try:
        payload: Any = torch.load(path, map_location="cpu", weights_only=True)
        state = payload["model"]
        if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
            raise TypeError
    except (KeyError, TypeError):
        raise CheckpointError('%(path)s: expected the published layout, {"epoch", "mAP", "model"}', path=path) from None
    except pickle.UnpicklingError:  # whose message advises to load it in an unsafe way
        raise CheckpointError(
            "%(path)s cannot be read safely: it is not a PyTorch file, or holds more than weights.", path=path
        ) from None
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        why = str(error).strip().split("\n")[0]
        raise CheckpointError("%(path)s cannot be read safely: %(why)s", path=path, why=why) from None
    return dict(state)


def _rename_published(published: StateDict) -> StateDict:
    """Convert the authors' parameter names and shapes to ours."""
    state: StateDict = {}
    for key, tensor in published.items():
        for pattern, name in _PUBLISHED:
            renamed, matches = re.subn(pattern, name, key)
            if matches:
                state[renamed] = tensor
                break
        else:
            raise CheckpointError('The checkpoint has an unknown tensor "%(key)s".', key=key)
    for key in ("region.key.weight", "patch.key.weight"):
        if key in state:
            state[key] = state[key].flatten(1)  # a 1x1 convolution there
    if "patch.role" in state:
        state["patch.role"] = state["patch.role"][0]
    for key in [key for key in state if key.startswith("patch.vit.blocks.") and ".attn.query." in key]:
        parts = [state.pop(key.replace(".query.", f".{part}."), torch.empty(0)) for part in ("query", "key", "value")]
        state[key.replace(".query.", ".qkv.")] = torch.cat(parts)
    return state


def _with_sizes(config: Config, state: StateDict) -> Config:
    """Return `config` with the sizes of the tensors. Numbers of heads are not in them and stay as configured."""

    def size(key: str, axis: int) -> int:
        if key not in state or state[key].ndim <= axis:
            raise CheckpointError('The checkpoint has no tensor "%(key)s".', key=key)
        return state[key].shape[axis]

    def depth(prefix: str) -> int:
        numbers = [int(m[1]) for key in state if (m := re.match(re.escape(prefix) + r"\.(\d+)\.", key))]
        return max(numbers, default=-1) + 1

    def backbone(branch: str) -> dict[str, Any]:
        blocks = [depth(f"{branch}.trunk.layer{layer}") for layer in (1, 2, 3)]
        name = RESNETS.get((*blocks, f"{branch}.trunk.layer1.0.conv3.weight" in state))
        if not name:
            raise CheckpointError("The checkpoint's backbone is not a supported ResNet.")
        return {"NAME": name, "EMBED_SIZE": size(f"{branch}.feature_fc.weight", 1)}

    def reduction(branch: str) -> int:
        return size(f"{branch}.channel_fc2.weight", 0) // size(f"{branch}.channel_fc1.weight", 0)

    attributes = size("region.attribute.weight", 0)
    if attributes != config.DATA.NUM_ATTRIBUTES:
        raise CheckpointError(
            "The checkpoint has %(actual)d attributes and the config %(expected)d; give its own config (--cfg).",
            actual=attributes, expected=config.DATA.NUM_ATTRIBUTES,
        )  # fmt: skip
    values = config.model_dump()
    model, width = values["MODEL"], size("region.feature_fc.weight", 0)
    model["EMBED_SIZE"] = width
    model["ATTRIBUTE"]["EMBED_SIZE"] = size("region.attribute.weight", 1)
    spatial = model["GLOBAL"]["ATTENTION"]["SPATIAL"]
    spatial["COMMON_EMBED_SIZE"] = size("region.key.weight", 0)
    model["GLOBAL"]["BACKBONE"] = backbone("region")
    with_crops = any(key.startswith("patch.") for key in state)
    if model["NAME"] == "asen":
        model["GLOBAL"]["ATTENTION"]["CHANNEL"]["REDUCTION_RATE"] = reduction("region")
        model["LOCAL"]["ENABLE"] = with_crops
        if with_crops:
            model["LOCAL"]["BACKBONE"] = backbone("patch")
            model["LOCAL"]["ATTENTION"]["SPATIAL"]["COMMON_EMBED_SIZE"] = size("patch.key.weight", 0)
            model["LOCAL"]["ATTENTION"]["CHANNEL"]["REDUCTION_RATE"] = reduction("patch")
        return configs.from_mapping(values)
    spatial["REDUCTION_RATE"] = width // size("region.mlp.fc1.weight", 0)
    model["TRANSFORMER"]["ENABLE"] = with_crops
    if with_crops:
        model["TRANSFORMER"] |= {
            "EMBED_SIZE": size("patch.vit.patch_embed.proj.weight", 0),
            "PATCH_SIZE": size("patch.vit.patch_embed.proj.weight", 2),
            "NUM_LAYERS": depth("patch.vit.blocks"),
            "MLP_DIM": size("patch.vit.blocks.0.mlp.fc1.weight", 0),
            "REDUCTION_RATE": width // size("patch.mlp.fc1.weight", 0),
        }
        sizes = TransformerConfig(**model["TRANSFORMER"])
        side = round((size("patch.vit.pos_embed", 1) - 1) ** 0.5)
        values["INPUT"]["LOCAL_SIZE"] = (side - 1) * sizes.stride + sizes.PATCH_SIZE
    return configs.from_mapping(values)


def _check_shapes(path: Path, expected: Mapping[str, Tensor], actual: Mapping[str, Tensor]) -> None:
    for key in expected.keys() - actual.keys():
        raise CheckpointError('%(path)s has no tensor "%(key)s".', path=path, key=key)
    for key in actual.keys() - expected.keys():
        raise CheckpointError('%(path)s has the tensor "%(key)s", which its config excludes.', path=path, key=key)
    for key, tensor in expected.items():
        if actual[key].shape != tensor.shape:
            raise CheckpointError(
                '%(path)s: the tensor "%(key)s" is %(actual)s, its config says %(expected)s.',
                path=path, key=key, actual=tuple(actual[key].shape), expected=tuple(tensor.shape),
            )  # fmt: skip
