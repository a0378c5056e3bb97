"""The model that a stage begins with (RPF, section 4.1)."""

from collections.abc import Callable
from pathlib import Path

from rpf.config import Config
from rpf.errors import CheckpointError, ConfigError
from rpf.models import checkpoint
from rpf.models.pretrained import start_transformer, start_trunk
from rpf.models.rpf import RPF
from rpf.training.checkpointing import BEST


def begin(config: Config, pretrained: Path, stage_one: Path | None = None, from_scratch: bool = False) -> RPF:
    """A model for the stage that the config describes.

    Stage 1 begins with published weights of the trunk. Stage 2 takes the region branch of a checkpoint of stage 1
    (`stage_one`, else `best_of_stage_one`) and published weights of the transformer. `pretrained` is the folder of
    published weights; from_scratch does without those. Raises CheckpointError, ConfigError.
    """
    model = RPF(config)
    if config.MODEL.TRANSFORMER.ENABLE:
        _take_region(model, stage_one or best_of_stage_one(config))
    if not from_scratch:
        _start(start_transformer if config.MODEL.TRANSFORMER.ENABLE else start_trunk, model, pretrained)
    return model


def best_of_stage_one(config: Config) -> Path:
    """SAVE_DIR/<NAME with s1 for its s2 at the end>/model_best.safetensors. Raises ConfigError for other names."""
    if not config.NAME.endswith("s2"):
        raise ConfigError(
            'NAME: "%(name)s" does not end in s2, so the checkpoint of stage 1 must be given (--stage1)',
            name=config.NAME,
        )
    return Path(config.SAVE_DIR) / (config.NAME.removesuffix("s2") + "s1") / BEST


def _take_region(model: RPF, file: Path) -> None:
    if not file.is_file():
        raise CheckpointError(
            "%(file)s: no such checkpoint; stage 2 begins with one of stage 1: train that first, or name it (--stage1)",
            file=file,
        )
    first = checkpoint.load(file, model.config)
    if first.attributes != model.attributes:
        raise CheckpointError("%(file)s was trained for other attributes", file=file)
    try:
        model.region.load_state_dict(first.region.state_dict())
    except RuntimeError:
        raise CheckpointError("%(file)s has a region branch of other sizes than the config's", file=file) from None


def _start(start: Callable[[RPF, Path], None], model: RPF, pretrained: Path) -> None:
    try:
        start(model, pretrained)
    except CheckpointError as error:
        template = "%(why)s; put that file there, or train with --from-scratch"
        raise CheckpointError(template, why=error) from error
