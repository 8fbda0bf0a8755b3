"""What the training images say of themselves: mean, deviation, mean image, colour axes; and the network's input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.data.geometry import centre, window
from lenext.errors import UsageError
from lenext.recipes import ChannelMean, FixedChannels, FixedScale, Normalise, PixelMean

_RGB = 3


@dataclass(frozen=True)
class Statistics:
    """Constants of the network's input: (pixel / 255 - mean) / std, after ``pixel_mean`` where there is one.

    mean, std: per channel, units of 0..1; pixel_mean: C H W in units of 0..255; subtract_first: the mean image goes
    before the random crop; colour_axes: 3x3 float64, columns = principal axes of RGB times their deviations (0..255).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_mean: Tensor | None = None
    subtract_first: bool = False
    colour_axes: Tensor = torch.zeros(_RGB, _RGB, dtype=torch.float64, device="cpu")  # noqa: RUF009 - never written to

    @property
    def side(self) -> int | None:
        """Pixels of the mean image's side."""
        return None if self.pixel_mean is None else self.pixel_mean.shape[-1]

    def subtract(self, images: Tensor) -> Tensor:
        """Raw pixels minus the mean image or its central window, as float; float images had it subtracted already."""
        if self.pixel_mean is None or images.is_floating_point():
            return images
        mean = self.pixel_mean
        if mean.shape[1] > images.shape[2]:
            mean = centre(mean[None], images.shape[2], 0)[0]
        return images.float() - mean.to(images.device)

    def levels(self, images: Tensor) -> Tensor:
        """The mean of what images show, in grey levels: 0 of float images, from which it was subtracted already."""
        if images.is_floating_point():
            return torch.zeros(1, 1, 1)
        height, width = images.shape[2:]
        mean = self.for_views(height, width).pixel_mean
        return (
            255 * torch.tensor(self.mean)[:, None, None] if mean is None else window(mean[None], (height, width), 0)[0]
        )

    def for_views(self, height: int, width: int) -> Statistics:
        """The constants for views of any size: to one that is larger or no square the mean image is stretched."""
        mean = self.pixel_mean
        if mean is None or height == width <= mean.shape[1]:
            return self
        stretched = F.interpolate(mean[None], size=(height, width), mode="bilinear", antialias=True)[0]
        return replace(self, pixel_mean=stretched)

    def normalise(self, images: Tensor) -> Tensor:  # N C H W, uint8 or float -> float32
        """The network's input, in the memory order of the images."""
        shift, scale = (constant.to(images.device) for constant in self.affine)
        values = self.subtract(images)
        if values.shape[1] == 1 or not values.is_contiguous(memory_format=torch.channels_last):
            return torch.addcmul(shift, values.float(), scale)
        width = values.shape[3]  # constants for a row of pixels are added in a third of the time of three for each
        shift, scale = (constant.flatten().repeat(width) for constant in (shift, scale))
        rows = values.permute(0, 2, 3, 1).flatten(2)
        if rows.is_floating_point():
            rows = torch.addcmul(shift, rows.float(), scale)
        else:
            rows = rows.float()
            torch.addcmul(shift, rows, scale, out=rows)
        return rows.view(len(rows), -1, width, values.shape[1]).permute(0, 3, 1, 2)

    @cached_property
    def affine(self) -> tuple[Tensor, Tensor]:
        """Shift and scale of a pixel (C 1 1), without the mean image; made once, for they cost a single image much."""
        with torch.inference_mode(mode=False):  # first used in a test, they must still do for gradients
            shift = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)])
            scale = torch.tensor([1 / (255 * s) for s in self.std])
            return shift[:, None, None], scale[:, None, None]


def gather(normalise: Normalise, views: Iterable[Tensor], channels: int) -> Statistics:
    """One pass over the test views of the training set (uint8 N C H W batches); none where the constants are fixed.

    AlexNet's colour axes come from the same pass: the eigenvectors of the covariance of RGB values (AlexNet 4.1).
    """
    pixels, image, products = 0, torch.zeros(1, dtype=torch.float64), torch.zeros(channels, channels).double()
    images = 0
    for batch in views:
        values = batch.double()
        image = image + values.sum(0)
        flat = values.permute(1, 0, 2, 3).flatten(1)
        products += flat @ flat.T
        images, pixels = images + len(batch), pixels + flat.shape[1]
    if images == 0:
        assert isinstance(normalise, FixedScale | FixedChannels)
        return Statistics(*constants(normalise, channels))
    pixel_mean = image / images
    mean = pixel_mean.mean((1, 2))
    covariance = products / pixels - mean[:, None] * mean
    deviation = covariance.diagonal().clamp_min(1e-12).sqrt()
    axes = colour_axes(covariance)
    grey_levels = (1 / 255,) * channels
    match normalise:
        case FixedScale() | FixedChannels():
            return Statistics(*constants(normalise, channels), colour_axes=axes)
        case ChannelMean(unit_variance=True):
            return Statistics(_shares(mean), _shares(deviation.clamp_min(1)), colour_axes=axes)
        case ChannelMean():
            return Statistics(_shares(mean), grey_levels, colour_axes=axes)
        case PixelMean():
            zeros = (0.0,) * channels
            return Statistics(zeros, grey_levels, pixel_mean.float(), normalise.before_crop, axes)


def constants(normalise: FixedScale | FixedChannels, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, as the recipe fixes them. Raises ``UsageError`` for too few or too many."""
    if isinstance(normalise, FixedScale):
        return (normalise.mean,) * channels, (normalise.std,) * channels
    if not len(normalise.mean) == len(normalise.std) == channels:
        raise UsageError(
            f"The recipe's normalise has constants for {len(normalise.mean)} channels, the network {channels}.",
            "Let the data say them, with --set normalise=ChannelMean.",
        )
    return normalise.mean, normalise.std


def colour_axes(covariance: Tensor) -> Tensor:
    """Eigenvectors in columns times the square roots of their eigenvalues; the sign of each makes its sum positive."""
    if len(covariance) != _RGB:
        return torch.zeros(_RGB, _RGB, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance)
    signs = torch.where(vectors.sum(0) < 0, -1.0, 1.0)  # a solver may return either sign
    axes: Tensor = vectors * signs * values.clamp_min(0).sqrt()
    return axes


def _shares(levels: Tensor) -> tuple[float, ...]:
    return tuple((levels / 255).tolist())
