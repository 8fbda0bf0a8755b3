"""Occlusion: by how much the odds of a class fall when a patch hides a part of the picture.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (1311.2901), 4.2. What is hidden becomes 0 in
the network's input, which is the mean of the training images. They plot the probability; its odds tell the same where
it is so near 1 that no patch alone brings it down.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.explanation.odds import log_odds

BATCH = 64  # hidden pictures at once


def places(side: int, patch: int, stride: int) -> list[int]:
    """Where patches begin along an axis: every ``stride`` pixels, and one that ends at the edge."""
    last = side - patch
    return [*range(0, last, stride), last]


def patch_of(side: int, patch: int | None, stride: int | None) -> tuple[int, int]:
    """The patch and its stride for views of ``side`` pixels: an eighth and half of that, where none are given.

    Raises UsageError for a patch that is larger than the view, and for a stride that leaves pixels out.
    """
    patch = max(1, side // 8) if patch is None else patch
    stride = max(1, patch // 2) if stride is None else stride
    if not 1 <= patch <= side:
        raise UsageError(f"A patch of {patch} pixels does not lie in a view of {side}.", f"Give 1 to {side}.")
    if not 1 <= stride <= patch:
        raise UsageError(f"With a stride of {stride}, patches of {patch} pixels leave gaps.", f"Give 1 to {patch}.")
    return patch, stride


def occlusion(network: nn.Module, inputs: Tensor, class_: int, *, patch: int, stride: int) -> Tensor:  # 1 C H W -> H W
    """For every pixel the mean fall of the class's log odds (nats) over all patches that hide it; negative: a rise.

    inputs: one image as the network's input; the network is in evaluation mode.
    """
    height, width = inputs.shape[2:]
    corners = [(y, x) for y in places(height, patch, stride) for x in places(width, patch, stride)]
    falls = torch.zeros(height, width, dtype=torch.float64)
    covers = torch.zeros(height, width, dtype=torch.float64)
    with torch.no_grad():
        whole = float(log_odds(network(inputs).float(), class_)[0])
        for some in groups(corners, BATCH):
            hidden = inputs.repeat(len(some), 1, 1, 1)
            for row, (y, x) in enumerate(some):
                hidden[row, :, y : y + patch, x : x + patch] = 0
            left = log_odds(network(hidden).float(), class_).tolist()
            for (y, x), odds in zip(some, left, strict=True):
                falls[y : y + patch, x : x + patch] += whole - odds
                covers[y : y + patch, x : x + patch] += 1
    return (falls / covers).float()


def groups(corners: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    """The corners, ``size`` at a time."""
    for start in range(0, len(corners), size):
        yield corners[start : start + size]
