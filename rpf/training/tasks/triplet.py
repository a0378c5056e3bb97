"""The published task: triplet and contrastive losses over anchors, positives and negatives (RPF, section 3.3)."""

import math
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor

from rpf.datasets.triplet_dataset import TrainSplit, TripletBatch, batches
from rpf.models.preprocessing import crop
from rpf.models.roi import attention_squares, image_boxes
from rpf.models.rpf import RPF
from rpf.training.distributed import DistributedContext
from rpf.training.losses import contrastive_loss, triplet_loss
from rpf.training.tasks.base import AttributeSample, TrainingTask


class TripletTask(TrainingTask):
    """NUM_TRIPLETS triplets an epoch, and a forward pass for each of their three roles."""

    def __init__(self, model: RPF, context: DistributedContext, split: TrainSplit) -> None:
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
        solver, device = self.config.SOLVER, self.model.device
        attribute, value, other = (t.to(device) for t in (batch.attribute, batch.value, batch.other_value))
        with self.context.autocast():  # the losses are float32
            roles = [
                self._features(squares, images, attribute)
                for squares, images in zip(batch.squares, batch.images, strict=True)
            ]
        regions, backgrounds, patches = zip(*roles, strict=True)
        region = triplet_loss(regions[0], regions[1], regions[2], solver.MARGIN)
        if self.model.patch is None:
            return {"total": region, "region": region}
        patch = triplet_loss(patches[0], patches[1], patches[2], solver.MARGIN)
        contrastive = contrastive_loss(
            torch.cat(regions),
            torch.cat(patches),
            torch.cat(backgrounds),
            attribute.repeat(3),
            torch.cat([value, value, other]),
            solver.TAU,
            solver.ALPHA,
        )
        total = solver.REGION_WEIGHT * region + solver.PATCH_WEIGHT * patch + solver.INTER_WEIGHT * contrastive
        return {"total": total, "region": region, "patch": patch, "contrastive": contrastive}

    def _features(
        self, squares: list[Image.Image], images: list[Image.Image], attribute: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Compute the features of region, background and patch, if enabled; each (B, EMBED_SIZE), not normalised."""
        output = self.model.region(self.model.tensor(squares), attribute[:, None])
        patch = None
        if self.model.patch:
            crops = self.model.tensor(self._crops(output.attention[:, 0].detach(), images))
            patch = self.model.patch(self.model.patch.encode(crops), self.model.region.attribute(attribute)).float()
        return output.feature[:, 0].float(), output.background[:, 0].float(), patch

    def _crops(self, attention: Tensor, images: list[Image.Image]) -> list[Image.Image]:
        """Cut the region of interest of each attention map (B, h, w), LOCAL_SIZE pixels a side."""
        sizes = self.config.INPUT
        squares = attention_squares(attention, sizes.GLOBAL_SIZE, sizes.THRESHOLD)
        return [
            crop(image, image_boxes(square[None], sizes.GLOBAL_SIZE, *image.size)[0], sizes.LOCAL_SIZE)
            for image, square in zip(images, squares, strict=True)
        ]
