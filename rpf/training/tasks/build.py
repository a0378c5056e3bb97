"""Which course a config asks for, and the data that it needs."""

import logging
from collections.abc import Callable
from pathlib import Path

from rpf.config import Config
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.image_tensors import read_pictures
from rpf.datasets.triplet_dataset import read_train, require_shared_memory, worker_count
from rpf.errors import ConfigError
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.base import Course
from rpf.training.tasks.classification import ValueCourse
from rpf.training.tasks.triplet import TripletCourse

logger = logging.getLogger(__name__)


def require_trainable(config: Config) -> None:
    """Raise ConfigError or TrainingError for a config that cannot be trained here, before any image is read."""
    if (config.SOLVER.LOSS == "values") != config.MODEL.VALUES.ENABLE:
        raise ConfigError("SOLVER.LOSS: values and MODEL.VALUES.ENABLE: true belong together")
    if config.SOLVER.LOSS == "triplet":
        if config.INPUT.SQUARE != "crop":
            raise ConfigError(
                "INPUT.SQUARE: triplets are trained on crops, as published; pad goes with the loss values"
            )
        require_shared_memory(worker_count(config))
    elif unknown := set(config.SOLVER.LENGTHS) - set(config.DATA.ATTRIBUTES.NAME):
        raise ConfigError(
            "SOLVER.LENGTHS: %(name)s is not an attribute; there are %(names)s",
            name=min(unknown), names=", ".join(config.DATA.ATTRIBUTES.NAME),
        )  # fmt: skip


def read_course(config: Config, check: ImageCheck | None = None) -> Callable[[RPF, DistributedContext], Course]:
    """Read the train split (with SOLVER.LOSS values the extra one too); what it gives makes the course of a model.

    Raises DatasetError, and as `require_trainable`.
    """
    require_trainable(config)
    if config.SOLVER.LOSS == "triplet":
        split = read_train(config, check)
        for name in split.triplets.left_out:
            logger.warning("%s is left out: its images have no two values to compare.", name)
        return lambda model, hardware: TripletCourse(model, split, hardware)
    pictures = read_pictures(config, config.DATA.folder, check)
    extra = read_pictures(config, Path(config.DATA.EXTRA), check) if config.DATA.EXTRA else None
    return lambda model, hardware: ValueCourse(model, pictures, extra, hardware)
