"""Random erasing, on the network's input (arXiv 1708.04896, in the form of ConvNeXt's code)."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.recipes import RandomErasing

TRIES = 10  # as in timm, which ConvNeXt trained with
DRAWS = 2 + 4 * TRIES  # whether, the seed of the noise, then area, aspect and place of every try


def erase(inputs: Tensor, draws: NDArray[np.float64], step: RandomErasing) -> Tensor:  # N C H W
    """The inputs with a rectangle of noise in some of them; ``draws`` is (N, DRAWS)."""
    inputs = inputs.clone()
    for image, numbers in zip(inputs, draws, strict=True):
        height, width = image.shape[1:]
        box = rectangle(height, width, numbers[2:].reshape(TRIES, 4), step) if numbers[0] < step.p else None
        if box is not None:
            top, left, height, width = box
            generator = torch.Generator().manual_seed(int(numbers[1] * 2**53))
            noise = torch.randn(len(image), height, width, generator=generator)
            image[:, top : top + height, left : left + width] = noise.to(image)
    return inputs


def rectangle(
    height: int, width: int, tries: NDArray[np.float64], step: RandomErasing
) -> tuple[int, int, int, int] | None:
    """Top, left, height, width of the first try that fits in the image; None when none does."""
    low, high = math.log(step.aspect[0]), math.log(step.aspect[1])
    for area, aspect, y, x in tries:
        target = height * width * (step.area[0] + area * (step.area[1] - step.area[0]))
        ratio = math.exp(low + aspect * (high - low))
        h, w = round(math.sqrt(target * ratio)), round(math.sqrt(target / ratio))
        if h < height and w < width:
            return int(y * (height - h + 1)), int(x * (width - w + 1)), h, w
    return None
