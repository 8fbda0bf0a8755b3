"""Local response normalisation across channels, as AlexNet 3.3 writes it and VGG's A-LRN borrows it."""

from __future__ import annotations

from torch import nn


def local_response(*, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> nn.LocalResponseNorm:
    """b_i = a_i / (k + alpha * sum of a_j^2 over ``size`` neighbouring channels)^beta, with AlexNet's constants.

    In the paper ``alpha`` multiplies the sum; torch divides it by ``size`` first, so torch is given ``size`` times it.
    """
    return nn.LocalResponseNorm(size, alpha=alpha * size, beta=beta, k=k)
