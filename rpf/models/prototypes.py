"""Class prototypes: one direction in feature space for each value of each attribute. Not in the paper.

Features are classified by their cosines to the prototypes (as in CosFace, Wang et al. 2018, without its margin). The
embedding moves each feature towards the prototypes of its likely values, so that images of one value cluster.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from rpf.config import Config


class ClassPrototypes(nn.Module):
    """A prototype vector for each value of each attribute."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.scale, self.share = config.MODEL.PROTOTYPES.SCALE, config.MODEL.PROTOTYPES.SHARE
        sizes = [(count, config.MODEL.EMBED_SIZE) for count in config.DATA.ATTRIBUTES.NUM]
        # Not by torch.randn, which checkpoint.load could not leave out.
        self.vectors = nn.ParameterList(nn.Parameter(torch.empty(size).normal_()) for size in sizes)

    def logits(self, feature: Tensor, attribute: int) -> Tensor:
        """Compute the scaled cosines of one attribute's features (m, E) to its prototypes, (m, values)."""
        return self.scale * F.normalize(feature, dim=-1) @ F.normalize(self.vectors[attribute], dim=-1).T

    def embed(self, feature: Tensor) -> Tensor:
        """Turn features (n, A, E) into unit vectors.

        They have the directions of share * feature + sum over values of p(value) * prototype.
        """
        unit = F.normalize(feature, dim=-1)
        prototypes = F.normalize(pad_sequence(list(self.vectors), batch_first=True), dim=-1)  # (A, V, E)
        counts = torch.tensor([len(vectors) for vectors in self.vectors], device=feature.device)
        beyond = torch.arange(prototypes.shape[1], device=feature.device) >= counts[:, None]
        logits = self.scale * unit.transpose(0, 1) @ prototypes.transpose(1, 2)  # (A, n, V)
        shares = logits.masked_fill(beyond[:, None], -torch.inf).softmax(dim=-1)
        return F.normalize(self.share * unit + (shares @ prototypes).transpose(0, 1), dim=-1)
