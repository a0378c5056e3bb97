"""One step of a training: three passes of the model over a batch, and their losses (RPF, section 3.3)."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn

from rpf.datasets.triplet_dataset import Batch, TrainSplit, batches
from rpf.images.decode import crop
from rpf.models.roi import attention_squares, picture_boxes
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.losses import contrastive_loss, triplet_loss
from rpf.training.tasks.base import Sample


class TripletCourse:
    """NUM_TRIPLETS triplets an epoch, drawn anew. See rpf.training.tasks.base.Course."""

    def __init__(self, model: RPF, split: TrainSplit, hardware: DistributedContext) -> None:
        self.split, self.hardware, self.config = split, hardware, model.config
        self.step: nn.Module = TripletStep(model, hardware)
        data = self.config.DATA
        self.length = math.ceil(data.NUM_TRIPLETS // hardware.count / data.TRAIN_BATCHSIZE)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """Each process takes its own share of the triplets, in batches of TRAIN_BATCHSIZE."""
        triplets = self.split.triplets.draw(self.config.DATA.NUM_TRIPLETS, seed, epoch)
        return batches(self.split, self.hardware.share(triplets), self.config)

    def samples(self, seed: int) -> list[Sample]:
        """See Course."""
        drawn = self.split.triplets.draw(20 * len(self.config.DATA.ATTRIBUTES.NAME), seed, epoch=0)
        first = {triplet.attribute: triplet.images[0] for triplet in reversed(drawn)}
        return [Sample(self.split.root / self.split.items[image].path, key) for key, image in sorted(first.items())]


class Features(NamedTuple):
    """Of B pictures, float32, not normalised."""

    region: Tensor  # (B, EMBED_SIZE)
    background: Tensor  # (B, EMBED_SIZE)
    patch: Tensor | None  # (B, EMBED_SIZE); None without the patch branch


class TripletStep(nn.Module):
    """Batch -> losses. A module, so that several processes can share its gradients as those of one forward pass."""

    def __init__(self, model: RPF, hardware: DistributedContext) -> None:
        super().__init__()
        self.model, self.hardware = model, hardware

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Scalars: "total", which is to be minimised, and the losses that it is made of."""
        solver = self.model.config.SOLVER
        attribute = batch.attribute.to(self.model.device)
        value, other = batch.value.to(attribute.device), batch.other_value.to(attribute.device)
        with self.hardware.autocast():  # the losses are float32
            seen = [
                self._features(squares, pictures, attribute)
                for squares, pictures in zip(batch.squares, batch.pictures, strict=True)
            ]
        region = triplet_loss(seen[0].region, seen[1].region, seen[2].region, solver.MARGIN)
        if self.model.patch is None:
            return {"total": region, "region": region}
        patches = [features.patch for features in seen if features.patch is not None]
        patch = triplet_loss(patches[0], patches[1], patches[2], solver.MARGIN)
        contrastive = contrastive_loss(
            torch.cat([features.region for features in seen]),
            torch.cat(patches),
            torch.cat([features.background for features in seen]),
            attribute.repeat(3),
            torch.cat([value, value, other]),
            solver.TAU,
            solver.ALPHA,
        )
        total = solver.REGION_WEIGHT * region + solver.PATCH_WEIGHT * patch + solver.INTER_WEIGHT * contrastive
        return {"total": total, "region": region, "patch": patch, "contrastive": contrastive}

    def _features(self, squares: list[Image.Image], pictures: list[Image.Image], attribute: Tensor) -> Features:
        seen = self.model.region(self.model.tensor(squares), attribute[:, None])
        patch = None
        if self.model.patch:
            crops = self.model.tensor(self._crops(seen.attention[:, 0].detach(), pictures))
            patch = self.model.patch(self.model.patch.encode(crops), self.model.region.attribute(attribute)).float()
        return Features(seen.feature[:, 0].float(), seen.background[:, 0].float(), patch)

    def _crops(self, attention: Tensor, pictures: list[Image.Image]) -> list[Image.Image]:
        """What the maps (B, h, w) point at in each picture, LOCAL_SIZE pixels a side."""
        sizes = self.model.config.INPUT
        squares = attention_squares(attention, sizes.GLOBAL_SIZE, sizes.THRESHOLD)
        return [
            crop(picture, picture_boxes(square[None], sizes.GLOBAL_SIZE, *picture.size)[0], sizes.LOCAL_SIZE)
            for picture, square in zip(pictures, squares, strict=True)
        ]
