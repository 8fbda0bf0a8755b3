"""How a network is shown an image: preprocessing and test protocols, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SingleCrop:
    """One view: shorter side scaled to ``resize`` pixels, then the central ``crop`` x ``crop`` square.

    Where the crop is larger than the scaled image, ``fill`` surrounds it (MNIST's 28 pixels in LeNet's 32).
    """

    resize: int
    crop: int
    fill: int = 0

    @property
    def views(self) -> int:
        return 1


Protocol = SingleCrop


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """From a file to the network's input: everything that must be the same in training, test and service.

    channels: 1 (grey, luminance) or 3 (RGB); view: the geometry of the usual single view;
    mean, std: per channel, in units of 0..1, so that input = (pixel / 255 - mean) / std;
    pixel_mean: a mean image of the view's size is subtracted first (kept beside the weights);
    background: grey level that shows through transparent pixels.
    """

    channels: int
    view: SingleCrop
    mean: tuple[float, ...]
    std: tuple[float, ...]
    pixel_mean: bool = False
    background: int = 255
