"""Layer scale: one trainable factor for each channel of a residual branch, nearly zero at first (arXiv 2103.17239)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerScale(nn.Module):
    """Each channel times its own ``weight``, which starts at ``init``."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.init = init
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H W
        return x * self.weight[:, None, None]

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, init={self.init:g}"
