"""Learning values by classification: the course of the default model (SOLVER.LOSS values). Not in the paper.

Each picture teaches all attributes that it has a label for. A feature is classified among its attribute's values by
its cosines to the value vectors (rpf.models.prototypes). Pictures are squares in memory, changed at random.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

from rpf.datasets.image_tensors import CROP_SIDE, Pictures
from rpf.models.patch_branch import PatchBranch
from rpf.models.region_branch import RegionBranch
from rpf.models.roi import attention_squares
from rpf.models.rpf import RPF
from rpf.training.augmentation import augment
from rpf.training.distributed import DistributedContext
from rpf.training.tasks.base import Sample

MOST_WEIGHT = 4.0  # of a rare value, against the average one
APPLICABILITY_WEIGHT = 0.2
LENGTH_SPREAD = 0.45  # of a stretched picture's label over the values, standard deviation in values
CROPS_PER_PICTURE = 1.5  # that the patch branch learns from, on average: nearly always as many in a batch


class Batch(NamedTuple):
    """B pictures; see `Pictures`."""

    pixels: Tensor
    values: Tensor
    present: Tensor


class ValueCourse:
    """A train split and, where there is one, a share of each batch from an extra one.

    An epoch is once through the train split. See rpf.training.tasks.base.Course.
    """

    def __init__(self, model: RPF, pictures: Pictures, extra: Pictures | None, hardware: DistributedContext) -> None:
        data = model.config.DATA
        self.pictures, self.extra, self.hardware = pictures, extra, hardware
        self.size = data.TRAIN_BATCHSIZE
        self.from_extra = round(self.size * data.EXTRA_SHARE) if extra else 0
        own = self.size - self.from_extra
        self.length = max(1, len(pictures) // hardware.count // own)
        weights = []
        for attribute, number in enumerate(data.ATTRIBUTES.NUM):
            seen = value_shares(pictures, attribute, number) * own
            if extra:
                seen = seen + value_shares(extra, attribute, number) * self.from_extra
            weights.append(balanced_weight(seen, model.config.SOLVER.BALANCE))
        self.step: nn.Module = ValueStep(model, hardware, weights)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """Whole batches only; what is left over comes in another epoch's order."""
        rng = random.Random(f"{seed} {epoch}")
        order = self.hardware.share(rng.sample(range(len(self.pictures)), len(self.pictures)))
        own, more = self.size - self.from_extra, random.Random(f"{seed} {epoch} {self.hardware.rank} extra")
        for at in range(self.length):
            rows = torch.tensor(order[at * own : (at + 1) * own])
            parts = [(self.pictures, rows)]
            if self.extra and self.from_extra:
                parts.append((self.extra, torch.tensor(more.choices(range(len(self.extra)), k=self.from_extra))))
            yield Batch(
                *(
                    torch.cat([getattr(pictures, name)[rows] for pictures, rows in parts])
                    for name in ("pixels", "values", "present")
                )
            )

    def samples(self, seed: int) -> list[Sample]:
        """See Course."""
        rng = random.Random(f"{seed} samples")
        found = []
        for attribute in range(self.pictures.values.shape[1]):
            rows = (self.pictures.values[:, attribute] >= 0).nonzero()[:, 0].tolist()
            if rows:
                found.append(Sample(self.pictures.paths[rng.choice(rows)], attribute))
        return found


class ValueStep(nn.Module):
    """Batch -> losses. A region branch whose learning rate is 0 is left as it is and not trained."""

    def __init__(self, model: RPF, hardware: DistributedContext, weights: list[Tensor]) -> None:
        super().__init__()
        self.model, self.hardware, self.config = model, hardware, model.config
        self.weights = [weight.to(hardware.device) for weight in weights]
        self.frozen = model.patch is not None and model.config.SOLVER.BASE_LR_SLOW == 0
        model.region.requires_grad_(not self.frozen)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        device, frame = self.model.device, self.config.INPUT.train_size
        pixels, values, present = (part.to(device) for part in batch)
        images, taller = augment(pixels, CROP_SIDE if self.model.patch else frame, self.config.SOLVER.STRETCH)
        attributes = torch.arange(values.shape[1], device=device).expand(len(values), -1)
        if self.frozen:
            self.model.region.eval()  # its batch statistics stay too
        losses = {}
        with self.hardware.autocast():
            small = (
                F.interpolate(images, (frame, frame), mode="bilinear", antialias=True) if self.model.patch else images
            )
            small = small.contiguous(memory_format=torch.channels_last)
            with torch.set_grad_enabled(not self.frozen):
                seen = self.model.region(self.model.normalised(small), attributes)
            if not self.frozen:
                losses["region"] = self._value_loss(self.model.region, seen.feature.float(), values, taller)
                if seen.presence is not None:
                    losses["applicability"] = presence_loss(seen.presence.float(), present) * APPLICABILITY_WEIGHT
            if self.model.patch:
                values = _some(values, round(CROPS_PER_PICTURE * len(values)))
                feature = self._patch_features(self.model.patch, images, seen.attention.detach(), values >= 0)
                losses["patch"] = self._value_loss(self.model.patch, feature, values, taller)
        return {"total": torch.stack(list(losses.values())).sum(), **losses}

    def _patch_features(self, patch: PatchBranch, images: Tensor, attention: Tensor, known: Tensor) -> Tensor:
        """(B, A, EMBED_SIZE), zeros where no label is known; crops are cut from the pictures as they are changed."""
        rows, columns = known.nonzero(as_tuple=True)
        sizes = self.config.INPUT
        squares = torch.from_numpy(attention_squares(attention[rows, columns], CROP_SIDE, sizes.THRESHOLD)).to(
            images.device
        )
        left, top, side = squares.to(images.dtype).unbind(1)
        boxes = torch.stack([rows.to(images.dtype), left, top, left + side, top + side], dim=1)
        crops = roi_align(images, boxes, sizes.LOCAL_SIZE, aligned=True)
        tokens = patch.encode(self.model.normalised(crops))
        feature = patch(tokens, self.model.region.attribute.weight[columns]).float()
        out = torch.zeros(*known.shape, feature.shape[1], device=images.device)
        return out.index_put((rows, columns), feature)

    def _value_loss(
        self, branch: RegionBranch | PatchBranch, feature: Tensor, values: Tensor, taller: Tensor
    ) -> Tensor:
        """Weighted cross-entropy of feature (B, A, E) against values (B, A), the mean over what is known.

        taller (B,): see `augment`.
        """
        assert branch.values
        solver, losses = self.config.SOLVER, []
        for attribute, weight in enumerate(self.weights):
            known = values[:, attribute] >= 0
            logits = branch.values.logits(feature[known, attribute], attribute)
            wanted = values[known, attribute]
            if self.model.attributes[attribute] in solver.LENGTHS:
                wanted = stretched_lengths(wanted, taller[known] / solver.LENGTH_STEP, len(weight))
            losses.append(F.cross_entropy(logits, wanted, weight, label_smoothing=solver.SMOOTHING, reduction="sum"))
        return torch.stack(losses).sum() / (values >= 0).sum().clamp(min=1)


def stretched_lengths(values: Tensor, longer: Tensor, number: int) -> Tensor:
    """values (m,) of a length, and how many values longer each looks -> (m, number) probabilities of what it shows.

    Values are in order of length from 1 on; 0, "invisible", stays.
    """
    every = torch.arange(number, device=values.device)
    length = (values + longer).clamp(1, number - 1)
    chance = torch.exp(-((every - length[:, None]) / LENGTH_SPREAD).square() / 2)
    chance[:, 0] = 0
    chance[values == 0] = (every == 0).float()
    return chance / chance.sum(dim=1, keepdim=True)


def _some(values: Tensor, number: int) -> Tensor:
    """As many of the known labels in (B, A) chosen at random, the others -1. (Batches of one size train far faster.)"""
    rows, columns = (values >= 0).nonzero(as_tuple=True)
    chosen = torch.randperm(len(rows), device=values.device)[:number]
    kept = torch.full_like(values, -1)
    kept[rows[chosen], columns[chosen]] = values[rows[chosen], columns[chosen]]
    return kept


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Cross-entropy of logits (B, A) against present (B, A): 1, 0, or NaN where it is unknown, which does not count."""
    known = ~present.isnan()
    if not known.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[known], present[known])


def value_shares(pictures: Pictures, attribute: int, number: int) -> Tensor:
    """(number,) the share of all pictures that have each value of an attribute."""
    values = pictures.values[:, attribute]
    return torch.bincount(values[values >= 0], minlength=number) / len(pictures)


def balanced_weight(seen: Tensor, power: float) -> Tensor:
    """Weights of an attribute's V values: how often each is seen, to the power of -`power`, 1 for the average picture.

    seen (V,): in any unit. Against a value of average frequency, none weighs more than MOST_WEIGHT.
    """
    total = seen.sum()
    if not total:
        return torch.ones_like(seen)
    relative = seen / total * (seen > 0).sum()
    weight = relative.clamp(min=1e-6).pow(-power).clamp(max=MOST_WEIGHT)
    return weight * total / (seen * weight).sum()
