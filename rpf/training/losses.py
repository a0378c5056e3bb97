"""The losses of both stages, as pure functions (RPF, section 3.3)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin - cos(anchor, positive) + cos(anchor, negative)), a scalar.

    anchor, positive, negative: (B, D), of any length: their cosines are compared.
    """
    nearer = F.cosine_similarity(anchor, positive, dim=-1)
    farther = F.cosine_similarity(anchor, negative, dim=-1)
    return F.relu(margin - nearer + farther).mean()


def contrastive_loss(
    region: Tensor, patch: Tensor, background: Tensor, attribute: Tensor, value: Tensor, tau: float, alpha: float
) -> Tensor:
    """How much less alike a region is to the patches of its own attribute and value than to all else, a scalar.

    region, patch, background: (m, D) features of the same m pictures, of any length; attribute, value: (m,) integers.
    For each region i, P sums exp(cos / tau) over the patches of the same attribute and value (its own included), N
    over the other patches, G over the backgrounds of the same attribute whatever their value; the loss is the mean
    of log(P + N + alpha * G) - log P.
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
