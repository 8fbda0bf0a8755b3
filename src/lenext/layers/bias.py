"""Biases in convolutions that a normalisation follows: useless, but some published weights have them."""

from __future__ import annotations

from torch import nn


def add_biases(network: nn.Module, eps: float | None = None, momentum: float = 0.1) -> None:
    """A bias of zeros in every convolution; eps, momentum: of every batch normalisation, unless eps is None."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(module.weight.detach().new_zeros(module.out_channels))
        elif isinstance(module, nn.BatchNorm2d) and eps is not None:
            module.eps, module.momentum = eps, momentum
