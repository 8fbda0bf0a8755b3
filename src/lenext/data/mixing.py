"""Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899) of a batch with itself in reverse, as ConvNeXt's code does."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F

from lenext.data.draws import MIXING, uniforms
from lenext.recipes import Mixing

DRAWS = 5  # whether, which of the two, how much, and the place of CutMix's rectangle


def mixed(
    inputs: Tensor, labels: Tensor, classes: int, value: Mixing, key: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Inputs N C H W and targets N K after the mixing; ``key`` is (seed, epoch, position of the batch).

    labels: N, or N K of 0 and 1. One share for the whole batch. The targets are the two labels' in the shares of their
    images.
    """
    seed, epoch, position = key
    used, which, level, y, x = uniforms((seed, MIXING), epoch, position, 1, DRAWS)[0].tolist()
    targets = (F.one_hot(labels, classes) if labels.dim() == 1 else labels).to(inputs.dtype)
    if used >= value.p or not (value.mixup or value.cutmix):
        return inputs, targets
    cut = value.cutmix > 0 and (value.mixup == 0 or which < value.switch)
    kept = beta(level, value.cutmix if cut else value.mixup)
    if cut:
        inputs, kept = pasted(inputs, kept, y, x)
    else:
        inputs = inputs * kept + inputs.flip(0) * (1 - kept)
    return inputs, targets * kept + targets.flip(0) * (1 - kept)


def beta(level: float, a: float) -> float:
    """The quantile of Beta(a, a) at ``level``."""
    if a == 1:
        return level
    from scipy.special import betaincinv

    return float(betaincinv(a, a, level))


def pasted(inputs: Tensor, kept: float, y: float, x: float) -> tuple[Tensor, float]:
    """A rectangle of 1 - ``kept`` of the area from the reversed batch, cut off at the border; and what really stays."""
    height, width = inputs.shape[2:]
    side = math.sqrt(1 - kept)
    tall, wide = int(height * side), int(width * side)
    middle_y, middle_x = int(y * height), int(x * width)
    top, bottom = max(0, middle_y - tall // 2), min(height, middle_y + tall // 2)
    left, right = max(0, middle_x - wide // 2), min(width, middle_x + wide // 2)
    together = inputs.clone()
    together[:, :, top:bottom, left:right] = inputs.flip(0)[:, :, top:bottom, left:right]
    return together, 1 - (bottom - top) * (right - left) / (height * width)
