"""What the training images say of themselves: mean, deviation, mean image, colour axes; and the network's input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from lenext.recipes import ChannelMean, FixedScale, PixelMean

_RGB = 3


@dataclass(frozen=True)
class Statistics:
    """Constants of the network's input: (pixel / 255 - mean) / std, after ``pixel_mean`` where there is one.

    mean, std: per channel, units of 0..1; pixel_mean: C H W in units of 0..255; subtract_first: the mean image goes
    before the augmentation; colour_axes: 3x3 float64, columns = principal axes of RGB times their deviations (0..255).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_mean: Tensor | None = None
    subtract_first: bool = False
    colour_axes: Tensor = torch.zeros(_RGB, _RGB, dtype=torch.float64)  # noqa: RUF009 - never written to

    def subtract(self, images: Tensor) -> Tensor:
        """Raw pixels minus the mean image, as float; float images had it subtracted already."""
        if self.pixel_mean is None or images.is_floating_point():
            return images
        return images.float() - self.pixel_mean.to(images.device)

    def normalise(self, images: Tensor) -> Tensor:  # N C H W, uint8 or float -> float32
        """The network's input."""
        scale = torch.tensor([1 / (255 * s) for s in self.std], device=images.device)[:, None, None]
        shift = torch.tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)], device=images.device)
        return torch.addcmul(shift[:, None, None], self.subtract(images).float(), scale)


def gather(normalise: FixedScale | ChannelMean | PixelMean, views: Iterable[Tensor], channels: int) -> Statistics:
    """One pass over the test views of the training set (uint8 N C H W batches); none for ``FixedScale`` alone.

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
        assert isinstance(normalise, FixedScale)
        return Statistics(mean=(normalise.mean,) * channels, std=(normalise.std,) * channels)
    pixel_mean = image / images
    mean = pixel_mean.mean((1, 2))
    covariance = products / pixels - mean[:, None] * mean
    deviation = covariance.diagonal().clamp_min(1e-12).sqrt()
    axes = colour_axes(covariance)
    grey_levels = (1 / 255,) * channels
    match normalise:
        case FixedScale():
            return Statistics((normalise.mean,) * channels, (normalise.std,) * channels, colour_axes=axes)
        case ChannelMean(unit_variance=True):
            return Statistics(_shares(mean), _shares(deviation.clamp_min(1)), colour_axes=axes)
        case ChannelMean():
            return Statistics(_shares(mean), grey_levels, colour_axes=axes)
        case PixelMean():
            zeros = (0.0,) * channels
            return Statistics(zeros, grey_levels, pixel_mean.float(), normalise.before_crop, axes)


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
