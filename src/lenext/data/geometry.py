"""Scaling and cutting of images, N C H W, uint8 or float; what training and every test have in common."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.data.array_view import resampling
from lenext.data.sizes import Shape, covering, fitting, largest
from lenext.protocol import SingleCrop

WASTE = 3  # times the view's pixels: where more would be scaled than is seen, only that is scaled


def resize(images: Tensor, height: int, width: int, interpolation: str = "bilinear") -> Tensor:
    """Bilinear and bicubic with antialiasing, one grey level from Pillow's; "area" and "nearest" are Pillow's.

    torch's weights have 16 bits where Pillow's have 22: of pure noise, three pixels in fifty million differ by two.
    Float images (a mean image was subtracted) know only the first two.
    """
    if images.shape[2:] == (height, width):
        return images
    if interpolation in {"area", "nearest"} and not images.is_floating_point():
        return _by_pillow(images, height, width, interpolation)
    mode = "bicubic" if interpolation == "bicubic" else "bilinear"
    if 1 in (height, width):  # of a line of pixels torch mistakes the layout, unless two channels lie side by side
        channels = images.shape[1]
        if channels > 4:  # nor then
            return torch.cat([resize(part, height, width, interpolation) for part in images.split(4, dim=1)], dim=1)  # type: ignore[no-untyped-call]
        images = images.expand(-1, max(2, channels), -1, -1).contiguous(memory_format=torch.channels_last)
        return F.interpolate(images, size=(height, width), mode=mode, antialias=True)[:, :channels]
    return F.interpolate(images, size=(height, width), mode=mode, antialias=True)


def _by_pillow(
    images: Tensor, height: int, width: int, interpolation: str, box: tuple[float, float, float, float] | None = None
) -> Tensor:
    """The images, or the ``box`` of them (left, top, right, bottom)."""
    from PIL import Image

    method = resampling(interpolation)
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), method, box))
        for plane in images.flatten(0, 1).numpy()
    ]
    return torch.from_numpy(np.stack(planes)).reshape(*images.shape[:2], height, width)


def short_side(images: Tensor, length: int, interpolation: str = "bilinear") -> Tensor:
    """Scale so that the shorter side has ``length`` pixels; the longer one is rounded down, as torchvision does.

    Of an image longer than ``LONGEST`` times its width the middle is kept: a line of 30,000 pixels, scaled up to be 256
    wide, would take gigabytes.
    """
    return cover(images, length, length, interpolation)


def cover(images: Tensor, tall: int, wide: int, interpolation: str = "bilinear") -> Tensor:
    """Scale, aspect kept, so that a rectangle of ``tall`` x ``wide`` pixels is just covered; as ``short_side`` does."""
    kept, scaled = covering((images.shape[2], images.shape[3]), tall, wide)
    return resize(_middle(images, *kept), *scaled, interpolation)


def fit(images: Tensor, tall: int, wide: int, interpolation: str = "bilinear") -> Tensor:
    """Scale, aspect kept, so that the whole image just fits into ``tall`` x ``wide`` pixels."""
    return resize(images, *fitting((images.shape[2], images.shape[3]), tall, wide), interpolation)


def _middle(images: Tensor, height: int, width: int) -> Tensor:
    top, left = (max(0, side - wanted) // 2 for side, wanted in zip(images.shape[2:], (height, width), strict=True))
    return images[:, :, top : top + height, left : left + width]


def single_crop(images: Tensor, view: SingleCrop) -> Tensor:
    """The test view, as ``view`` describes it."""
    shape, scaled = view.shape, view.scaled
    if view.squash:
        return window(resize(images, *scaled, view.interpolation), shape, view.fill)
    if view.letterbox:
        return window(fit(images, *scaled, view.interpolation), shape, view.fill)
    if view.crop_first:
        kept = largest((images.shape[2], images.shape[3]), view)
        return resize(_middle(images, *kept), *shape, view.interpolation)
    kept, covered = covering((images.shape[2], images.shape[3]), *scaled)
    if covered[0] * covered[1] > WASTE * shape[0] * shape[1] and not images.is_floating_point():
        return window(_seen(_middle(images, *kept), covered, shape, view.interpolation), shape, view.fill)
    return window(cover(images, *scaled, view.interpolation), shape, view.fill)


def _seen(images: Tensor, scaled: Shape, shape: Shape, interpolation: str) -> Tensor:
    """Of the images scaled to ``scaled``: the middle of at most ``shape``, and never the rest, by Pillow."""
    seen, box = [], []
    for side, length, wanted in zip(images.shape[2:], scaled, shape, strict=True):
        pixels = min(length, wanted)
        start = round((length - pixels) / 2)
        seen.append(pixels)
        box.append((start * side / length, (start + pixels) * side / length))
    (top, bottom), (left, right) = box
    return _by_pillow(images, seen[0], seen[1], interpolation, (left, top, right, bottom))


def centre(images: Tensor, size: int, fill: int) -> Tensor:
    """The central ``size`` x ``size`` square; where the image is smaller, ``fill`` surrounds it."""
    return window(images, (size, size), fill)


def window(images: Tensor, shape: tuple[int, int], fill: int) -> Tensor:
    """The central rectangle of ``shape`` (height, width); where the image is smaller, ``fill`` surrounds it."""
    height, width = images.shape[2:]
    missing_y, missing_x = max(0, shape[0] - height), max(0, shape[1] - width)
    if missing_y or missing_x:
        top, left = missing_y // 2, missing_x // 2
        images = F.pad(images, (left, missing_x - left, top, missing_y - top), value=fill)
        height, width = images.shape[2:]
    top, left = round((height - shape[0]) / 2), round((width - shape[1]) / 2)
    return images[:, :, top : top + shape[0], left : left + shape[1]]
