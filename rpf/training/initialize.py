"""Initial models of both training stages."""

from pathlib import Path

from rpf.config import Config
from rpf.errors import CheckpointError, ConfigError
from rpf.models import checkpoint
from rpf.models.asen_branches import LocalBranch
from rpf.models.base import TwoBranchModel
from rpf.models.build import build_model
from rpf.models.pretrained import load_backbone_weights, load_transformer_weights
from rpf.models.rpf import RPF
from rpf.training.checkpointing import BEST_FILE


def initialize_model(
    config: Config,
    pretrained: Path,
    stage_one: Path | None = None,
    start: Path | None = None,
    from_scratch: bool = False,
) -> TwoBranchModel:
    """Create a model for the config's stage. Raises CheckpointError, ConfigError.

    Stage 1 starts with pretrained weights of the backbone; stage 2 with the region branch of a stage-1 checkpoint
    (`stage_one`, else `best_of_stage_one`) and pretrained weights of the patch branch. `start` is a checkpoint whose
    weights replace the pretrained ones. `pretrained` is the folder of these, which from_scratch leaves out.
    """
    model = build_model(config)
    if model.patch:
        file = stage_one or best_of_stage_one(config)
        if not file.is_file():
            raise CheckpointError(
                "%(file)s: no such checkpoint; train stage 1 first, or give its checkpoint (--stage1).", file=file
            )
        _copy_branch(model, file, "region")
    if start:
        _copy_branch(model, start, "patch" if model.patch else "region")
    elif not from_scratch:
        try:
            if isinstance(model.patch, LocalBranch):
                load_backbone_weights(model.patch.trunk, config.MODEL.LOCAL.BACKBONE.NAME, pretrained)
            elif isinstance(model, RPF) and model.patch:
                load_transformer_weights(model, pretrained)
            else:
                load_backbone_weights(model.region.trunk, config.MODEL.GLOBAL.BACKBONE.NAME, pretrained)
        except CheckpointError as error:
            raise CheckpointError("%(why)s; put that file there, or train with --from-scratch.", why=error) from error
    return model


def best_of_stage_one(config: Config) -> Path:
    """Return SAVE_DIR/<NAME, its last s2 read as s1>/model_best.safetensors. Raises ConfigError for other names."""
    if not config.NAME.endswith("s2"):
        raise ConfigError(
            'NAME: "%(name)s" does not end in s2; give the checkpoint of stage 1 (--stage1).',
            name=config.NAME,
        )
    return Path(config.SAVE_DIR) / (config.NAME.removesuffix("s2") + "s1") / BEST_FILE


def _copy_branch(model: TwoBranchModel, file: Path, name: str) -> None:
    """Copy the weights of a branch, "region" or "patch", from a checkpoint. Raises CheckpointError."""
    source = checkpoint.load(file, model.config)
    if source.attributes != model.attributes:
        raise CheckpointError("%(file)s was trained for other attributes.", file=file)
    if not (branch := getattr(source, name)):
        raise CheckpointError("%(file)s has no %(branch)s branch.", file=file, branch=name)
    try:
        getattr(model, name).load_state_dict(branch.state_dict())
    except RuntimeError:
        raise CheckpointError(
            "%(file)s has a %(branch)s branch of other sizes than the config's.", file=file, branch=name
        ) from None
