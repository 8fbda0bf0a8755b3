"""Statistics of batch normalisation taken anew over training images, in place of running means (ResNet's authors)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Sums = tuple[Tensor, Tensor]  # per channel, float64: of the means, and of the squares' means, times the images


@torch.no_grad()
def exact_statistics(network: nn.Module, batches: Iterable[Tensor]) -> int:
    """Set mean and variance of every layer to those over all ``batches`` (inputs N C H W); returns the images seen.

    The weights stay, nothing is dropped, and the network is left in evaluation mode. Each layer is normalised by its
    batch while the layers above are measured, as in training.
    """
    network.eval()
    layers = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    momenta = [layer.momentum for layer in layers]
    sums: list[Sums] = []
    images = 0
    for layer in layers:
        layer.train().momentum = 1.0  # the running values are then those of the last batch
    for inputs in batches if layers else ():
        network(inputs)
        found = [_moments(layer, len(inputs)) for layer in layers]
        sums = [(a + c, b + d) for (a, b), (c, d) in zip(sums, found, strict=True)] if sums else found
        images += len(inputs)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.eval().momentum = momentum
    for layer, (means, squares) in zip(layers, sums, strict=images > 0):
        mean, variance = _running(layer)
        mean.copy_(means / images)
        variance.copy_((squares / images - (means / images).square()).clamp_min(0))
    return images


def _moments(layer: _BatchNorm, images: int) -> Sums:
    mean, variance = (value.double() for value in _running(layer))
    return mean * images, (variance + mean.square()) * images


def _running(layer: _BatchNorm) -> Sums:
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return layer.running_mean, layer.running_var
