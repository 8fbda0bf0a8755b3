"""Convolutions of small maps as products of their rows with a banded matrix.

A map lies as N H W C. A row of a convolution's output is the product of the rows that its kernel covers, one after the
other, with a matrix that holds the kernel once for every place along the row, and zeros. Most of that work is on zeros;
yet where a processor has instructions for products in bf16, LeNet's small convolutions take half of the time.
Products of bf16 numbers are summed in fp32, as a convolution in bf16 sums them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]


def convolve(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1) -> Tensor:
    """A convolution without padding, in the precision of ``x``: N H W C -> N H' W' O; weight: O C h w; bias: O."""
    y: Tensor = _Convolution.apply(x.contiguous(), weight, bias, stride)  # type: ignore[no-untyped-call]
    return y


class _Convolution(torch.autograd.Function):
    """The product, and its three gradients, which are products too."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        images, height, width, _ = x.shape
        outputs, _, tall, wide = weight.shape
        shape = (images, (height - tall) // stride + 1, (width - wide) // stride + 1, outputs)
        matrix = banded(weight.to(x.dtype), width, shape[2], stride)
        rows = covered(x, tall, stride, shape[1])
        context.save_for_backward(rows, weight, matrix)
        context.shapes, context.stride = (x.shape, shape), stride
        return torch.addmm(bias.to(x.dtype).repeat(shape[2]), rows, matrix).view(shape)

    @staticmethod
    def backward(context: Any, *slopes: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        rows, weight, matrix = context.saved_tensors
        (of, shape), stride = context.shapes, context.stride
        slope = slopes[0].reshape(-1, shape[2] * shape[3])
        of_matrix = torch.mm(rows.t(), slope)
        of_weight = places(of_matrix, weight.shape, of[2], shape[2], stride).sum(3, dtype=weight.dtype)
        of_bias = slope.sum(0, dtype=weight.dtype).view(shape[2:]).sum(0)
        of_x = through(slope.view(shape), matrix, weight.shape[2], of, stride) if context.needs_input_grad[0] else None
        return of_x, of_weight.permute(3, 2, 0, 1), of_bias, None


def covered(x: Tensor, tall: int, stride: int, places: int) -> Tensor:
    """The ``tall`` rows that each of the output's ``places`` rows sees, one after the other: N*H' (tall*W*C)."""
    images, height, width, channels = x.shape
    row = width * channels
    return x.as_strided((images, places, tall * row), (height * row, stride * row, 1)).reshape(-1, tall * row)


def banded(weight: Tensor, width: int, columns: int, stride: int) -> Tensor:  # O C h w -> (h*W*C) (W'*O)
    """The matrix of a kernel for rows of ``width`` pixels, whose output has ``columns``."""
    outputs, channels, tall, _ = weight.shape
    matrix = weight.new_zeros(tall * width * channels, columns * outputs)
    places(matrix, weight.shape, width, columns, stride).copy_(weight.permute(2, 3, 1, 0).unsqueeze(3))
    return matrix


def places(matrix: Tensor, kernel: Shape, width: int, columns: int, stride: int) -> Tensor:
    """A view of the matrix, h w C W' O: where the kernel's weights stand in it, for every column of the output."""
    outputs, channels, tall, wide = kernel
    line = columns * outputs
    pixel = channels * line
    strides = (width * pixel, pixel, line, stride * pixel + outputs, 1)
    return matrix.as_strided((tall, wide, channels, columns, outputs), strides)


def through(slope: Tensor, matrix: Tensor, tall: int, of: Shape, stride: int) -> Tensor:
    """The gradient of the input (N H W C: ``of``) from that of the output (N H' W' O) of a kernel of ``tall`` rows."""
    images, height, width, channels = of
    places = slope.shape[1]
    if tall == stride or places == 1:  # no row of the input is seen twice
        seen = torch.mm(slope.reshape(images * places, -1), matrix.t()).view(images, places * tall, width, channels)
        rest = height - places * tall
        return F.pad(seen, (0, 0, 0, 0, 0, rest)) if rest else seen
    assert stride == 1
    # Each row of the input is seen by the ``tall`` rows of the output that end with its own.
    around = F.pad(slope, (0, 0, 0, 0, tall - 1, tall - 1))
    turned = matrix.view(tall, width * channels, -1).flip(0).transpose(1, 2).reshape(-1, width * channels)
    return torch.mm(covered(around, tall, 1, height), turned).view(of)
