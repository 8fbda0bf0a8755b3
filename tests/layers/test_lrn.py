"""Local response normalisation is the formula as AlexNet 3.3 prints it, not as libraries scale it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lenext.layers.lrn import local_response


def as_printed(a: Tensor, *, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> Tensor:
    channels = a.shape[1]
    b = torch.empty_like(a)
    for i in range(channels):
        near = a[:, max(0, i - n // 2) : min(channels - 1, i + n // 2) + 1]
        b[:, i] = a[:, i] / (k + alpha * near.square().sum(1)) ** beta
    return b


def test_alpha_multiplies_the_sum() -> None:
    torch.manual_seed(0)
    a = 100 * torch.randn(2, 9, 3, 4, dtype=torch.float64)
    assert torch.allclose(local_response()(a), as_printed(a), rtol=1e-12)


def test_torchs_own_alpha_would_be_five_times_too_weak() -> None:
    a = 100 * torch.randn(1, 9, 2, 2, dtype=torch.float64)
    assert not torch.allclose(nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)(a), as_printed(a), rtol=1e-2)


def test_the_constants_can_be_another_papers() -> None:
    a = 10 * torch.randn(1, 9, 2, 2, dtype=torch.float64)
    other = local_response(size=3, alpha=1e-3, beta=0.5, k=1.0)
    assert torch.allclose(other(a), as_printed(a, n=3, alpha=1e-3, beta=0.5, k=1.0), rtol=1e-12)
