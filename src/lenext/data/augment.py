"""Augmentation on pixels: each step of a recipe as one function of a batch and its drawn numbers.

``images`` are N C H W, uint8 (raw pixels) or float (the mean image already subtracted), all of one size; ``draws`` is
(N, width of the step), uniform in [0, 1). The same images and draws give the same pixels, one by one or as a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lenext.data import erasing
from lenext.data.decode import Cut
from lenext.data.draws import AUGMENTATION, uniforms
from lenext.data.geometry import cover, resize, single_crop, window
from lenext.data.images import cut_out
from lenext.data.random_part import TRIES, area_box
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import (
    Augmentation,
    AutoAugment,
    ColourJitter,
    PCAColour,
    RandAugment,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    ShortSide,
    TensorFlowColour,
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
        return self._augmented(images, self._all_draws(epoch, position, len(images)))

    def singly(
        self, read: Callable[[np.int64, Cut | None], Tensor], rows: NDArray[np.int64], epoch: int, position: int
    ) -> Iterator[Tensor]:
        """As above for ``rows``, images of any sizes, of each of which no more is read (1 C H W) than is needed; their
        numbers are drawn at once.
        """
        draws = self._all_draws(epoch, position, len(rows))
        first = None if self.statistics.subtract_first else next(iter(self.steps), None)
        for number, row in enumerate(rows):
            own = [numbers[number : number + 1] for numbers in draws]
            if isinstance(first, RandomResizedCrop):
                image = _resized_part(partial(read, row), own[0][0], first)
                yield self._augmented(image, own, start=1)
            else:
                yield self._augmented(read(row, None), own)

    def _augmented(self, images: Tensor, draws: Sequence[Draws], start: int = 0) -> Tensor:
        for number, (step, numbers) in islice(enumerate(zip(self.steps, draws, strict=True)), start, None):
            mean = self.statistics.pixel_mean
            if number == self._first_crop and self.statistics.subtract_first and mean is not None:
                side = mean.shape[-1]  # images of another size than the mean image are brought to it first
                images = self.statistics.subtract(single_crop(images, SingleCrop(resize=side, crop=side)))
            if not isinstance(step, RandomErasing):
                images = STEPS[type(step)].apply(images, numbers, step, self.statistics)
        return images

    @cached_property
    def _first_crop(self) -> int:
        return next((number for number, step in enumerate(self.steps) if isinstance(step, RandomCrop)), 0)

    def finish(self, inputs: Tensor, epoch: int, position: int) -> Tensor:
        """The steps that change the network's input, not the pixels."""
        for number, step in enumerate(self.steps):
            if isinstance(step, RandomErasing):
                draws = self._draws(number, erasing.DRAWS, epoch, position, len(inputs))
                inputs = erasing.erase(inputs, draws, step)
        return inputs

    def _all_draws(self, epoch: int, position: int, count: int) -> list[Draws]:
        """Of each step that changes pixels; none for the others."""
        kinds = [None if isinstance(step, RandomErasing) else STEPS[type(step)] for step in self.steps]
        return [
            self._draws(number, kind.width(step) if kind else 0, epoch, position, count)
            for number, (step, kind) in enumerate(zip(self.steps, kinds, strict=True))
        ]

    def _draws(self, number: int, width: int, epoch: int, position: int, count: int) -> Draws:
        return uniforms((self.seed, AUGMENTATION + number), epoch, position, count, width)

    @property
    def whole_batches(self) -> bool:
        """Whether images of one size stay of one size between all steps, so that a batch goes through as a whole."""
        return all(
            not isinstance(step, ShortSide) or (step.low == step.high and step.interpolation != RANDOM)
            for step in self.steps
        )


def _single_crop(images: Tensor, _draws: Draws, step: SingleCrop, _: Statistics) -> Tensor:
    return single_crop(images, step)


def _short_side(images: Tensor, draws: Draws, step: ShortSide, _: Statistics) -> Tensor:
    length = step.low + int(draws[0, 0] * (step.high - step.low + 1))
    return cover(images, length, max(1, round(length * step.aspect)), interpolation(step, draws[0]))


def _random_crop(images: Tensor, draws: Draws, step: RandomCrop, statistics: Statistics) -> Tensor:
    if step.pad:
        images = F.pad(images, (step.pad,) * 4, value=0 if step.mean else step.fill)
        if step.mean and not images.is_floating_point():
            _frame(images, step.pad, statistics)
    tall, wide = step.shape
    spare = [max(0, side - wanted) for side, wanted in zip(images.shape[2:], step.shape, strict=True)]
    places = (draws * (np.array(spare) + 1)).astype(np.int64).tolist()
    crops = [
        window(image[:, :, top : top + tall, left : left + wide], step.shape, step.fill)
        for image, (top, left) in zip(apart(images), places, strict=True)
    ]
    return together(crops)


def _frame(images: Tensor, pixels: int, statistics: Statistics) -> None:
    """Give the outer ``pixels`` the mean of each channel, to the nearest grey level."""
    grey = torch.tensor(statistics.mean).mul(255).round().to(images.dtype)[:, None, None]
    for side in (2, 3):
        images.narrow(side, 0, pixels).copy_(grey)
        images.narrow(side, images.shape[side] - pixels, pixels).copy_(grey)


def _random_resized_crop(images: Tensor, draws: Draws, step: RandomResizedCrop, _: Statistics) -> Tensor:
    return together(
        [_resized_part(partial(cut_out, image), row, step) for image, row in zip(apart(images), draws, strict=True)]
    )


def _resized_part(of: Callable[[Cut], Tensor], draws: Draws, step: RandomResizedCrop) -> Tensor:
    """A random part of one image, of which ``of`` gives the part that it is asked for."""
    tries = draws[: 4 * TRIES].reshape(TRIES, 4)
    part = of(lambda height, width: area_box(height, width, tries, step))
    return resize(part, *step.shape, interpolation(step, draws))


def apart(images: Tensor) -> tuple[Tensor, ...]:
    """Each image as a batch of one with the batch's strides: ``image[None]`` would hide that channels lie together."""
    return (images,) if len(images) == 1 else images.split(1)  # type: ignore[no-untyped-call]


def together(images: list[Tensor]) -> Tensor:
    """Batches as one; the only one is not copied."""
    return images[0] if len(images) == 1 else torch.cat(images)


def interpolation(step: ShortSide | RandomResizedCrop, draws: Draws) -> str:
    """How to scale one image: where it is left to chance, its last number decides."""
    return GOOGLENETS[int(draws[-1] * len(GOOGLENETS))] if step.interpolation == RANDOM else step.interpolation


def _random_flip(images: Tensor, draws: Draws, step: RandomFlip, _: Statistics) -> Tensor:
    mirrored = draws[:, 0] < step.p
    count = np.count_nonzero(mirrored)
    if count in {0, len(images)}:  # as of one image alone always
        return images.flip(3) if count else images
    return torch.where(torch.from_numpy(mirrored)[:, None, None, None], images.flip(3), images)


def _random_affine(images: Tensor, draws: Draws, step: RandomAffine, _: Statistics) -> Tensor:
    height, width = images.shape[2:]
    angle, x, y, size, shear, squeeze = (
        2 * np.pad(draws, [(0, 0), (0, 6 - draws.shape[1])], constant_values=0.5) - 1
    ).T
    cosine, sine = np.cos(np.radians(angle * step.degrees)), np.sin(np.radians(angle * step.degrees))
    zoom, slope, longer = 1 / (1 + size * step.scale), shear * step.shear, 1 + squeeze * step.squeeze
    wide, high = zoom / longer, zoom * longer
    # From output to input, in coordinates of -1 .. 1: squeeze, shear, rotation, scale; a shift of 1 is half a side.
    rows = np.stack(
        [
            np.stack([wide * cosine, high * (slope * cosine - sine) * height / width, 2 * x * step.shift], 1),
            np.stack([wide * sine * width / height, high * (slope * sine + cosine), 2 * y * step.shift], 1),
        ],
        axis=1,
    )
    grid = F.affine_grid(torch.from_numpy(rows).float(), list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float() - step.fill, grid, mode="bilinear", align_corners=False) + step.fill
    return moved if images.is_floating_point() else moved.round_().to(torch.uint8)


def _pca_colour(images: Tensor, draws: Draws, step: PCAColour, statistics: Statistics) -> Tensor:
    normal = torch.special.ndtri(torch.from_numpy(draws).clamp(1e-12, 1 - 1e-12)) * step.std
    axes = statistics.colour_axes
    if step.size == "eigenvalue":  # in units of 0..1 an eigenvalue is the square of a deviation
        axes = axes * axes.norm(dim=0) / 255
    shift = (normal @ axes.T).float()[:, : images.shape[1], None, None]
    moved: Tensor = images.float() + shift
    if step.shrink:
        moved = statistics.levels(images).lerp(moved, 1 / (1 + step.std))
    return moved if images.is_floating_point() else moved.round_().clamp_(0, 255).to(torch.uint8)


def _by_pillow(images: Tensor, draws: Draws, step: ColourJitter | AutoAugment | RandAugment, _: Statistics) -> Tensor:
    """Steps that are Pillow's; it is loaded for them alone."""
    from lenext.data import colour, policies

    match step:
        case ColourJitter():
            return colour.jitter(images, draws, step)
        case AutoAugment():
            return policies.auto_augment(images, draws, step)
        case RandAugment():
            return policies.rand_augment(images, draws, step)


def _tensorflow_colour(images: Tensor, draws: Draws, step: TensorFlowColour, _: Statistics) -> Tensor:
    from lenext.data import hue

    return hue.distort(images, draws, step)


RANDOM = "random"
GOOGLENETS = ("bilinear", "area", "nearest", "bicubic")  # arXiv 1409.4842, 6


class Kind(NamedTuple):
    """How many numbers a step draws for an image, and its function of images, draws, step and statistics."""

    width: Callable[[Any], int]
    apply: Callable[..., Tensor]


STEPS: dict[type, Kind] = {
    SingleCrop: Kind(lambda _: 0, _single_crop),
    ShortSide: Kind(lambda step: 1 + (step.interpolation == RANDOM), _short_side),
    RandomCrop: Kind(lambda _: 2, _random_crop),
    RandomResizedCrop: Kind(lambda step: 4 * TRIES + (step.interpolation == RANDOM), _random_resized_crop),
    RandomFlip: Kind(lambda _: 1, _random_flip),
    RandomAffine: Kind(lambda step: 5 + (step.squeeze > 0), _random_affine),
    PCAColour: Kind(lambda _: 3, _pca_colour),
    ColourJitter: Kind(lambda _: 6, _by_pillow),
    TensorFlowColour: Kind(lambda _: 5, _tensorflow_colour),
    AutoAugment: Kind(lambda _: 5, _by_pillow),
    RandAugment: Kind(lambda step: 5 * step.operations, _by_pillow),
}
