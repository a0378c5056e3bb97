"""The whole model: pictures in, one embedding per attribute out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from rpf.config import Config
from rpf.images.decode import Box, centre_square, crop, pad_square
from rpf.models.patch_branch import PatchBranch
from rpf.models.region_branch import RegionBranch
from rpf.models.roi import attention_squares, picture_boxes

Floats = npt.NDArray[np.float32]
CROPS_AT_ONCE = 64  # bounds the memory that the transformer takes


@dataclass(frozen=True)
class ModelOutput:
    """What the model computes for n pictures and its A attributes."""

    embedding: Floats  # (n, A, D), unit vectors
    region: Floats  # (n, A, EMBED_SIZE), unit vectors
    patch: Floats | None  # (n, A, EMBED_SIZE), unit vectors; None without the patch branch
    attention: Floats  # (n, A, h, w)
    box: npt.NDArray[np.int32]  # (n, A, 4): left, top, right, bottom in the picture's pixels
    presence: Floats | None  # (n, A) how likely the garment has that part, 0 to 1; None without that head


class RPF(nn.Module):
    """Region branch and, when the config enables it, patch branch."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.attributes = config.DATA.ATTRIBUTES.NAME
        self.checkpoint_hash = ""  # sha256 of the file that the weights came from
        self.note = ""  # what a person should know about these weights
        self.precision = "float32"  # that trunk and transformer compute in
        self.region = RegionBranch(config)
        self.patch = PatchBranch(config) if config.MODEL.TRANSFORMER.ENABLE else None
        self.dim = config.MODEL.EMBED_SIZE * (2 if self.patch else 1)

    @property
    def device(self) -> torch.device:
        return self.region.attribute.weight.device

    @torch.inference_mode()
    def embed(self, pictures: Sequence[Image.Image], wanted: Sequence[Sequence[int]] | None = None) -> ModelOutput:
        """Embed RGB pictures of any size: one trunk pass each, all crops in batches.

        wanted: for each picture the places of the attributes that are asked for, all if None. The transformer reads
        no crops of others, whose embeddings and patch features are NaN.
        """
        frame, sizes = self.config.INPUT.GLOBAL_SIZE, [picture.size for picture in pictures]
        padded = [
            pad_square(picture) if self.config.INPUT.SQUARE == "pad" else (picture, (0, 0)) for picture in pictures
        ]
        pictures, places = [picture for picture, _ in padded], [place for _, place in padded]
        images = self.tensor([centre_square(picture, frame) for picture in pictures])
        attributes = torch.arange(len(self.attributes), device=self.device).expand(len(pictures), -1)
        seen = self.region(images, attributes)
        squares = attention_squares(seen.attention.flatten(0, 1), frame, self.config.INPUT.THRESHOLD)
        boxes = [
            picture_boxes(own, frame, *picture.size)
            for own, picture in zip(squares.reshape(len(pictures), -1, 3), pictures, strict=True)
        ]
        region = unit(seen.feature, self.region)
        patch = None
        if self.patch:
            asked = [range(len(self.attributes))] * len(pictures) if wanted is None else wanted
            patch = unit(self._patch_features(self.patch, pictures, boxes, asked), self.patch)
        return ModelOutput(
            embedding=self.join(region, patch).cpu().numpy(),
            region=region.cpu().numpy(),
            patch=None if patch is None else patch.cpu().numpy(),
            attention=seen.attention.cpu().numpy(),
            box=_within(np.asarray(boxes, dtype=np.int32), places, sizes),
            presence=None if seen.presence is None else seen.presence.sigmoid().cpu().numpy(),
        )

    def join(self, region: Tensor, patch: Tensor | None) -> Tensor:
        """Unit features of the branches, (..., EMBED_SIZE) each -> the unit embedding (RPF, equation 12).

        A dot product of two embeddings is beta * cos(regions) + (1 - beta) * cos(patches).
        """
        if patch is None:
            return region
        beta = self.config.SOLVER.BETA
        return torch.cat([beta**0.5 * region, (1 - beta) ** 0.5 * patch], dim=-1)

    def _patch_features(
        self,
        branch: PatchBranch,
        pictures: Sequence[Image.Image],
        boxes: Sequence[Sequence[Box]],
        wanted: Sequence[Sequence[int]],
    ) -> Tensor:
        """(n, A, EMBED_SIZE): the wanted attributes of every picture, equal crops of a picture encoded once."""
        features = torch.full((len(pictures), len(self.attributes), self.config.MODEL.EMBED_SIZE), torch.nan)
        features = features.to(self.device)
        asked = [(row, attribute) for row, own in enumerate(wanted) for attribute in own]
        if not asked:
            return features
        distinct = dict.fromkeys((row, boxes[row][attribute]) for row, attribute in asked)
        place = {key: position for position, key in enumerate(distinct)}
        side = self.config.INPUT.LOCAL_SIZE
        crops = [crop(pictures[row], box, side) for row, box in distinct]
        tokens = torch.cat(
            [branch.encode(self.tensor(crops[at : at + CROPS_AT_ONCE])) for at in range(0, len(crops), CROPS_AT_ONCE)]
        )
        rows, attributes = torch.tensor(asked, device=self.device).T
        index = torch.tensor([place[row, boxes[row][attribute]] for row, attribute in asked], device=self.device)
        for at in range(0, len(asked), CROPS_AT_ONCE):
            part = slice(at, at + CROPS_AT_ONCE)
            query = self.region.attribute.weight[attributes[part]]
            features[rows[part], attributes[part]] = branch(tokens[index[part]], query)
        return features

    def tensor(self, pictures: Sequence[Image.Image]) -> Tensor:
        """RGB pictures of one size -> (n, 3, S, S) float32, normalised, on the model's device."""
        pixels = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
        return self.normalised(pixels.to(self.device).permute(0, 3, 1, 2).float() / 255)

    def normalised(self, images: Tensor) -> Tensor:
        """(n, 3, S, S) of 0 to 1, on the model's device -> the same as the backbone wants it."""
        mean, std = (
            torch.tensor(v, device=self.device) for v in (self.config.INPUT.PIXEL_MEAN, self.config.INPUT.PIXEL_STD)
        )
        return (images - mean[:, None, None]) / std[:, None, None]


def unit(feature: Tensor, branch: RegionBranch | PatchBranch) -> Tensor:
    """(n, A, EMBED_SIZE) features of a branch -> its part of the embedding, unit vectors."""
    return branch.values.embed(feature) if branch.values else F.normalize(feature, dim=-1)


def _within(
    boxes: npt.NDArray[np.int32], places: Sequence[tuple[int, int]], sizes: Sequence[tuple[int, int]]
) -> npt.NDArray[np.int32]:
    """Boxes (n, A, 4) in padded squares -> what of them lies in the pictures that begin at `places` there."""
    if not any(x or y for x, y in places):
        return boxes
    moved = boxes - np.tile(np.array(places, dtype=np.int32), 2)[:, None]
    most = np.tile(np.array(sizes, dtype=np.int32), 2)[:, None]
    moved = moved.clip(0, most)
    moved[..., :2] = np.minimum(moved[..., :2], most[..., :2] - 1)
    moved[..., 2:] = np.maximum(moved[..., 2:], moved[..., :2] + 1)
    return moved
