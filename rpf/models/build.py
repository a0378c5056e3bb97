"""The model of a config, by MODEL.NAME."""

from rpf.config import Config
from rpf.models.asen import ASEN
from rpf.models.base import TwoBranchModel
from rpf.models.rpf import RPF

MODELS = {"rpf": RPF, "asen": ASEN}


def build_model(config: Config) -> TwoBranchModel:
    """Build the model of the config, with random weights. Raises ConfigError for sizes that do not fit."""
    return MODELS[config.MODEL.NAME](config)
