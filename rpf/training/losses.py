"""The published losses: RPF's of both stages (section 3.3), and ASEN++'s alignment."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Compute the mean of max(0, margin - cos(anchor, positive) + cos(anchor, negative)) over (B, D) features."""
    positive_cosine = F.cosine_similarity(anchor, positive, dim=-1)
    negative_cosine = F.cosine_similarity(anchor, negative, dim=-1)
    return F.relu(margin - positive_cosine + negative_cosine).mean()


def alignment_loss(regions: Sequence[Tensor], patches: Sequence[Tensor]) -> Tensor:
    """Sum the mean of 1 - cos(region, patch) over the roles of a triplet; (B, D) features each (ASEN++)."""
    pairs = zip(regions, patches, strict=True)
    return torch.stack([(1 - F.cosine_similarity(region, patch, dim=-1)).mean() for region, patch in pairs]).sum()


def contrastive_loss(
    region: Tensor, patch: Tensor, background: Tensor, attribute: Tensor, value: Tensor, tau: float, alpha: float
) -> Tensor:
    """Contrast each region with the patches of its attribute and value against all other patches and backgrounds.

    region, patch, background: (m, D) features of the same m images; attribute, value: (m,) integers. For each region,
    P sums exp(cos / tau) over the patches of its attribute and value (its own included), N over the other patches, G
    over the backgrounds of its attribute; the loss is the mean of log(P + N + alpha * G) - log P.
    """
    region, patch, background = (F.normalize(features, dim=-1) for features in (region, patch, background))
    same_attribute = attribute[:, None] == attribute
    same_value = same_attribute & (value[:, None] == value)
    to_patches = region @ patch.T / tau
    to_backgrounds = region @ background.T / tau
    positive = to_patches.masked_fill(~same_value, -torch.inf).logsumexp(dim=1)
    patches = to_patches.logsumexp(dim=1)  # P + N
    if alpha == 0:
        return (patches - positive).mean()
    backgrounds = to_backgrounds.masked_fill(~same_attribute, -torch.inf).logsumexp(dim=1) + math.log(alpha)
    return (torch.logaddexp(patches, backgrounds) - positive).mean()
