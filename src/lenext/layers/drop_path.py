"""Stochastic depth (arXiv 1603.09382): during training a residual branch is left out, image by image."""

from __future__ import annotations

from torch import Tensor, nn


class DropPath(nn.Module):
    """A branch survives with probability 1 - ``rate`` and is then divided by it; nothing happens at test.

    One draw from torch's generator for each image of the batch; none when ``rate`` is 0.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:  # N ... -> N ...
        if not self.training or self.rate == 0:
            return x
        survival = 1 - self.rate
        kept = x.new_empty(len(x), *[1] * (x.dim() - 1)).bernoulli_(survival)
        return x * kept / survival if survival > 0 else x * kept

    def extra_repr(self) -> str:
        return f"rate={self.rate:g}"
