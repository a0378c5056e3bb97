"""The patch branch: a vision transformer on the region of interest, queried by attribute (RPF, section 3.2)."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rpf.config import Config
from rpf.errors import ConfigError
from rpf.models.backbone import Backbone
from rpf.models.libraries import Mlp, PatchEmbed, VisionTransformer
from rpf.models.prototypes import ClassPrototypes
from rpf.models.region_branch import LAYER_NORM_EPS


class OverlapPatchEmbed(PatchEmbed):
    """Patch embedding with a stride below the patch size (SPLIT: overlap)."""

    def __init__(self, img_size: int, patch_size: int, embed_dim: int, stride: int, **kwargs: object) -> None:
        super().__init__(img_size=img_size, patch_size=patch_size, embed_dim=embed_dim, **kwargs)
        side = (img_size - patch_size) // stride + 1
        self.grid_size, self.num_patches = (side, side), side * side
        self.proj.stride = (stride, stride)


class HybridEmbed(nn.Module):
    """Tokens from a backbone's features instead of pixels: a hybrid (Dosovitskiy et al. 2021, section 3.1)."""

    def __init__(self, img_size: int, patch_size: int, embed_dim: int, stem: str, **_: object) -> None:
        super().__init__()
        self.trunk = Backbone(stem)
        self.proj = nn.Linear(self.trunk.channels, embed_dim)
        self.grid_size = (img_size // patch_size, img_size // patch_size)
        self.num_patches = self.grid_size[0] ** 2

    def forward(self, image: Tensor) -> Tensor:
        """Embed images (B, 3, S, S) as tokens (B, (S/16)^2, width)."""
        return self.proj(self.trunk(image).flatten(2).transpose(1, 2))


class CrossAttention(nn.Module):
    """Multi-head attention of one query to the tokens, with an output projection and no residual."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.heads, self.dropout = heads, dropout

    def forward(self, query: Tensor, tokens: Tensor) -> Tensor:
        """Attend with queries (m, width) to tokens (m, L, width) -> (m, width).

        With a single query it is cheaper to project the query onto the tokens than every token to a key, and to
        average tokens than their values.
        """
        q = self._heads(self.query(query), -1)  # (m, heads, width / heads)
        onto = torch.einsum("mhd,hdw->mhw", q, self._heads(self.key.weight)) @ tokens.transpose(1, 2)  # (m, heads, L)
        logits = onto + (q * self._heads(self.key.bias)).sum(dim=-1, keepdim=True)
        attention = F.dropout((logits / q.shape[-1] ** 0.5).softmax(dim=-1), self.dropout, self.training)
        projected = torch.einsum("mhw,hdw->mhd", attention @ tokens, self._heads(self.value.weight))
        values = projected + attention.sum(dim=-1, keepdim=True) * self._heads(self.value.bias)
        return self.out(values.flatten(1))

    def _heads(self, tensor: Tensor, dim: int = 0) -> Tensor:
        return tensor.unflatten(dim, (self.heads, -1))


class PatchBranch(nn.Module):
    """A ViT over the crop (`encode`), then cross-attention by the attribute, so that equal crops are encoded once."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes, out = config.MODEL.TRANSFORMER, config.MODEL.EMBED_SIZE
        width, side, patch = sizes.EMBED_SIZE, config.INPUT.LOCAL_SIZE, sizes.PATCH_SIZE
        if (side - patch) % sizes.stride or side < patch:
            raise ConfigError("INPUT.LOCAL_SIZE: %(side)d pixels do not divide into patches", side=side)
        for key in ("NUM_HEADS", "CROSS_NUM_HEADS"):
            if width % getattr(sizes, key):
                raise ConfigError("MODEL.TRANSFORMER.%(key)s must divide EMBED_SIZE", key=key)
        embed_layer: Callable[..., nn.Module] = PatchEmbed
        if sizes.STEM:
            embed_layer = partial(HybridEmbed, stem=sizes.STEM)
        elif sizes.SPLIT == "overlap":
            embed_layer = partial(OverlapPatchEmbed, stride=sizes.stride)
        self.vit = VisionTransformer(
            img_size=side,
            patch_size=patch,
            embed_dim=width,
            depth=sizes.NUM_LAYERS,
            num_heads=sizes.NUM_HEADS,
            mlp_ratio=sizes.MLP_DIM / width,
            num_classes=0,
            global_pool="",
            final_norm=False,
            pos_drop_rate=sizes.DROPOUT_RATE,
            proj_drop_rate=sizes.DROPOUT_RATE,
            attn_drop_rate=sizes.ATT_DROPOUT_RATE,
            embed_layer=embed_layer,
        )
        for block in self.vit.blocks:  # timm has one rate for both; the attention's own is another
            block.attn.proj_drop.p = sizes.ATT_DROPOUT_RATE
        self.role = nn.Parameter(torch.zeros(2, width))  # type embedding: [0] of the query, [1] of the tokens
        self.attribute_query = nn.Linear(config.MODEL.ATTRIBUTE.EMBED_SIZE, width)
        self.cross_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.cross = CrossAttention(width, sizes.CROSS_NUM_HEADS, sizes.ATT_DROPOUT_RATE)
        self.fc = nn.Linear(width, out)
        self.mlp_norm = nn.LayerNorm(out, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(out, out // sizes.REDUCTION_RATE, drop=sizes.DROPOUT_RATE)
        self.norm = nn.LayerNorm(out, eps=LAYER_NORM_EPS)
        # "values" is part of the state-dict keys in published checkpoints.
        self.values = ClassPrototypes(config) if config.MODEL.PROTOTYPES.ENABLE else None
        for module in (self.attribute_query, self.cross, self.fc, self.mlp):
            module.apply(_init_weights)
        nn.init.trunc_normal_(self.role, std=0.02)

    def encode(self, crops: Tensor) -> Tensor:
        """Encode normalised crops (m, 3, S, S) to tokens (m, L, width) for any attribute's query."""
        return self.cross_norm(self.vit(crops)[:, 1:] + self.role[1])  # without the class token

    def forward(self, tokens: Tensor, attribute: Tensor) -> Tensor:
        """Query tokens (m, L, width) by attribute embeddings (m, ATTRIBUTE.EMBED_SIZE); returns (m, EMBED_SIZE)."""
        query = self.cross_norm(self.attribute_query(attribute) + self.role[0])
        h = self.fc(self.cross(query, tokens))
        return self.norm(h + self.mlp(self.mlp_norm(h)))


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
