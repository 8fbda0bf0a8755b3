"""Scaling and cutting of images, N C H W, uint8 or float; what training and every test have in common."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.protocol import SingleCrop

LONGEST = 32  # times the shorter side


def resize(images: Tensor, height: int, width: int, interpolation: str = "bilinear") -> Tensor:
    """Bilinear and bicubic with antialiasing, at most one grey level from Pillow's; "area" and "nearest" are Pillow's.

    Float images (a mean image was subtracted) know only the first two.
    """
    if images.shape[2:] == (height, width):
        return images
    if interpolation in {"area", "nearest"} and not images.is_floating_point():
        return _by_pillow(images, height, width, interpolation)
    if height == width == 1:  # torch cannot tell the layout of one pixel, and fails on it unless it is told
        images = images.contiguous(memory_format=torch.channels_last)
    mode = "bicubic" if interpolation == "bicubic" else "bilinear"
    return F.interpolate(images, size=(height, width), mode=mode, antialias=True)


def _by_pillow(images: Tensor, height: int, width: int, interpolation: str) -> Tensor:
    from PIL import Image

    method = Image.Resampling.BOX if interpolation == "area" else Image.Resampling.NEAREST
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), method)) for plane in images.flatten(0, 1).numpy()
    ]
    return torch.from_numpy(np.stack(planes)).reshape(*images.shape[:2], height, width)


def short_side(images: Tensor, length: int, interpolation: str = "bilinear") -> Tensor:
    """Scale so that the shorter side has ``length`` pixels; the longer one is rounded down, as torchvision does.

    Of an image longer than ``LONGEST`` times its width the middle is kept: a line of 30,000 pixels, scaled up to be 256
    wide, would take gigabytes.
    """
    height, width = images.shape[2:]
    if height > LONGEST * width or width > LONGEST * height:
        images = _middle(images, LONGEST * min(height, width), LONGEST * min(height, width))
        height, width = images.shape[2:]
    if height <= width:
        return resize(images, length, max(1, length * width // height), interpolation)
    return resize(images, max(1, length * height // width), length, interpolation)


def _middle(images: Tensor, height: int, width: int) -> Tensor:
    top, left = (max(0, side - wanted) // 2 for side, wanted in zip(images.shape[2:], (height, width), strict=True))
    return images[:, :, top : top + height, left : left + width]


def single_crop(images: Tensor, view: SingleCrop) -> Tensor:
    """The test view, as ``view`` describes it."""
    if view.squash:
        return centre(resize(images, view.resize, view.resize, view.interpolation), view.crop, view.fill)
    if view.crop_first:
        side = max(1, min(images.shape[2:]) * view.crop // view.resize)
        return resize(_middle(images, side, side), view.crop, view.crop, view.interpolation)
    return centre(short_side(images, view.resize, view.interpolation), view.crop, view.fill)


def centre(images: Tensor, size: int, fill: int) -> Tensor:
    """The central ``size`` x ``size`` square; where the image is smaller, ``fill`` surrounds it."""
    height, width = images.shape[2:]
    missing_y, missing_x = max(0, size - height), max(0, size - width)
    if missing_y or missing_x:
        top, left = missing_y // 2, missing_x // 2
        images = F.pad(images, (left, missing_x - left, top, missing_y - top), value=fill)
        height, width = images.shape[2:]
    top, left = round((height - size) / 2), round((width - size) / 2)
    return images[:, :, top : top + size, left : left + size]
