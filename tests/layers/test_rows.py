"""Convolutions as products of rows: torch's own, outputs and gradients, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from lenext.layers.rows import convolve


# Height, width, channels, outputs, kernel, stride: LeNet-5's five, one whose last row and column no window sees.
@pytest.mark.parametrize(
    "shape", [(8, 8, 1, 6, 5, 1), (8, 8, 6, 6, 2, 2), (7, 6, 3, 2, 3, 1), (5, 5, 4, 3, 5, 1), (9, 7, 3, 4, 2, 2)]
)
def test_is_torchs_convolution_with_its_gradients(shape: tuple[int, ...]) -> None:
    height, width, channels, outputs, kernel, stride = shape
    torch.manual_seed(0)
    x = torch.randn(3, channels, height, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(outputs, channels, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(outputs, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(x, weight, bias, stride)
    found = convolve(x.permute(0, 2, 3, 1), weight, bias, stride).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(expected)
    for one, other in zip(*(torch.autograd.grad(y, (x, weight, bias), slope) for y in (found, expected)), strict=True):
        torch.testing.assert_close(one, other)
