"""The published task: triplet and contrastive losses over anchors, positives and negatives (RPF, section 3.3)."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from rpf.datasets.triplet_dataset import TrainSplit, TripletBatch, batches
from rpf.models.base import TwoBranchModel
from rpf.models.preprocessing import crop
from rpf.models.roi import attention_squares, image_boxes
from rpf.training.distributed import DistributedContext
from rpf.training.losses import contrastive_loss, triplet_loss
from rpf.training.tasks.base import AttributeSample, TrainingTask


class RoleFeatures(NamedTuple):
    """Features of the anchors, the positives or the negatives, (B, EMBED_SIZE) each, not normalised."""

    region: Tensor
    background: Tensor | None
    patch: Tensor | None


class TripletTask(TrainingTask):
    """NUM_TRIPLETS triplets an epoch, and a forward pass for each of their three roles."""

    def __init__(self, model: TwoBranchModel, context: DistributedContext, split: TrainSplit) -> None:
        super().__init__(model, context)
        self.split, data = split, self.config.DATA
        self.length = math.ceil(data.NUM_TRIPLETS // context.world_size / data.TRAIN_BATCHSIZE)

    def epoch(self, seed: int, epoch: int) -> Iterator[TripletBatch]:
        triplets = self.split.sampler.draw(self.config.DATA.NUM_TRIPLETS, seed, epoch)
        return batches(self.split, self.context.shard(triplets), self.config)

    def samples(self, seed: int) -> list[AttributeSample]:
        triplets = self.split.sampler.draw(20 * len(self.config.DATA.ATTRIBUTES.NAME), seed, epoch=0)
        anchors = {triplet.attribute: triplet.images[0] for triplet in reversed(triplets)}
        root, images = self.split.root, self.split.images
        return [AttributeSample(root / images[row].path, attribute) for attribute, row in sorted(anchors.items())]

    def forward(self, batch: TripletBatch) -> dict[str, Tensor]:
        attribute = batch.attribute.to(self.model.device)
        with self.context.autocast():  # the losses are float32
            roles = [
                self._features(squares, images, attribute)
                for squares, images in zip(batch.squares, batch.images, strict=True)
            ]
        losses = {"region": self._triplet_loss([role.region for role in roles])}
        patches = [role.patch for role in roles if role.patch is not None]
        if patches:
            losses["patch"] = self._triplet_loss(patches)
            losses |= self.joint_loss(roles, patches, batch)
        weights = self.weights
        return {"total": torch.stack([weights[name] * loss for name, loss in losses.items()]).sum(), **losses}

    @property
    def weights(self) -> dict[str, float]:
        """Return the weight of each loss."""
        solver = self.config.SOLVER
        return {"region": solver.REGION_WEIGHT, "patch": solver.PATCH_WEIGHT, "contrastive": solver.INTER_WEIGHT}

    def joint_loss(
        self, roles: Sequence[RoleFeatures], patches: Sequence[Tensor], batch: TripletBatch
    ) -> dict[str, Tensor]:
        """Return the loss of both branches together in stage 2, by its name."""
        solver, device = self.config.SOLVER, self.model.device
        value, other = batch.value.to(device), batch.other_value.to(device)
        loss = contrastive_loss(
            torch.cat([role.region for role in roles]),
            torch.cat(list(patches)),
            torch.cat([role.background for role in roles if role.background is not None]),
            batch.attribute.to(device).repeat(3),
            torch.cat([value, value, other]),
            solver.TAU,
            solver.ALPHA,
        )
        return {"contrastive": loss}

    def _triplet_loss(self, features: Sequence[Tensor]) -> Tensor:
        anchor, positive, negative = features
        return triplet_loss(anchor, positive, negative, self.config.SOLVER.MARGIN)

    def _features(self, squares: list[Image.Image], images: list[Image.Image], attribute: Tensor) -> RoleFeatures:
        output = self.model.region(self.model.tensor(squares), attribute[:, None])
        patch = None
        if self.model.patch:
            crops = self.model.tensor(self._crops(output.attention[:, 0].detach(), images))
            patch = self.model.patch(self.model.patch.encode(crops), self.model.region.attribute(attribute)).float()
        background = None if output.background is None else output.background[:, 0].float()
        return RoleFeatures(output.feature[:, 0].float(), background, patch)

    def _crops(self, attention: Tensor, images: list[Image.Image]) -> list[Image.Image]:
        """Cut the region of interest of each attention map (B, h, w), LOCAL_SIZE pixels a side."""
        sizes = self.config.INPUT
        squares = attention_squares(attention, sizes.GLOBAL_SIZE, sizes.THRESHOLD)
        return [
            crop(image, image_boxes(square[None], sizes.GLOBAL_SIZE, *image.size)[0], sizes.LOCAL_SIZE)
            for image, square in zip(images, squares, strict=True)
        ]
