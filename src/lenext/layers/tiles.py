"""Convolutions of small maps in tiles, as products of matrices.

A map lies in tiles of a few pixels a side, N A B r*r*C: from space to depth, as it is called. A tile of a convolution's
output is the product of the tiles that its kernels cover, one after the other, with a matrix that holds the kernel once
for each pixel of the tile, and zeros. Two or three times the work; yet where a processor has instructions for products
in bf16, LeNet's small convolutions take half of the time (docs/log.md). Products of bf16 numbers are summed in fp32, as
a convolution in bf16 sums them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tiling:
    """How a kernel (O C h w) without padding goes over tiles.

    side, to: pixels of a tile of the input and of the output; reach: tiles of the input that one of the output covers,
    down and across; places: (to*to) (O*C*h*w), where each weight stands in the matrix for every pixel of the output's.
    """

    kernel: Shape
    side: int
    to: int
    reach: tuple[int, int]
    places: Tensor

    def matrix(self, weight: Tensor) -> Tensor:
        """(reach*reach*side*side*C) (to*to*O): what is multiplied with the tiles that are covered."""
        outputs, channels = self.kernel[:2]
        matrix = weight.new_zeros(prod(self.reach) * self.side**2 * channels, self.to**2 * outputs)
        matrix.view(-1)[self.places] = weight.flatten()
        return matrix

    def of_weight(self, of_matrix: Tensor, dtype: torch.dtype) -> Tensor:
        """The gradient of the weight from that of the matrix."""
        return of_matrix.take(self.places).sum(0, dtype=dtype).view(self.kernel)

    def bias(self, bias: Tensor) -> Tensor:
        """(to*to*O): that of each pixel of a tile of the output."""
        return bias.repeat(self.to**2)

    def covered(self, x: Tensor) -> Tensor:
        """N A B side*side*C to N*A'*B' (reach*reach*side*side*C): what each tile of the output covers."""
        images, high, broad, depth = x.shape
        down, across = self.reach
        left = (images, high - down + 1, broad - across + 1)
        row = broad * depth
        windows = x.as_strided((*left, down, across * depth), (high * row, row, depth, row, 1))
        return windows.reshape(prod(left), -1)


def tiling(kernel: Shape, stride: int, to: int) -> Tiling | None:
    """For a kernel of O C h w whose output lies in tiles of ``to`` pixels a side; None where whole tiles do not do."""
    outputs, channels, *window = kernel
    side = to * stride
    if any(pixels < stride or (pixels - stride) % side for pixels in window):
        return None
    down, across = (1 + (pixels - stride) // side for pixels in window)
    ranges = [torch.arange(number) for number in (to, to, outputs, channels, *window)]
    i, j, o, c, y, x = torch.meshgrid(*ranges, indexing="ij")
    y, x = i * stride + y, j * stride + x  # among the pixels that the tile of the output covers
    tile = y // side * across + x // side
    row = ((tile * side + y % side) * side + x % side) * channels + c
    column = (i * to + j) * outputs + o
    return Tiling(tuple(kernel), side, to, (down, across), (row * to**2 * outputs + column).view(to**2, -1))


def tiled(x: Tensor, side: int) -> Tensor:
    """N C H W in tiles of ``side`` pixels: N A B side*side*C."""
    images, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(images, height // side, side, width // side, side, channels)
    return pixels.transpose(2, 3).flatten(3)


def convolve(x: Tensor, weight: Tensor, bias: Tensor, how: Tiling) -> Tensor:
    """A convolution in the precision of ``x``, from tiles to tiles."""
    y: Tensor = _Convolution.apply(x.contiguous(), weight, bias, how)  # type: ignore[no-untyped-call]
    return y


class _Convolution(torch.autograd.Function):
    """The product and its gradients: products too, but for that of what was covered several times."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, how: Tiling) -> Tensor:
        matrix, covered = how.matrix(weight.to(x.dtype)), how.covered(x)
        context.save_for_backward(covered, matrix)
        context.of, context.precision, context.how = x.shape, weight.dtype, how
        left = [tiles - reach + 1 for tiles, reach in zip(x.shape[1:3], how.reach, strict=True)]
        return torch.addmm(how.bias(bias.to(x.dtype)), covered, matrix).view(len(x), *left, -1)

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        covered, matrix = context.saved_tensors
        how, slope = context.how, slopes[0].reshape(-1, matrix.shape[1])
        of_weight = how.of_weight(torch.mm(covered.t(), slope), context.precision)
        of_bias = slope.sum(0, dtype=context.precision).view(how.to**2, -1).sum(0)
        of_x = through(slopes[0], matrix, context.of, how.reach) if context.needs_input_grad[0] else None
        return of_x, of_weight, of_bias, None


def through(slope: Tensor, matrix: Tensor, of: Shape, reach: Shape) -> Tensor:
    """The gradient of the input, whose shape is ``of``, from that of the output."""
    if prod(reach) == 1 or prod(slope.shape[1:3]) == 1:  # no tile was covered twice
        return torch.mm(slope.reshape(-1, matrix.shape[1]), matrix.t()).view(of)
    turned = matrix.view(*reach, of[3], -1).flip(0, 1).permute(2, 3, 0, 1)
    around = [tiles - 1 for tiles in reach]
    return F.conv2d(slope.permute(0, 3, 1, 2), turned, padding=around).permute(0, 2, 3, 1)
