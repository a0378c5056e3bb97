"""Training of a garment detector's head on scenes, for a trunk that stays as it is."""

from collections.abc import Iterator, Sequence
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from rpf.datasets.garment_boxes import BoxedGarment, BoxedPhoto
from rpf.datasets.garment_scenes import Scene, Scenes
from rpf.models.backbone import Backbone
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import GRID, KINDS, Box, DetectorHead, padded_square
from rpf.utils.progress import Progress

MIDDLE = 0.22  # of a garment's sides, around its centre, whose places are its own
MIN_MIDDLE = 0.55 / GRID
MIN_DISTANCE = 0.01  # of a place to a side, as a share of the square
BATCH_SIZE = 48
SCENE_BATCH_SIZE = 16
LEARNING_RATE, WEIGHT_DECAY, WARM_UP = 2e-3, 0.02, 0.1
POSITIVE_SHARE, FOCUS, BOX_WEIGHT = 0.35, 2.0, 1.5  # of the focal loss (Lin et al., ICCV 2017), and of the boxes' loss


def fit_detector(
    model: TwoBranchModel, trunk: Backbone, photos: Sequence[BoxedPhoto], scenes: int, epochs: int, seed: int,
    progress: Progress,
) -> DetectorHead:  # fmt: skip
    """Train a head on the features of so many scenes. A scene takes 280 kB of memory."""
    torch.manual_seed(seed)
    features, targets = _read_features(model, trunk, Scenes(photos, seed), scenes, progress)
    head = DetectorHead(trunk.channels).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-scenes // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=WARM_UP)
    for epoch in range(epochs):
        head.train()
        for rows in torch.randperm(scenes).split(BATCH_SIZE):
            grid = features[rows].float().contiguous(memory_format=torch.channels_last)
            loss = detector_loss(head(grid), *(target[rows] for target in targets))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        progress("training", epoch + 1, epochs)
    return head.eval().to(memory_format=torch.contiguous_format)


def _read_features(
    model: TwoBranchModel, trunk: Backbone, scenes: Scenes, count: int, progress: Progress
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Return the trunk's grids (n, C, h, w) float16 of scenes, and their targets as `make_targets`."""
    features = torch.empty(count, trunk.channels, GRID, GRID, dtype=torch.float16)
    garments: list[list[BoxedGarment]] = []
    every: Iterator[Scene] = iter(scenes.next, None)
    for start in range(0, count, SCENE_BATCH_SIZE):
        batch = list(islice(every, min(SCENE_BATCH_SIZE, count - start)))
        squares = [padded_square(image) for image, _ in batch]
        with torch.inference_mode():
            pixels = model.tensor([square for square, _ in squares]).contiguous(memory_format=torch.channels_last)
            features[start : start + len(batch)] = trunk(pixels).half()
        for (_, of_scene), (_, place) in zip(batch, squares, strict=True):
            garments.append([one.model_copy(update={"box": _in_square(one.box, place)}) for one in of_scene])
        progress("reading", start + len(batch), count)
    return features, make_targets(garments)


def _in_square(box: Box, place: Box) -> Box:
    """Return a box of an image as shares of the square that the image has this place in."""
    width, height = place[2] - place[0], place[3] - place[1]
    x, y = place[:2]
    return x + box[0] * width, y + box[1] * height, x + box[2] * width, y + box[3] * height


def make_targets(images: Sequence[Sequence[BoxedGarment]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return of n images, with K kinds: places in the middle of a garment (n, K, h, w), places elsewhere in one, which
    do not count (n, K, h, w), and the distances of the sides (n, K, 4, h, w)."""
    shape = len(images), len(KINDS), GRID, GRID
    middle, ignored = torch.zeros(shape), torch.zeros(shape)
    distances = torch.ones(*shape[:2], 4, GRID, GRID)
    centres = (torch.arange(GRID) + 0.5) / GRID
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    for row, garments in enumerate(images):
        for one in sorted(garments, key=_area, reverse=True):  # places in several are of the smallest
            left, top, right, bottom = one.box
            kind = KINDS.index(one.kind)
            near_x = (x - (left + right) / 2).abs() <= max(MIDDLE * (right - left), MIN_MIDDLE)
            near_y = (y - (top + bottom) / 2).abs() <= max(MIDDLE * (bottom - top), MIN_MIDDLE)
            near = near_x & near_y
            ignored[row, kind][(x > left) & (x < right) & (y > top) & (y < bottom)] = 1
            middle[row, kind][near] = 1
            sides = torch.stack([x - left, y - top, right - x, bottom - y]).clamp(min=MIN_DISTANCE)
            distances[row, kind][:, near] = sides[:, near]
    return middle, ignored * (1 - middle), distances


def detector_loss(output: Tensor, middle: Tensor, ignored: Tensor, distances: Tensor) -> Tensor:
    """Compute the focal loss of the kinds plus the generalised IoU loss of the boxes (Rezatofighi et al., 2019)."""
    logits = output[:, : len(KINDS)]
    probability = logits.sigmoid()
    wrong = 1 - (probability * middle + (1 - probability) * (1 - middle))
    share = POSITIVE_SHARE * middle + (1 - POSITIVE_SHARE) * (1 - middle)
    entropy = F.binary_cross_entropy_with_logits(logits, middle, reduction="none")
    kinds = (share * wrong**FOCUS * entropy * (1 - ignored)).sum() / middle.sum().clamp(min=1)
    sides = output[:, len(KINDS) :].view(distances.shape).exp().permute(2, 0, 1, 3, 4)[:, middle > 0]
    boxes = 1 - generalised_iou(sides, distances.permute(2, 0, 1, 3, 4)[:, middle > 0])
    return kinds + BOX_WEIGHT * boxes.sum() / max(1, boxes.numel())


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """Compute (m,) of pairs of boxes around the same place, as distances (4, m) left, up, right and down."""
    areas = [(box[0] + box[2]) * (box[1] + box[3]) for box in (one, other)]
    least, most = torch.min(one, other), torch.max(one, other)
    both = (least[0] + least[2]).clamp(min=0) * (least[1] + least[3]).clamp(min=0)
    either = areas[0] + areas[1] - both
    hull = (most[0] + most[2]) * (most[1] + most[3])
    return both / either - (hull - either) / hull


def _area(garment: BoxedGarment) -> float:
    left, top, right, bottom = garment.box
    return (right - left) * (bottom - top)
