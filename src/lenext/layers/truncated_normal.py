"""Initial weights from a normal distribution without its tails, as ConvNeXt draws them (arXiv 2201.03545, Table 5)."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def truncated_normal(network: nn.Module, std: float) -> None:
    """Draw every convolution and linear weight from N(0, std), cut at +-2 as the authors' code cuts it; biases 0."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear) and not part.weight.is_meta:
            nn.init.trunc_normal_(part.weight, std=std, a=-2.0, b=2.0)
            if part.bias is not None:
                part.bias.zero_()
