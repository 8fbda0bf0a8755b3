"""What is subtracted from the input, as values; ``data/statistics`` computes what the training images must say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FixedScale:
    """input = (pixel / 255 - mean) / std, the same constants in every channel."""

    mean: float
    std: float


@dataclass(frozen=True, kw_only=True)
class FixedChannels:
    """input = (pixel / 255 - mean) / std, constants for each channel (ImageNet's, as published networks have them)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ChannelMean:
    """Mean of each channel over the training set; with ``unit_variance`` divided by its deviation, else in 0..255."""

    unit_variance: bool = True


@dataclass(frozen=True, kw_only=True)
class PixelMean:
    """Mean of every pixel of the test view over the training set (an image), subtracted in units of 0..255.

    before_crop: subtracted before the random crop, so that each pixel loses the mean of its own place (AlexNet) and
    the padding stands for the mean (CIFAR). side: pixels of the mean image, those of the test view when None; a
    smaller view loses its central window.
    """

    before_crop: bool = False
    side: int | None = None


Normalise = FixedScale | FixedChannels | ChannelMean | PixelMean
