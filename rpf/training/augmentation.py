"""Random views of pictures, a batch at a time, on the device that trains."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

TURN = 0.12  # radians, standard deviation
ZOOM = (0.8, 1.15)  # above 1 the picture shrinks
SHIFT = 0.1  # of half the side
ERASED = 0.25  # share of the pictures that lose a rectangle


class Views(NamedTuple):
    """B changed pictures."""

    images: Tensor  # (B, 3, size, size) float32, 0 to 1
    taller: Tensor  # (B,) the log of how much taller things became, over how much wider


def augment(pixels: Tensor, size: int, stretch: float = 0.12) -> Views:
    """pixels (B, 3, S, S) uint8 -> the same moved, stretched, in another light, partly erased.

    `stretch` is the standard deviation of `taller`. `size` should not be much smaller than S: pixels in between are
    left out. Random numbers are torch's own.
    """
    taller = torch.randn(len(pixels), device=pixels.device) * stretch
    images = _move(pixels.float() / 255, size, taller)
    images = _relight(images)
    return Views(_erase(images), taller)


def _move(images: Tensor, size: int, taller: Tensor) -> Tensor:
    count, device = len(images), images.device
    angle = torch.randn(count, device=device) * TURN
    zoom = torch.empty(count, device=device).uniform_(*ZOOM)
    narrower = (taller / 2).exp()
    mirror = torch.randint(2, (count,), device=device) * 2.0 - 1
    x, y = torch.empty(2, count, device=device).uniform_(-SHIFT, SHIFT)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([cos * mirror * narrower, -sin, x], 1), torch.stack([sin * mirror, cos / narrower, y], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), [count, 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _relight(images: Tensor) -> Tensor:
    count, device = len(images), images.device

    def each(channels: int, low: float, high: float) -> Tensor:
        return torch.empty(count, channels, 1, 1, device=device).uniform_(low, high)

    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * each(1, 0.3, 1.5)  # saturation
    mean = images.mean(dim=(2, 3), keepdim=True)
    images = (images - mean) * each(1, 0.6, 1.4) + mean  # contrast
    images = images * each(1, -0.35, 0.35).exp() * each(3, -0.1, 0.1).exp()  # brightness, tint
    if torch.rand(()) < 0.3:
        images = F.avg_pool2d(images, 3, 1, 1)
    return (images + torch.randn_like(images) * 0.02).clamp(0, 1)


def _erase(images: Tensor) -> Tensor:
    """A rectangle of one colour over some of the pictures (Zhong et al. 2020)."""
    count, side, device = len(images), images.shape[-1], images.device
    size = torch.empty(2, count, 1, device=device).uniform_(0.1, 0.35) * side
    start = torch.rand(2, count, 1, device=device) * (side - size)
    line = torch.arange(side, device=device)
    inside = (line >= start) & (line < start + size)  # (2, B, S)
    chosen = torch.rand(count, 1, 1, device=device) < ERASED
    mask = inside[0][:, :, None] & inside[1][:, None, :] & chosen
    return torch.where(mask[:, None], torch.rand(count, 3, 1, 1, device=device), images)
