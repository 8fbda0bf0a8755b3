"""Convolutions in tiles: torch's own, outputs and gradients, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from lenext.layers.tiles import convolve, tiled, tiling


# Height, width, channels, outputs, kernel, stride, tile of the output: LeNet-5's five, and others.
@pytest.mark.parametrize(
    "shape",
    [
        (32, 32, 1, 6, (5, 5), 1, 4), (28, 28, 6, 6, (2, 2), 2, 2), (14, 14, 6, 16, (5, 5), 1, 2),
        (10, 10, 16, 16, (2, 2), 2, 1), (5, 5, 16, 12, (5, 5), 1, 1),
        (9, 6, 3, 4, (4, 1), 1, 3), (12, 20, 2, 3, (6, 10), 2, 2), (8, 12, 3, 5, (3, 5), 1, 2),
    ],
)  # fmt: skip
def test_is_torchs_convolution_with_its_gradients(shape: tuple[int, int, int, int, tuple[int, int], int, int]) -> None:
    height, width, channels, outputs, kernel, stride, to = shape
    torch.manual_seed(0)
    x = torch.randn(3, channels, height, width, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(outputs, channels, *kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(outputs, dtype=torch.float64, requires_grad=True)
    how = tiling(tuple(weight.shape), stride, to)
    assert how is not None
    expected = tiled(F.conv2d(x, weight, bias, stride), to)
    found = convolve(tiled(x, how.side), weight, bias, how)
    torch.testing.assert_close(found, expected)
    slope = torch.randn_like(expected)
    for one, other in zip(*(torch.autograd.grad(y, (x, weight, bias), slope) for y in (found, expected)), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("kernel", "stride", "to"), [(4, 1, 2), (3, 2, 1), (1, 2, 1), (5, 1, 3)])
def test_a_kernel_that_ends_inside_a_tile_is_none_of_these(kernel: int, stride: int, to: int) -> None:
    assert tiling((2, 2, kernel, kernel), stride, to) is None
