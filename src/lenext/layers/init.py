"""Initial weights, drawn from torch's generator as a recipe's ``init`` says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lenext.recipes import Gaussian, Glorot, He


@torch.no_grad()
def initialise(module: nn.Module, init: Gaussian | He | Glorot) -> None:
    """Draw every convolution and linear weight of ``module`` afresh; biases 0, batch normalisation as if new."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            draw(part.weight, init)
            if part.bias is not None:
                part.bias.zero_()
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()  # gamma 1, beta 0


def draw(weight: Tensor, init: Gaussian | He | Glorot) -> None:
    """Fill one weight from the distribution that ``init`` names."""
    if weight.is_meta:  # nothing to fill, and torch would spend two seconds on importing what it needs for that
        return
    if isinstance(init, Gaussian):
        nn.init.normal_(weight, std=init.std)
    elif isinstance(init, He):
        nn.init.kaiming_normal_(weight, mode="fan_in" if init.fan == "in" else "fan_out", nonlinearity="relu")
    else:
        nn.init.xavier_uniform_(weight)
