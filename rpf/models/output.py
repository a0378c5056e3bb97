"""What a model tells about images."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from rpf.models.preprocessing import Boxes

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TwoBranchOutput:
    """The model's output for n images and A attributes."""

    embedding: Floats  # (n, A, D), unit vectors
    region: Floats  # (n, A, EMBED_SIZE), unit vectors
    patch: Floats | None  # (n, A, EMBED_SIZE), unit vectors; None without the patch branch
    attention: Floats  # (n, A, h, w), over the padded square
    box: Boxes  # (n, A, 4): left, top, right, bottom in the image's pixels
    presence: Floats | None  # (n, A) probabilities that the garment has that part; None without the presence head
    presence_logits: Floats | None  # (n, A) before their calibration
    values: Floats | None  # (n, A, V) probabilities of the values, given the part; None without a value classifier


def concatenate(outputs: Sequence[TwoBranchOutput]) -> TwoBranchOutput:
    """Join the outputs of one model for some images each."""
    columns = {field.name: [getattr(output, field.name) for output in outputs] for field in fields(TwoBranchOutput)}
    joined = {name: None if parts[0] is None else np.concatenate(parts) for name, parts in columns.items()}
    return TwoBranchOutput(**joined)  # type: ignore[arg-type]  # None only where it may be
