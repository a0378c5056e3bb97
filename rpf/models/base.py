"""The base of both models: images in, one embedding per attribute out."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from rpf.attributes import MISSING_BELOW
from rpf.config import Config
from rpf.models.asen_branches import GlobalBranch, LocalBranch
from rpf.models.backbone import STRIDE
from rpf.models.garment_detector import GarmentDetector
from rpf.models.lanes import Lanes
from rpf.models.output import Floats, TwoBranchOutput
from rpf.models.patch_branch import PatchBranch
from rpf.models.preprocessing import Box, centre_square, crop, pad_square, unpad_boxes
from rpf.models.region_branch import RegionBranch, RegionOutput
from rpf.models.roi import attention_squares, image_boxes
from rpf.models.value_classifier import ValueClassifier

CROP_BATCH_SIZE = 64  # bounds the patch branch's memory


class Network(NamedTuple):
    """A network from images to one tensor."""

    parent: object
    attribute: str  # its name in the parent
    shapes: list[tuple[int, int]]  # height and width of its images


class TwoBranchModel(nn.Module):
    """A region branch on the whole image and, from stage 2 on, a patch branch on the crops that its attention chooses.

    The state-dict keys begin with the names `region` and `patch`, whichever model it is.
    """

    region: RegionBranch | GlobalBranch
    patch: PatchBranch | LocalBranch | None

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.attributes = config.DATA.ATTRIBUTES.NAME
        self.checkpoint_hash = ""  # sha256 of the file that the weights came from
        self.note = ""  # about the weights, shown on the site
        self.value_classifier: ValueClassifier | None = None
        self.detector: GarmentDetector | None = None
        self.lanes: Lanes | None = None  # for several images at once
        self.precision = "float32"  # in which the networks compute
        self.dim = config.MODEL.EMBED_SIZE * (2 if config.MODEL.with_crops else 1)

    def networks(self) -> dict[str, Network]:
        """Return the networks that take most of the time, by name."""
        raise NotImplementedError

    def share_weights(self) -> Self:
        """Return a copy of the modules that shares the tensors, the config, the value classifier and the detector."""
        shared = (*self.parameters(), *self.buffers(), self.config, self.value_classifier, self.detector)
        return deepcopy(self, {id(one): one for one in shared})

    @property
    def device(self) -> torch.device:
        return self.region.attribute.weight.device

    @torch.inference_mode()
    def embed(
        self,
        images: Sequence[Image.Image],
        wanted: Sequence[Sequence[int]] | None = None,
        skip_missing: bool = False,
    ) -> TwoBranchOutput:
        """Embed RGB images of any size: one backbone pass each, all crops in batches.

        wanted: for each image the indices of the attributes to embed; None for all. skip_missing: leave out those whose
        parts seem to be missing. The patch branch gets no crops of other attributes, whose embeddings and patch
        features are NaN.
        """
        if self.lanes and len(images) > 1:
            return self.lanes.embed(images, wanted, skip_missing)
        inputs, sizes = self.config.INPUT, [image.size for image in images]
        aspects = np.array([height / width for width, height in sizes])
        offsets = [(0, 0)] * len(images)
        if inputs.RESIZE_MODE == "pad":
            padded = [pad_square(image, inputs) for image in images]
            images, offsets = [square for square, _ in padded], [offset for _, offset in padded]
        output = self.look(
            torch.from_numpy(aspects > inputs.tall_aspect),
            lambda rows, side: self.tensor([centre_square(images[row], side) for row in rows.tolist()]),
        )
        squares = attention_squares(output.attention.flatten(0, 1), inputs.frame, inputs.THRESHOLD)
        boxes = [
            image_boxes(image_squares, inputs.frame, *image.size)
            for image_squares, image in zip(squares.reshape(len(images), -1, 3), images, strict=True)
        ]
        region = embed_feature(output.feature, self.region)
        presence = _as_numpy(calibrated_presence(self.config, output.presence_logits))
        patch = None
        if self.patch:
            if wanted is None:
                wanted = [range(len(self.attributes))] * len(images)
            if skip_missing and presence is not None:
                present = presence >= MISSING_BELOW
                wanted = [[at for at in some if has[at]] for some, has in zip(wanted, present, strict=True)]
            features = self._patch_features(self.patch, images, boxes, wanted)
            patch = embed_feature(features, self.patch)
        embedding = self.join(region, patch).cpu().numpy()
        return TwoBranchOutput(
            embedding=embedding,
            region=region.cpu().numpy(),
            patch=_as_numpy(patch),
            attention=output.attention.cpu().numpy(),
            box=unpad_boxes(np.asarray(boxes, dtype=np.int32), offsets, sizes),
            presence=presence,
            presence_logits=_as_numpy(output.presence_logits),
            values=self.value_classifier.probabilities(embedding, aspects) if self.value_classifier else None,
        )

    def look(self, tall: Tensor, read_squares: Callable[[Tensor, int], Tensor]) -> RegionOutput:
        """Run the region branch on n images, for all attributes: the tall frame of those in `tall` (n,) bool.

        read_squares: from rows (m,) and a side S to normalised squares (m, 3, S, S) of these images, on the model's
        device. All attention is on the grid of squares of INPUT.frame pixels.
        """
        inputs, attributes = self.config.INPUT, torch.arange(len(self.attributes), device=self.device)
        order, outputs = [], []
        for is_tall, side in ((False, inputs.GLOBAL_SIZE), (True, inputs.TALL_SIZE)):
            rows = (tall == is_tall).nonzero()[:, 0]
            if not len(rows):
                continue
            pixels = read_squares(rows, side)
            if is_tall:
                pixels = pixels[..., inputs.tall_columns]
            output = self.region(pixels.contiguous(memory_format=torch.channels_last), attributes.expand(len(rows), -1))
            order.append(rows)
            outputs.append(output._replace(attention=self._on_frame(output.attention)))
        if len(outputs) == 1:
            return outputs[0]
        positions = torch.cat(order).argsort().to(self.device)
        parts = (None if parts[0] is None else torch.cat(parts)[positions] for parts in zip(*outputs, strict=True))
        return RegionOutput._make(parts)

    def _on_frame(self, attention: Tensor) -> Tensor:
        """Bring attention (n, A, h, w) over either frame to the grid of a square of INPUT.frame pixels."""
        side = self.config.INPUT.TALL_SIZE // STRIDE
        if side in {0, attention.shape[-1]}:
            return attention
        if side == attention.shape[-2]:
            return F.pad(attention, (side // 4, side // 4))
        resized = F.interpolate(attention, (side, side), mode="bilinear", align_corners=False)
        return resized / resized.sum(dim=(2, 3), keepdim=True)

    def join(self, region: Tensor, patch: Tensor | None) -> Tensor:
        """Join the unit features of the branches, (..., EMBED_SIZE) each, to unit embeddings (RPF, equation 12).

        A dot product of two embeddings is beta * cos(regions) + (1 - beta) * cos(patches).
        """
        if patch is None:
            return region
        beta = self.config.SOLVER.BETA
        return torch.cat([beta**0.5 * region, (1 - beta) ** 0.5 * patch], dim=-1)

    def _patch_features(
        self,
        branch: PatchBranch | LocalBranch,
        images: Sequence[Image.Image],
        boxes: Sequence[Sequence[Box]],
        wanted: Sequence[Sequence[int]],
    ) -> Tensor:
        """Compute (n, A, EMBED_SIZE) features of the wanted attributes; equal crops of an image are encoded once."""
        width = self.config.MODEL.EMBED_SIZE
        features = torch.full((len(images), len(self.attributes), width), torch.nan, device=self.device)
        pairs = [(row, attribute) for row, attributes in enumerate(wanted) for attribute in attributes]
        if not pairs:
            return features
        distinct = dict.fromkeys((row, boxes[row][attribute]) for row, attribute in pairs)
        positions = {key: position for position, key in enumerate(distinct)}
        side = self.config.INPUT.LOCAL_SIZE
        crops = [crop(images[row], box, side) for row, box in distinct]
        tokens = torch.cat(
            [
                branch.encode(self.tensor(crops[at : at + CROP_BATCH_SIZE]))
                for at in range(0, len(crops), CROP_BATCH_SIZE)
            ]
        )
        rows, attributes = torch.tensor(pairs, device=self.device).T
        index = torch.tensor([positions[row, boxes[row][attribute]] for row, attribute in pairs], device=self.device)
        for at in range(0, len(pairs), CROP_BATCH_SIZE):
            part = slice(at, at + CROP_BATCH_SIZE)
            query = self.region.attribute.weight[attributes[part]]
            features[rows[part], attributes[part]] = branch(tokens[index[part]], query)
        return features

    def tensor(self, images: Sequence[Image.Image]) -> Tensor:
        """Convert RGB images of one size to (n, 3, S, S) float32, normalised, on the model's device."""
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).to(self.device)
        return self.normalise(pixels.permute(0, 3, 1, 2).contiguous().float().div_(255))

    def normalise(self, images: Tensor) -> Tensor:
        """Normalise (n, 3, S, S) of 0 to 1, on the model's device, by PIXEL_MEAN and PIXEL_STD."""
        mean, std = (
            torch.tensor(v, device=self.device) for v in (self.config.INPUT.PIXEL_MEAN, self.config.INPUT.PIXEL_STD)
        )
        return (images - mean[:, None, None]).div_(std[:, None, None])


def calibrated_presence(config: Config, logits: Tensor | None) -> Tensor | None:
    """Turn presence logits (n, A) into probabilities (Platt scaling)."""
    if logits is None:
        return None
    scaling = torch.tensor(config.MODEL.PRESENCE.CALIBRATION or [(1.0, 0.0)], device=logits.device)
    return (logits * scaling[:, 0] + scaling[:, 1]).sigmoid()


def _as_numpy(tensor: Tensor | None) -> Floats | None:
    return None if tensor is None else tensor.cpu().numpy()


def embed_feature(feature: Tensor, branch: RegionBranch | PatchBranch | GlobalBranch | LocalBranch) -> Tensor:
    """Turn a branch's features (n, A, EMBED_SIZE) into its part of the embedding, unit vectors."""
    return F.normalize(feature, dim=-1) if branch.values is None else branch.values.embed(feature)
