"""Garment detector: frames of the garments in a picture, by a small head on the region branch's trunk.

Not in the paper. Each place of the feature grid tells for each kind of garment whether it lies in the middle of one,
and how far its sides are (as FCOS does; Tian et al., ICCV 2019). `rpf fit-garments` trains the head alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from rpf.errors import CheckpointError
from rpf.models.backbone import STRIDE, Backbone
from rpf.models.preprocessing import pad_square
from rpf.utils.files import file_hash, write_atomic
from rpf.utils.paths import file_beside

KINDS = ("upper", "coat", "dress", "trousers", "skirt")
GROUPS = (0, 0, 0, 1, 1)  # of a kind: worn above or below the waist
SIDE = 320  # pixels of the square that a picture is padded to
GRID = SIDE // STRIDE
WIDTH = 96  # channels of the head
FORMAT = "rpf-garments-1"
MIN_PROBABILITY = 0.4
MAX_FRAMES = 6
MAX_OVERLAP_IN_GROUP = 0.45  # intersection over union of two frames
MAX_OVERLAP = 0.75

Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture's sides


class Garment(NamedTuple):
    """A garment in a picture."""

    kind: str  # of KINDS
    box: Box
    probability: float


class _Block(nn.Module):
    """Depthwise and pointwise convolution with a residual."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels, channels, 5, padding=2 * dilation, dilation=dilation, groups=channels, bias=False
        )
        self.norm1 = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.silu(self.norm2(self.pointwise(F.silu(self.norm1(self.depthwise(x))))))


class DetectorHead(nn.Module):
    """Head from the trunk's grid (B, C, h, w) to (B, 5 K, h, w): a logit, and four distances, of each of K kinds.

    Distances to the left, upper, right and lower side are shares of the square, as logarithms.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Conv2d(channels, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.SiLU(), nn.Dropout2d(0.15)
        )
        self.blocks = nn.Sequential(*(_Block(WIDTH, dilation) for dilation in (1, 2, 1)))
        self.kinds = nn.Conv2d(WIDTH, len(KINDS), 1)
        self.sides = nn.Conv2d(WIDTH, 4 * len(KINDS), 1)
        nn.init.constant_(self.kinds.bias, -4.0)  # type: ignore[arg-type]  # few places are in the middle of a garment
        nn.init.constant_(self.sides.bias, -1.0)  # type: ignore[arg-type]

    def forward(self, grid: Tensor) -> Tensor:
        x = self.blocks(self.enter(grid))
        return torch.cat([self.kinds(x), self.sides(x)], dim=1)


class GarmentDetector:
    """Trunk and head as one network, which may be compiled; no part of the model's state."""

    def __init__(self, trunk: nn.Module, head: DetectorHead, digest: str = "") -> None:
        """digest: of the head's file."""
        self.network: nn.Module = nn.Sequential(trunk, head).eval()
        self.digest = digest

    @torch.inference_mode()
    def find(self, squares: Tensor, places: Sequence[Box]) -> list[list[Garment]]:
        """Find the garments in n images, from their normalised squares (n, 3, SIDE, SIDE) and their places there."""
        outputs = self.network(squares).float().cpu().numpy()
        return [read_garments(output, place) for output, place in zip(outputs, places, strict=True)]


def padded_square(image: Image.Image) -> tuple[Image.Image, Box]:
    """Return an image on a square of SIDE pixels, and its place there in shares of the square's sides."""
    square, (x, y) = pad_square(image)
    side = square.width
    place = x / side, y / side, (x + image.width) / side, (y + image.height) / side
    return square.resize((SIDE, SIDE), Image.Resampling.BILINEAR), place


def read_garments(output: Floats, place: Box) -> list[Garment]:
    """Read the garments of an image from the head's output (5 K, h, w), the likeliest first.

    place: of the image in its square. Frames that cover much of a likelier one are left out.
    """
    probabilities = 1 / (1 + np.exp(-output[: len(KINDS)]))
    distances = np.exp(output[len(KINDS) :].reshape(len(KINDS), 4, *output.shape[1:]))
    height, width = output.shape[1:]
    garments: list[Garment] = []
    for at in np.argsort(-probabilities, axis=None, kind="stable"):
        kind, row, column = np.unravel_index(at, probabilities.shape)
        probability = float(probabilities[kind, row, column])
        if probability < MIN_PROBABILITY or len(garments) == MAX_FRAMES:
            break
        x, y = (column + 0.5) / width, (row + 0.5) / height
        left, top, right, bottom = distances[kind, :, row, column].tolist()
        box = share_of((x - left, y - top, x + right, y + bottom), place)
        if all(overlap(box, other.box) < _most_overlap(int(kind), other.kind) for other in garments):
            garments.append(Garment(KINDS[kind], box, probability))
    return garments


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    both = shared_area(one, other)
    return both / (box_area(one) + box_area(other) - both) if both else 0.0


def shared_area(one: Box, other: Box) -> float:
    """Return the area of the intersection of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def box_area(box: Box) -> float:
    """Return the area of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _most_overlap(kind: int, other: str) -> float:
    same_group = GROUPS[kind] == GROUPS[KINDS.index(other)]
    return MAX_OVERLAP_IN_GROUP if same_group else MAX_OVERLAP


def share_of(box: Sequence[float], whole: Box) -> Box:
    """Return a box as shares of the sides of another, clipped to it."""
    sides = [float(box[at] - whole[at % 2]) / (whole[at % 2 + 2] - whole[at % 2]) for at in range(4)]
    left, top, right, bottom = (min(1.0, max(0.0, side)) for side in sides)
    return left, top, right, bottom


def detector_path(checkpoint: Path) -> Path:
    """Return the file of a checkpoint's detector head."""
    return file_beside(checkpoint, "garments")


def save_head(head: DetectorHead, path: Path, checkpoint: str) -> None:
    """Write a head, atomically. checkpoint: the hash of the trunk's file."""
    state = {name: tensor.contiguous() for name, tensor in head.state_dict().items()}
    write_atomic(path, save(state, {"format": FORMAT, "checkpoint": checkpoint}))


def load_detector(path: Path, checkpoint: str, trunk: nn.Module) -> GarmentDetector | None:
    """Read the detector of a checkpoint; None where there is none, or one that other weights were trained with.

    Raises CheckpointError for a damaged file.
    """
    if not path.is_file() or not isinstance(trunk, Backbone):
        return None
    head = DetectorHead(trunk.channels)
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("format") != FORMAT:
                raise ValueError(f"its format is {about.get('format')!r}, not {FORMAT!r}")
            if about.get("checkpoint") != checkpoint:
                return None
            head.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            'The detector "%(path)s" cannot be read (%(why)s); train it again with: rpf fit-garments',
            path=path, why=error,
        ) from error  # fmt: skip
    return GarmentDetector(trunk, head, file_hash(path))
