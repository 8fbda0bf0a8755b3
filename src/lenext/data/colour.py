"""Operations on the colours of a picture, by Pillow: the reference of those who published with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor

from lenext.errors import UsageError
from lenext.recipes import ColourJitter

Picture = Image.Image


def to_pictures(images: Tensor) -> list[Picture]:  # N C H W, uint8
    """Images of 1 or 3 channels as pictures. Raises ``UsageError`` for others, which have no colours."""
    channels = images.shape[1]
    if channels not in {1, 3}:
        raise UsageError(
            f"Colours of images of {channels} channels cannot be changed.",
            "Take the step out of the recipe's augment, with --set augment=...",
        )
    arrays = images.permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(array[..., 0] if channels == 1 else np.ascontiguousarray(array)) for array in arrays]


def from_pictures(pictures: list[Picture]) -> Tensor:
    """The reverse; the pictures have one size and mode."""
    arrays = torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))
    return arrays[:, None] if arrays.dim() == 3 else arrays.permute(0, 3, 1, 2).contiguous()


def blend(kind: Callable[[Picture], Any]) -> Callable[[Picture, float], Picture]:
    """An enhancement of Pillow as a function of picture and factor: 0 is the plainest picture, 1 changes nothing."""

    def enhance(picture: Picture, factor: float) -> Picture:
        found: Picture = kind(picture).enhance(factor)
        return found

    return enhance


brightness = blend(ImageEnhance.Brightness)  # towards black
contrast = blend(ImageEnhance.Contrast)  # towards the picture's mean grey
saturation = blend(ImageEnhance.Color)  # towards its own grey
sharpness = blend(ImageEnhance.Sharpness)  # towards a smoothed picture


def jitter(images: Tensor, draws: NDArray[np.float64], step: ColourJitter) -> Tensor:
    """``draws``: three for the factors, three whose order is that of the changes."""
    bounds = np.array([step.brightness, step.contrast, step.saturation])
    factors = np.maximum(0, 1 + (2 * draws[:, :3] - 1) * bounds)
    orders = np.argsort(draws[:, 3:], axis=1)
    changes = (brightness, contrast, saturation)
    pictures = to_pictures(images)
    for row, order in enumerate(orders):
        for number in order:
            if bounds[number]:
                pictures[row] = changes[number](pictures[row], float(factors[row, number]))
    return from_pictures(pictures)
