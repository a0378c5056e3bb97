"""Value vectors: what each value of an attribute looks like, as a direction among the features.

Not in the paper. Features are classified by their cosines to these vectors (as in CosFace, Wang et al. 2018, without
its margin), and the embedding moves each feature towards the values that it shows: pictures of one value come
together, and what is undecided between two values lies between them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rpf.config import Config


class ClassPrototypes(nn.Module):
    """One vector for each value of each attribute."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.scale, self.share = config.MODEL.VALUES.SCALE, config.MODEL.VALUES.SHARE
        width = config.MODEL.EMBED_SIZE
        self.vectors = nn.ParameterList(nn.Parameter(torch.randn(count, width)) for count in config.DATA.ATTRIBUTES.NUM)

    def logits(self, feature: Tensor, attribute: int) -> Tensor:
        """feature (m, E) of one attribute -> (m, values)."""
        return self.scale * F.normalize(feature, dim=-1) @ F.normalize(self.vectors[attribute], dim=-1).T

    def embed(self, feature: Tensor) -> Tensor:
        """feature (n, A, E) -> unit vectors (n, A, E): share * feature + sum over values of p(value) * its vector."""
        unit = F.normalize(feature, dim=-1)
        mixed = [
            self.share * unit[:, attribute]
            + self.logits(unit[:, attribute], attribute).softmax(dim=-1) @ F.normalize(vectors, dim=-1)
            for attribute, vectors in enumerate(self.vectors)
        ]
        return F.normalize(torch.stack(mixed, dim=1), dim=-1)
