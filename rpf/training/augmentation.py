"""Random augmentation of image batches on the training device."""

import torch
import torch.nn.functional as F
from torch import Tensor

ROTATION_STD = 0.12  # radians
SCALE_RANGE = (0.8, 1.15)  # above 1 the image shrinks
MAX_SHIFT = 0.1  # of half the side
ERASING_PROBABILITY = 0.25


def augment(pixels: Tensor, size: int, aspect_jitter: float = 0.12) -> tuple[Tensor, Tensor]:
    """Apply random affine changes, stretching, colour jitter and erasing to pixels (B, 3, S, S) uint8.

    Returns images (B, 3, size, size) float32, 0 to 1, and (B,) for each the log of the factor by which height over
    width has grown, of standard deviation aspect_jitter. `size` should not be much smaller than S, as pixels are
    sampled without antialiasing. Uses torch's global random generator.
    """
    log_aspect = torch.randn(len(pixels), device=pixels.device) * aspect_jitter
    images = _jitter_colours(_warp(pixels.float() / 255, size, log_aspect))
    return _erase(images), log_aspect


def _warp(images: Tensor, size: int, log_aspect: Tensor) -> Tensor:
    count, device = len(images), images.device
    angle = torch.randn(count, device=device) * ROTATION_STD
    scale = torch.empty(count, device=device).uniform_(*SCALE_RANGE)
    stretch = (log_aspect / 2).exp()
    mirror = torch.randint(2, (count,), device=device) * 2.0 - 1
    x, y = torch.empty(2, count, device=device).uniform_(-MAX_SHIFT, MAX_SHIFT)
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cos * mirror * stretch, -sin, x], 1), torch.stack([sin * mirror, cos / stretch, y], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), [count, 3, size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _jitter_colours(images: Tensor) -> Tensor:
    count, device = len(images), images.device

    def uniform(channels: int, low: float, high: float) -> Tensor:
        return torch.empty(count, channels, 1, 1, device=device).uniform_(low, high)

    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * uniform(1, 0.3, 1.5)  # saturation
    mean = images.mean(dim=(2, 3), keepdim=True)
    images = (images - mean) * uniform(1, 0.6, 1.4) + mean  # contrast
    images = images * uniform(1, -0.35, 0.35).exp() * uniform(3, -0.1, 0.1).exp()  # brightness, tint
    if torch.rand(()) < 0.3:
        images = F.avg_pool2d(images, 3, 1, 1)
    return (images + torch.randn_like(images) * 0.02).clamp(0, 1)


def _erase(images: Tensor) -> Tensor:
    """Cover a rectangle of some images with one colour (random erasing, Zhong et al. 2020)."""
    count, side, device = len(images), images.shape[-1], images.device
    size = torch.empty(2, count, 1, device=device).uniform_(0.1, 0.35) * side
    start = torch.rand(2, count, 1, device=device) * (side - size)
    line = torch.arange(side, device=device)
    inside = (line >= start) & (line < start + size)  # (2, B, S)
    chosen = torch.rand(count, 1, 1, device=device) < ERASING_PROBABILITY
    mask = inside[0][:, :, None] & inside[1][:, None, :] & chosen
    return torch.where(mask[:, None], torch.rand(count, 3, 1, 1, device=device), images)
