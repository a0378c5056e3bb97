"""Convolutional backbones whose feature grid has stride 16."""

from collections import OrderedDict

import timm
from torch import nn

from rpf.errors import ConfigError


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
