"""Operations on colours as TensorFlow has them, on numbers of 0..1 that may leave that range in between."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.recipes import TensorFlowColour


def distort(images: Tensor, draws: NDArray[np.float64], step: TensorFlowColour) -> Tensor:  # N C H W, uint8
    """``draws``: one each for brightness, contrast, saturation and hue, and one for the order of the changes."""
    changed = [distorted(image, row, step) for image, row in zip(images.float() / 255, draws, strict=True)]
    return torch.stack(changed).mul_(255).round_().clamp_(0, 255).to(torch.uint8)


def distorted(image: Tensor, draws: NDArray[np.float64], step: TensorFlowColour) -> Tensor:  # C H W
    """One image; saturation and hue of a grey one are nothing."""
    for letter in step.orders[int(draws[4] * len(step.orders))]:
        number = 2 * float(draws["BCSH".index(letter)]) - 1  # -1 to 1
        if letter == "B":
            image = image + number * step.brightness
        elif letter == "C":
            image = contrast(image, 1 + number * step.contrast)
        elif len(image) == 3:
            change, bound = (saturation, step.saturation) if letter == "S" else (hue, step.hue)
            image = change(image, number * bound)
    return image


def contrast(image: Tensor, factor: float) -> Tensor:
    """Away from each channel's own mean."""
    mean = image.mean((1, 2), keepdim=True)
    return (image - mean) * factor + mean


def saturation(image: Tensor, change: float) -> Tensor:
    """HSV's, times 1 + ``change``, up to 1; the largest channel of a pixel stays."""
    value, lowest = image.amax(0), image.amin(0)
    most = torch.where(value > lowest, value / (value - lowest), torch.inf)  # which makes the lowest channel 0
    factor = torch.where(value > 0, most.clamp(max=1 + change), 0.0)
    return value - (value - image) * factor


def hue(image: Tensor, turn: float) -> Tensor:
    """HSV's, further by this share of the circle; value and chroma stay."""
    red, green, blue = image
    value, chroma = image.amax(0), image.amax(0) - image.amin(0)
    safe = torch.where(chroma > 0, chroma, 1.0)
    angle = torch.where(value == red, (green - blue) / safe, (red - green) / safe + 4)  # in sixths
    angle = torch.where((value == green) & (value != red), (blue - red) / safe + 2, angle) + 6 * turn
    sides = (torch.remainder(angle + offset, 6) for offset in (5, 3, 1))
    return torch.stack([value - chroma * torch.minimum(side, 4 - side).clamp(0, 1) for side in sides])
