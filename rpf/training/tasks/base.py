"""What the trainer asks of a way to learn; rpf.training.tasks.triplet has the published one, value_course the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from torch import nn


class Sample(NamedTuple):
    """A training picture, and the attribute for which it is shown where the model looks."""

    path: Path
    attribute: int


class Course(Protocol):
    """What a model learns from, an epoch at a time."""

    step: nn.Module  # batch -> losses by name, scalars; "total" is the one to be minimised
    length: int  # batches of an epoch in this process, as many as in every other

    def epoch(self, seed: int, epoch: int) -> Iterator[Any]:
        """The batches of an epoch, the same for the same seed and epoch. Raises DatasetError."""
        ...

    def samples(self, seed: int) -> list[Sample]:
        """One for each attribute, always the same ones."""
        ...
