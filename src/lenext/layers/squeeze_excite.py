"""Squeeze and excitation (arXiv 1709.01507, 3): each channel is weighted by what all channels show of the whole map."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """x * sigmoid(W2 f(W1 mean(x))), with biases; ``squeezed`` is the width between the two 1x1 convolutions."""

    def __init__(self, channels: int, squeezed: int, activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = activation()
        self.expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H W
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.expand(self.activation(self.reduce(means))))
