"""Convolutional backbones that keep a grid of features, one for every 16 x 16 pixels."""

import timm
from torch import Tensor, nn

from rpf.errors import ConfigError


class ResNetTrunk(nn.Module):
    """A timm ResNet up to and including layer3: (B, 3, S, S) -> (B, C, S/16, S/16)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False)
        self.conv1, self.bn1, self.act1, self.maxpool = net.conv1, net.bn1, net.act1, net.maxpool
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3
        self.channels: int = net.feature_info[3]["num_chs"]

    def forward(self, image: Tensor) -> Tensor:
        x = self.maxpool(self.act1(self.bn1(self.conv1(image))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return x


class EfficientNetTrunk(nn.Module):
    """All stages of a timm EfficientNet, the last reduction left out: (B, 3, S, S) -> (B, C, S/16, S/16)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False)
        self.conv_stem, self.bn1, self.blocks = net.conv_stem, net.bn1, net.blocks
        self.blocks[5][0].conv_dw.stride = (1, 1)
        self.channels: int = net.feature_info[-1]["num_chs"]

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.blocks(self.bn1(self.conv_stem(image)))
        return x


def make_trunk(name: str) -> ResNetTrunk | EfficientNetTrunk:
    """A backbone by its name in timm, with random weights. Raises ConfigError for one that cannot serve."""
    if timm.is_model(name):
        if name.startswith("resnet"):
            return ResNetTrunk(name)
        if name.startswith("tf_efficientnet_lite"):
            return EfficientNetTrunk(name)
    raise ConfigError("%(name)s is no backbone that we know: resnet... or tf_efficientnet_lite... of timm", name=name)
