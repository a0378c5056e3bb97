"""The training task of a config, with its data."""

import logging

from rpf.config import Config
from rpf.datasets.image_check import ImageCheck
from rpf.datasets.image_tensors import read_image_tensors
from rpf.datasets.triplet_dataset import read_train, require_shared_memory, worker_count
from rpf.errors import ConfigError
from rpf.models.asen import ASEN
from rpf.models.base import TwoBranchModel
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.asen import ASENTask
from rpf.training.tasks.base import TrainingTask
from rpf.training.tasks.classification import ClassificationTask
from rpf.training.tasks.triplet import TripletTask

logger = logging.getLogger(__name__)


def require_trainable(config: Config) -> None:
    """Raise ConfigError or TrainingError if a config cannot be trained here, before any image is read."""
    if (config.SOLVER.LOSS == "classification") != config.MODEL.PROTOTYPES.ENABLE:
        raise ConfigError("SOLVER.LOSS: classification needs MODEL.PROTOTYPES.ENABLE: true, and triplet needs false.")
    if config.SOLVER.LOSS == "triplet":
        require_shared_memory(worker_count(config))
        if config.INPUT.TALL_SIZE:
            raise ConfigError("INPUT.TALL_SIZE needs SOLVER.LOSS: classification.")
    for key in ("ORDINAL", "LENGTHS"):
        if unknown := set(getattr(config.SOLVER, key)) - set(config.DATA.ATTRIBUTES.NAME):
            raise ConfigError(
                'SOLVER.%(key)s: "%(name)s" is not an attribute; choose of %(names)s.',
                key=key, name=min(unknown), names=", ".join(config.DATA.ATTRIBUTES.NAME),
            )  # fmt: skip


def build_task(model: TwoBranchModel, context: DistributedContext, check: ImageCheck | None = None) -> TrainingTask:
    """Build the task of the model's config and read its data. Raises DatasetError, and as `require_trainable`."""
    config = model.config
    require_trainable(config)
    if config.SOLVER.LOSS == "triplet":
        split = read_train(config, check)
        for name in split.sampler.left_out:
            logger.warning("%s is left out: it needs images of two values.", name)
        task = ASENTask if isinstance(model, ASEN) else TripletTask
        return task(model, context, split)
    assert isinstance(model, RPF)  # as only RPF has prototypes
    images = read_image_tensors(config, config.DATA.folder, check)
    extras = [
        (read_image_tensors(config, folder, check, extra.WORN), extra.SHARE)
        for folder, extra in config.DATA.extra_datasets.items()
    ]
    return ClassificationTask(model, context, images, extras)
