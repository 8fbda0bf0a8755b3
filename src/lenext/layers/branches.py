"""Branches side by side: the Inception module of GoogLeNet (arXiv 1409.4842, 4) and of its successor (1512.00567)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Branches(nn.Module):
    """Every branch sees the same map; their outputs, of one height and width, are joined along the channels."""

    def __init__(self, branches: Mapping[str, nn.Module]) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N sum h w
        return torch.cat([branch(x) for branch in self.children()], dim=1)
