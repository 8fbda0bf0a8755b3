"""Augmentation on pixels: each step of a recipe as one function of a batch and its drawn numbers.

``images`` are N C H W, uint8 (raw pixels) or float (the mean image already subtracted), all of one size; ``draws`` is
(N, width of the step), uniform in [0, 1). The same images and draws give the same pixels, one by one or as a batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lenext.data.draws import AUGMENTATION, uniforms
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import (
    Augmentation,
    PCAColour,
    RandomAffine,
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    ShortSide,
)

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Pipeline:
    """The steps of a recipe with the seed of a run and what its data say (mean image, colour axes)."""

    steps: tuple[Augmentation, ...]
    statistics: Statistics
    seed: int

    def __call__(self, images: Tensor, epoch: int, position: int) -> Tensor:
        """Augment the images that stand at ``position`` onwards in the order of ``epoch``."""
        mean = self.statistics.pixel_mean
        if self.statistics.subtract_first and mean is not None:
            side = mean.shape[-1]  # images of another size than the mean image are brought to it first
            images = self.statistics.subtract(single_crop(images, SingleCrop(resize=side, crop=side)))
        for number, step in enumerate(self.steps):
            width, function = STEPS[type(step)]
            draws = uniforms((self.seed, AUGMENTATION + number), epoch, position, len(images), width)
            images = function(images, draws, step, self.statistics)
        return images

    @property
    def whole_batches(self) -> bool:
        """Whether images of one size stay of one size between all steps, so that a batch goes through as a whole."""
        return all(not isinstance(step, ShortSide) or step.low == step.high for step in self.steps)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Bilinear with antialiasing, at most one grey level from Pillow's."""
    if images.shape[2:] == (height, width):
        return images
    if height == width == 1:  # torch cannot tell the layout of one pixel, and fails on it unless it is told
        images = images.contiguous(memory_format=torch.channels_last)
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)


def short_side(images: Tensor, length: int) -> Tensor:
    """Scale so that the shorter side has ``length`` pixels; the longer one is rounded down, as torchvision does.

    Of an image longer than ``LONGEST`` times its width the middle is kept: a line of 30,000 pixels, scaled up to be 256
    wide, would take gigabytes.
    """
    height, width = images.shape[2:]
    if height > LONGEST * width or width > LONGEST * height:
        images = _middle(images, LONGEST * min(height, width))
        height, width = images.shape[2:]
    if height <= width:
        return resize(images, length, max(1, length * width // height))
    return resize(images, max(1, length * height // width), length)


def _middle(images: Tensor, longest: int) -> Tensor:
    top, left = (max(0, side - longest) // 2 for side in images.shape[2:])
    return images[:, :, top : top + longest, left : left + longest]


def single_crop(images: Tensor, view: SingleCrop) -> Tensor:
    """The test view: shorter side to ``view.resize``, central square of ``view.crop`` pixels."""
    return centre(short_side(images, view.resize), view.crop, view.fill)


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


def _single_crop(images: Tensor, _draws: Draws, step: SingleCrop, _: Statistics) -> Tensor:
    return single_crop(images, step)


def _short_side(images: Tensor, draws: Draws, step: ShortSide, _: Statistics) -> Tensor:
    length = step.low + int(draws[0, 0] * (step.high - step.low + 1))
    return short_side(images, length)


def _random_crop(images: Tensor, draws: Draws, step: RandomCrop, _: Statistics) -> Tensor:
    if step.pad:
        images = F.pad(images, (step.pad,) * 4, value=step.fill)
    spare = [max(0, side - step.size) for side in images.shape[2:]]
    places = (draws * (np.array(spare) + 1)).astype(np.int64).tolist()
    crops = [
        centre(image[None, :, top : top + step.size, left : left + step.size], step.size, step.fill)
        for image, (top, left) in zip(images, places, strict=True)
    ]
    return torch.cat(crops)


def _random_resized_crop(images: Tensor, draws: Draws, step: RandomResizedCrop, _: Statistics) -> Tensor:
    height, width = images.shape[2:]
    boxes = [area_box(height, width, row.reshape(TRIES, 4), step) for row in draws]
    crops = [
        resize(image[None, :, top : top + h, left : left + w], step.size, step.size)
        for image, (top, left, h, w) in zip(images, boxes, strict=True)
    ]
    return torch.cat(crops)


def area_box(height: int, width: int, tries: Draws, step: RandomResizedCrop) -> tuple[int, int, int, int]:
    """Top, left, height, width of a random rectangle; the largest central one when no try fits in the image."""
    low, high = math.log(step.aspect[0]), math.log(step.aspect[1])
    for area, aspect, y, x in tries:
        target = height * width * (step.area[0] + area * (step.area[1] - step.area[0]))
        ratio = math.exp(low + aspect * (high - low))
        w, h = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(y * (height - h + 1)), int(x * (width - w + 1)), h, w
    w = min(width, max(1, round(height * step.aspect[1])))
    h = min(height, max(1, round(width / step.aspect[0])))
    return (height - h) // 2, (width - w) // 2, h, w


def _random_flip(images: Tensor, draws: Draws, step: RandomFlip, _: Statistics) -> Tensor:
    mirrored = torch.from_numpy(draws[:, 0] < step.p)
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def _random_affine(images: Tensor, draws: Draws, step: RandomAffine, _: Statistics) -> Tensor:
    height, width = images.shape[2:]
    angle, x, y, size, shear = (2 * draws - 1).T
    cosine, sine = np.cos(np.radians(angle * step.degrees)), np.sin(np.radians(angle * step.degrees))
    zoom, slope = 1 / (1 + size * step.scale), shear * step.shear
    # From output to input, in coordinates of -1 .. 1: shear, then rotation, then scale; a shift of 1 is half a side.
    rows = np.stack(
        [
            np.stack([zoom * cosine, zoom * (slope * cosine - sine) * height / width, 2 * x * step.shift], 1),
            np.stack([zoom * sine * width / height, zoom * (slope * sine + cosine), 2 * y * step.shift], 1),
        ],
        axis=1,
    )
    grid = F.affine_grid(torch.from_numpy(rows).float(), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float() - step.fill, grid, mode="bilinear", align_corners=False) + step.fill
    return moved if images.is_floating_point() else moved.round_().to(torch.uint8)


def _pca_colour(images: Tensor, draws: Draws, step: PCAColour, statistics: Statistics) -> Tensor:
    normal = torch.special.ndtri(torch.from_numpy(draws).clamp(1e-12, 1 - 1e-12)) * step.std
    shift = (normal @ statistics.colour_axes.T).float()[:, : images.shape[1], None, None]
    moved: Tensor = images.float() + shift
    return moved if images.is_floating_point() else moved.round_().clamp_(0, 255).to(torch.uint8)


LONGEST = 32  # times the shorter side
TRIES = 10  # as in every implementation since Inception's

# Each kind of step: how many numbers it draws for an image, and its function.
STEPS: dict[type, tuple[int, Callable[..., Any]]] = {
    SingleCrop: (0, _single_crop),
    ShortSide: (1, _short_side),
    RandomCrop: (2, _random_crop),
    RandomResizedCrop: (4 * TRIES, _random_resized_crop),
    RandomFlip: (1, _random_flip),
    RandomAffine: (5, _random_affine),
    PCAColour: (3, _pca_colour),
}
