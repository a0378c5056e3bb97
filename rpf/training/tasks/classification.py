"""The default model's task: classification of attribute values by prototypes (SOLVER.LOSS classification).

Not in the paper. Each image trains all attributes that it has a label for: a feature is classified among its
attribute's values by its cosines to the prototypes (rpf.models.prototypes).
"""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rpf.datasets.image_tensors import CROP_SOURCE_SIDE, ImageTensors
from rpf.models.backbone import Backbone
from rpf.models.libraries import roi_align
from rpf.models.patch_branch import PatchBranch
from rpf.models.region_branch import RegionBranch
from rpf.models.roi import attention_squares
from rpf.models.rpf import RPF
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.base import AttributeSample, TrainingTask

MAX_VALUE_WEIGHT = 4.0  # of a rare value, relative to one of average frequency
PRESENCE_LOSS_WEIGHT = 0.3
ORDINAL_SPREAD = 0.45  # standard deviation, in values, of an ordinal label
CROPS_PER_IMAGE = 1.5  # labels in the patch branch's loss, so that nearly all batches have the same size


class ClassificationBatch(NamedTuple):
    """Rows of ImageTensors."""

    pixels: Tensor
    values: Tensor
    presence: Tensor
    tall: Tensor
    worn: Tensor  # (B,) bool


class ClassificationTask(TrainingTask):
    """One pass over the train split an epoch, with a share of each batch from each extra dataset.

    A region branch whose learning rate is 0 is frozen.
    """

    model: RPF

    def __init__(
        self,
        model: RPF,
        context: DistributedContext,
        images: ImageTensors,
        extras: Sequence[tuple[ImageTensors, float]] = (),
    ) -> None:
        """extras: datasets with their share of a batch."""
        super().__init__(model, context)
        data, solver = self.config.DATA, self.config.SOLVER
        self.images = images
        self.extras = [(extra, round(data.TRAIN_BATCHSIZE * share)) for extra, share in extras]
        self.main_size = data.TRAIN_BATCHSIZE - sum(size for _, size in self.extras)
        self.length = max(1, len(images) // context.world_size // self.main_size)
        self.weights = []  # of each attribute's values
        for attribute, number in enumerate(data.ATTRIBUTES.NUM):
            frequency = torch.stack(
                [
                    value_frequency(part, attribute, number) * size
                    for part, size in [(images, self.main_size), *self.extras]
                ]
            )
            self.weights.append(balanced_weights(frequency.sum(dim=0), solver.BALANCE).to(context.device))
        if solver.FROZEN_STAGES:
            for module in model.modules():
                if isinstance(module, Backbone):
                    module.freeze(solver.FROZEN_STAGES)
        self.frozen = model.patch is not None and solver.BASE_LR_SLOW == 0
        if self.frozen:
            model.region.requires_grad_(False)

    def epoch(self, seed: int, epoch: int) -> Iterator[ClassificationBatch]:
        """Yield whole batches only; the remainder is another one in the next epoch."""
        shuffle = random.Random(f"{seed} {epoch}")
        order = self.context.shard(shuffle.sample(range(len(self.images)), len(self.images)))
        extra_random = random.Random(f"{seed} {epoch} {self.context.rank} extra")
        for at in range(self.length):
            parts = [(self.images, torch.tensor(order[at * self.main_size : (at + 1) * self.main_size]))]
            for extra, size in self.extras:
                parts.append((extra, torch.tensor(extra_random.choices(range(len(extra)), k=size))))
            columns = [
                torch.cat([getattr(images, field)[rows] for images, rows in parts])
                for field in ("pixels", "values", "presence", "tall")
            ]
            worn = torch.cat([torch.full((len(rows),), images.worn) for images, rows in parts])
            yield ClassificationBatch._make([*columns, worn])

    def samples(self, seed: int) -> list[AttributeSample]:
        rng = random.Random(f"{seed} samples")
        samples = []
        for attribute in range(self.images.values.shape[1]):
            rows = (self.images.values[:, attribute] >= 0).nonzero()[:, 0].tolist()
            if rows:
                samples.append(AttributeSample(self.images.paths[rng.choice(rows)], attribute))
        return samples

    def forward(self, batch: ClassificationBatch) -> dict[str, Tensor]:
        device, inputs, patch_branch = self.model.device, self.config.INPUT, self.model.patch
        pixels, values, presence = (part.to(device) for part in batch[:3])
        side = CROP_SOURCE_SIDE if patch_branch else inputs.frame
        images, log_aspect = augment(pixels, side, self.config.SOLVER.ASPECT_JITTER)
        longer = log_aspect * ~batch.worn.to(device) / self.config.SOLVER.LENGTH_STEP

        def read_squares(rows: Tensor, side: int) -> Tensor:
            part = images[rows.to(device)]
            if part.shape[-1] != side:
                part = F.interpolate(part, (side, side), mode="bilinear", antialias=True)
            return self.model.normalise(part)

        if self.frozen:
            self.model.region.eval()  # keep its batch statistics too
        losses = {}
        with self.context.autocast():
            with torch.set_grad_enabled(not self.frozen):
                output = self.model.look(batch.tall, read_squares)
            if not self.frozen:
                losses["region"] = self._value_loss(self.model.region, output.feature.float(), values, longer)
                if output.presence_logits is not None:
                    losses["presence"] = presence_loss(output.presence_logits.float(), presence) * PRESENCE_LOSS_WEIGHT
            if patch_branch:
                values = _sample_labels(values, round(CROPS_PER_IMAGE * len(values)))
                feature = self._patch_features(patch_branch, images, output.attention.detach(), values >= 0)
                losses["patch"] = self._value_loss(patch_branch, feature, values, longer)
        return {"total": torch.stack(list(losses.values())).sum(), **losses}

    def _patch_features(self, patch: PatchBranch, images: Tensor, attention: Tensor, known: Tensor) -> Tensor:
        """Compute (B, A, EMBED_SIZE) features of crops of the augmented images; zeros where `known` (B, A) is false."""
        rows, columns = known.nonzero(as_tuple=True)
        sizes = self.config.INPUT
        squares = torch.from_numpy(attention_squares(attention[rows, columns], images.shape[-1], sizes.THRESHOLD))
        left, top, side = squares.to(images.device, images.dtype).unbind(1)
        boxes = torch.stack([rows.to(images.dtype), left, top, left + side, top + side], dim=1)
        crops = roi_align(images, boxes, sizes.LOCAL_SIZE, aligned=True)
        tokens = patch.encode(self.model.normalise(crops))
        feature = patch(tokens, self.model.region.attribute.weight[columns]).float()
        out = torch.zeros(*known.shape, feature.shape[1], device=images.device)
        return out.index_put((rows, columns), feature)

    def _value_loss(
        self, branch: RegionBranch | PatchBranch, feature: Tensor, values: Tensor, longer: Tensor
    ) -> Tensor:
        """Weighted cross-entropy of features (B, A, E) against values (B, A), the mean over the known ones.

        longer (B,): the values by which lengths look longer than they are.
        """
        assert branch.values
        solver, losses = self.config.SOLVER, []
        for attribute, weight in enumerate(self.weights):
            known = values[:, attribute] >= 0
            logits = branch.values.logits(feature[known, attribute], attribute)
            target, name = values[known, attribute], self.model.attributes[attribute]
            if name in (*solver.LENGTHS, *solver.ORDINAL):
                target = ordinal_targets(target, longer[known] * (name in solver.LENGTHS), len(weight))
            losses.append(
                F.cross_entropy(logits, target, weight, label_smoothing=solver.LABEL_SMOOTHING, reduction="sum")
            )
        return torch.stack(losses).sum() / (values >= 0).sum().clamp(min=1)


def ordinal_targets(values: Tensor, longer: Tensor, number: int) -> Tensor:
    """Turn values (m,) of a length that look `longer` (m,) by so many values into probabilities (m, number).

    Values are in order from 1 on; 0, "invisible", stays.
    """
    indices = torch.arange(number, device=values.device)
    length = (values + longer).clamp(1, number - 1)
    probability = torch.exp(-((indices - length[:, None]) / ORDINAL_SPREAD).square() / 2)
    probability[:, 0] = 0
    probability[values == 0] = (indices == 0).float()
    return probability / probability.sum(dim=1, keepdim=True)


def _sample_labels(values: Tensor, number: int) -> Tensor:
    """Keep `number` random labels of those known in (B, A), and set the others to -1.

    Batches of one size train far faster.
    """
    rows, columns = (values >= 0).nonzero(as_tuple=True)
    chosen = torch.randperm(len(rows), device=values.device)[:number]
    sampled = torch.full_like(values, -1)
    sampled[rows[chosen], columns[chosen]] = values[rows[chosen], columns[chosen]]
    return sampled


def presence_loss(logits: Tensor, presence: Tensor) -> Tensor:
    """Binary cross-entropy of logits (B, A) against presence (B, A) of 1 or 0; NaN, unknown, does not count."""
    known = ~presence.isnan()
    if not known.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[known], presence[known])


def value_frequency(images: ImageTensors, attribute: int, number: int) -> Tensor:
    """Count the share of all images that have each value of an attribute, (number,)."""
    values = images.values[:, attribute]
    return torch.bincount(values[values >= 0], minlength=number) / len(images)


def balanced_weights(frequency: Tensor, power: float) -> Tensor:
    """Weigh an attribute's V values by frequency to the power of -`power`; the mean over the images is 1.

    frequency (V,): in any unit. No weight is above MAX_VALUE_WEIGHT times that of a value of average frequency.
    """
    total = frequency.sum()
    if not total:
        return torch.ones_like(frequency)
    relative = frequency / total * (frequency > 0).sum()
    weight = relative.clamp(min=1e-6).pow(-power).clamp(max=MAX_VALUE_WEIGHT)
    return weight * total / (frequency * weight).sum()
