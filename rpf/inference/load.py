"""Loading a checkpoint for inference."""

import torch

from rpf.config import Config
from rpf.errors import ConfigError
from rpf.inference.openvino import compile_branches
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.settings import Settings
from rpf.utils.threads import set_threads


def load_model(settings: Settings, config: Config | None = None) -> RPF:
    """Load the checkpoint of the settings onto their device, compiled on a CPU.

    config: for checkpoints that carry none. Raises CheckpointError, ConfigError.
    """
    threads = set_threads(settings.threads)
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = checkpoint.load(settings.checkpoint, config)
    if device == "cpu":
        model.precision = compile_branches(model, settings.precision, threads, settings.instance / "compiled")
        return model
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:  # which torch raises for a missing device
        raise ConfigError(
            'The device "%(device)s" cannot be used: %(why)s', device=device, why=str(error).split("\n")[0]
        ) from None
