"""The interface between the trainer and a way to learn: batches in, losses out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from rpf.models.base import TwoBranchModel
from rpf.training.distributed import DistributedContext


class AttributeSample(NamedTuple):
    """A training image, and the attribute whose crop TensorBoard shows."""

    path: Path
    attribute: int


class TrainingTask(nn.Module):
    """A model, its training data and its losses.

    A module, so that DistributedDataParallel can synchronise the gradients of one forward pass.
    """

    length: int  # batches of an epoch in this process, the same in all processes

    def __init__(self, model: TwoBranchModel, context: DistributedContext) -> None:
        super().__init__()
        self.model, self.context, self.config = model, context, model.config

    def forward(self, batch: Any) -> dict[str, Tensor]:
        """Return the losses of a batch, scalars; "total" is to be minimised."""
        raise NotImplementedError

    def epoch(self, seed: int, epoch: int) -> Iterator[Any]:
        """Yield the batches of an epoch, the same for the same seed and epoch. Raises DatasetError."""
        raise NotImplementedError

    def samples(self, seed: int) -> list[AttributeSample]:
        """Return an image for each attribute, the same for the same seed."""
        raise NotImplementedError
