"""Convolutional backbones whose feature grid has stride 16."""

from collections import OrderedDict
from typing import Self

from torch import nn

from rpf.errors import ConfigError
from rpf.models.libraries import timm

STRIDE = 16  # pixels from one place of the feature grid to the next


class Backbone(nn.Sequential):
    """A timm network without its last reduction, (B, 3, S, S) -> (B, C, S/16, S/16), with random weights.

    Of a ResNet all up to and including layer3, of an EfficientNet all stages. Raises ConfigError for other networks.
    """

    def __init__(self, name: str) -> None:
        is_resnet = name.startswith("resnet")
        if not timm.is_model(name) or not (is_resnet or name.startswith("tf_efficientnet_lite")):
            raise ConfigError(
                '"%(name)s" is not a supported backbone; choose resnet... or tf_efficientnet_lite...', name=name
            )
        net = timm.create_model(name, pretrained=False)
        layers = ["conv1", "bn1", "act1", "maxpool", "layer1", "layer2", "layer3"]
        if not is_resnet:
            layers = ["conv_stem", "bn1", "blocks"]
            net.blocks[5][0].conv_dw.stride = (1, 1)
        super().__init__(OrderedDict((layer, getattr(net, layer)) for layer in layers))
        self.channels: int = net.feature_info[3 if is_resnet else -1]["num_chs"]
        self.frozen = False

    def freeze(self, stages: int) -> None:
        """Keep the stem and the first stages of an EfficientNet as they are, and the statistics of all batch norms.

        Few images then suffice to train the rest, in two thirds of the time. Raises ConfigError for a ResNet.
        """
        if not isinstance(blocks := getattr(self, "blocks", None), nn.Sequential):
            raise ConfigError("SOLVER.FROZEN_STAGES needs a backbone tf_efficientnet_lite...")
        for module in (self.conv_stem, self.bn1, *blocks[:stages]):
            module.requires_grad_(False)
        self.frozen = True

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self
