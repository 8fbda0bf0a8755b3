"""Layer normalisation of a map looks at one position at a time, over all its channels."""

from __future__ import annotations

import torch

from lenext.layers.norm import LayerNorm2d


def test_each_position_is_normalised_over_its_channels_alone() -> None:
    torch.manual_seed(0)
    norm = LayerNorm2d(5).double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 5, 4, 3, dtype=torch.float64) * 3 + 1
    mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, correction=0)
    expected = (x - mean) / (variance + 1e-6).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), expected)


def test_the_result_lies_with_channels_last() -> None:
    assert LayerNorm2d(5)(torch.randn(2, 5, 4, 3)).is_contiguous(memory_format=torch.channels_last)
