"""The region branch: attention over the image for each attribute, and its pooled feature (RPF, section 3.1)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rpf.config import Config
from rpf.errors import ConfigError
from rpf.models.backbone import Backbone
from rpf.models.libraries import Mlp
from rpf.models.prototypes import ClassPrototypes

LAYER_NORM_EPS = 1e-6


class RegionOutput(NamedTuple):
    """Output for B images with n attributes each, on an h x w grid."""

    feature: Tensor  # (B, n, EMBED_SIZE), not normalised
    background: Tensor | None  # (B, n, EMBED_SIZE), not normalised; None in ASEN
    attention: Tensor  # (B, n, h, w), sums to 1 over the grid
    presence_logits: Tensor | None  # (B, n) of the garment having that part; None without the presence head


class PresenceHead(nn.Module):
    """Two-layer classifier of which parts a garment has at all. Not in the paper.

    Its input is the attention-pooled feature of every attribute, and the mean and maximum over the grid.
    """

    def __init__(self, channels: int, attributes: int, hidden: int = 256) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels * (attributes + 2), hidden)
        self.fc2 = nn.Linear(hidden, attributes)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor, pooled: Tensor) -> Tensor:
        """Compute logits (B, attributes) from features x (B, L, C) over the grid and pooled (B, attributes, C)."""
        features = torch.cat([pooled.flatten(1), x.mean(dim=1), x.amax(dim=1)], dim=1)
        return self.fc2(self.drop(F.relu(self.fc1(features))))


class RegionBranch(nn.Module):
    """One backbone pass per image, then attention and a feature for each wanted attribute."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        model, width = config.MODEL, config.MODEL.EMBED_SIZE
        spatial = model.GLOBAL.ATTENTION.SPATIAL
        self.trunk = Backbone(model.GLOBAL.BACKBONE.NAME)
        channels = model.GLOBAL.BACKBONE.EMBED_SIZE
        if self.trunk.channels != channels or channels != width:
            raise ConfigError(
                '"%(name)s" has %(channels)d channels: set MODEL.EMBED_SIZE and MODEL.GLOBAL.BACKBONE.EMBED_SIZE so',
                name=model.GLOBAL.BACKBONE.NAME, channels=self.trunk.channels,
            )  # fmt: skip
        self.attribute = nn.Embedding(config.DATA.NUM_ATTRIBUTES, model.ATTRIBUTE.EMBED_SIZE)
        self.image_norm = nn.LayerNorm(channels, eps=LAYER_NORM_EPS)
        self.attribute_norm = nn.LayerNorm(model.ATTRIBUTE.EMBED_SIZE, eps=LAYER_NORM_EPS)
        self.key = nn.Linear(channels, spatial.COMMON_EMBED_SIZE)  # a 1x1 convolution over the grid
        self.query = nn.Linear(model.ATTRIBUTE.EMBED_SIZE, spatial.COMMON_EMBED_SIZE)
        self.feature_fc = nn.Linear(channels, width)
        self.mlp_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(width, width // spatial.REDUCTION_RATE, act_layer=nn.ReLU, drop=0.1)
        # "trunk", "applicability" and "values" are parts of the state-dict keys in published checkpoints.
        self.applicability = PresenceHead(channels, config.DATA.NUM_ATTRIBUTES) if model.PRESENCE.ENABLE else None
        self.presence_gradient = model.PRESENCE.GRADIENT
        self.values = ClassPrototypes(config) if model.PROTOTYPES.ENABLE else None

    def forward(self, images: Tensor, attributes: Tensor) -> RegionOutput:
        """Attend to normalised images (B, 3, S, S) by attributes (B, n) int64."""
        grid = self.trunk(images)
        x = self.image_norm(grid.flatten(2).transpose(1, 2))  # (B, L, C)
        key = torch.tanh(self.key(x))
        attention = self._attention(key, self.attribute(attributes))  # (B, n, L)
        rest = 1 - attention
        rest = rest / rest.sum(dim=-1, keepdim=True)
        return RegionOutput(
            feature=self._refine(self.feature_fc(attention @ x)),
            background=self._refine(rest @ x),
            attention=attention.unflatten(-1, grid.shape[-2:]),
            presence_logits=self._presence_logits(x, key, attributes),
        )

    def _attention(self, key: Tensor, attributes: Tensor) -> Tensor:
        """Compute weights (B, n, L) of the grid from keys (B, L, K) and attribute embeddings (..., n, width)."""
        query = torch.tanh(self.query(self.attribute_norm(attributes)))
        return (query @ key.transpose(1, 2) / key.shape[-1] ** 0.5).softmax(dim=-1)

    def _presence_logits(self, x: Tensor, key: Tensor, attributes: Tensor) -> Tensor | None:
        if self.applicability is None:
            return None
        with torch.no_grad():
            attention = self._attention(key, self.attribute.weight)
        if x.requires_grad:
            x = torch.lerp(x.detach(), x, self.presence_gradient)
        return self.applicability(x, attention @ x).gather(1, attributes)

    def _refine(self, h: Tensor) -> Tensor:
        return self.mlp_norm(h + self.mlp(self.mlp_norm(h)))
