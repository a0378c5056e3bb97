"""Convolutional backbones whose feature grid has stride 16."""

import timm
from torch import Tensor, nn

from rpf.errors import ConfigError


class ResNetBackbone(nn.Module):
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


class EfficientNetBackbone(nn.Module):
    """All stages of a timm EfficientNet without its last reduction: (B, 3, S, S) -> (B, C, S/16, S/16)."""

    def __init__(self, name: str) -> None:
        super().__init__()
        net = timm.create_model(name, pretrained=False)
        self.conv_stem, self.bn1, self.blocks = net.conv_stem, net.bn1, net.blocks
        self.blocks[5][0].conv_dw.stride = (1, 1)
        self.channels: int = net.feature_info[-1]["num_chs"]

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.blocks(self.bn1(self.conv_stem(image)))
        return x


def create_backbone(name: str) -> ResNetBackbone | EfficientNetBackbone:
    """Create a backbone by its name in timm, with random weights. Raises ConfigError for an unsupported one."""
    if timm.is_model(name):
        if name.startswith("resnet"):
            return ResNetBackbone(name)
        if name.startswith("tf_efficientnet_lite"):
            return EfficientNetBackbone(name)
    raise ConfigError('"%(name)s" is not a supported backbone; choose resnet... or tf_efficientnet_lite...', name=name)
