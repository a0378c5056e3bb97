"""The branches of ASEN (Ma et al., AAAI 2020) and ASEN++ (Dong et al., TIP 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rpf.config import Config
from rpf.config.sections import GlobalConfig
from rpf.errors import ConfigError
from rpf.models.backbone import Backbone
from rpf.models.region_branch import RegionOutput


class AttentionBranch(nn.Module):
    """A backbone, attribute-aware spatial attention, then attribute-aware channel attention."""

    values = None  # ASEN has no prototypes

    def __init__(self, config: Config, sizes: GlobalConfig, section: str) -> None:
        super().__init__()
        self.trunk = Backbone(sizes.BACKBONE.NAME)
        channels, attribute = sizes.BACKBONE.EMBED_SIZE, config.MODEL.ATTRIBUTE.EMBED_SIZE
        if self.trunk.channels != channels:
            raise ConfigError(
                '"%(name)s" has %(channels)d channels: set MODEL.%(section)s.BACKBONE.EMBED_SIZE so',
                name=sizes.BACKBONE.NAME, channels=self.trunk.channels, section=section,
            )  # fmt: skip
        common, hidden = sizes.ATTENTION.SPATIAL.COMMON_EMBED_SIZE, channels // sizes.ATTENTION.CHANNEL.REDUCTION_RATE
        self.key = nn.Linear(channels, common)  # a 1x1 convolution over the grid
        self.query = nn.Linear(attribute, common)
        self.channel_query = nn.Linear(attribute, attribute)
        self.channel_fc1 = nn.Linear(channels + attribute, hidden)
        self.channel_fc2 = nn.Linear(hidden, channels)
        self.feature_fc = nn.Linear(channels, config.MODEL.EMBED_SIZE)

    def attend(self, x: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor]:
        """Attend to grids (B, L, C) by attribute embeddings (B, n, width).

        Returns features (B, n, EMBED_SIZE), not normalised, and weights of the grid (B, n, L), which sum to 1.
        """
        key, query = torch.tanh(self.key(x)), torch.tanh(self.query(attributes))
        attention = (query @ key.transpose(1, 2) / key.shape[-1] ** 0.5).softmax(dim=-1)
        pooled = attention @ x
        joined = torch.cat([pooled, F.relu(self.channel_query(attributes))], dim=-1)
        gates = torch.sigmoid(self.channel_fc2(F.relu(self.channel_fc1(joined))))
        return self.feature_fc(pooled * gates), attention


class GlobalBranch(AttentionBranch):
    """ASEN's branch on the whole image, in the place of RPF's region branch."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.MODEL.GLOBAL, "GLOBAL")
        self.attribute = nn.Embedding(config.DATA.NUM_ATTRIBUTES, config.MODEL.ATTRIBUTE.EMBED_SIZE)

    def forward(self, images: Tensor, attributes: Tensor) -> RegionOutput:
        """Attend to normalised images (B, 3, S, S) by attributes (B, n) int64."""
        grid = self.trunk(images)
        feature, attention = self.attend(grid.flatten(2).transpose(1, 2), self.attribute(attributes))
        return RegionOutput(feature, None, attention.unflatten(-1, grid.shape[-2:]), None)


class LocalBranch(AttentionBranch):
    """ASEN++'s branch on the region of interest, in the place of RPF's patch branch."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.MODEL.LOCAL, "LOCAL")

    def encode(self, crops: Tensor) -> Tensor:
        """Encode normalised crops (m, 3, S, S) to grids (m, L, C) for any attribute."""
        return self.trunk(crops).flatten(2).transpose(1, 2)

    def forward(self, grids: Tensor, attribute: Tensor) -> Tensor:
        """Attend to grids (m, L, C) by attribute embeddings (m, ATTRIBUTE.EMBED_SIZE); returns (m, EMBED_SIZE)."""
        return self.attend(grids, attribute[:, None])[0][:, 0]
