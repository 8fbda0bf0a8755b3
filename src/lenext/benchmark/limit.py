"""The practical limit of a machine: the fastest convolution, in the precision of what is measured."""

from __future__ import annotations

import torch
from torch import nn

from lenext.benchmark.timing import Work
from lenext.evaluation.inference import Compute

# Channels, side and images of 3x3 convolutions that fill a processor's matrix units; which is fastest differs.
SHAPES = ((128, 56, 16), (256, 28, 32), (512, 14, 64))


def convolutions(compute: Compute) -> dict[str, tuple[Work, float]]:
    """By name: a convolution of each shape as a piece of work, and its billions of operations (2 a multiply-add)."""
    return {f"conv {c}x{side}x{side} x{n}": convolution(c, side, n, compute) for c, side, n in SHAPES}


def convolution(channels: int, side: int, images: int, compute: Compute) -> tuple[Work, float]:
    layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False).eval()
    compute.place(layer)
    dtype = compute.dtype
    layer.to(dtype)
    x = torch.randn(images, channels, side, side, device=compute.device, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def work() -> None:
        layer(x)
        synchronise(compute.device)

    return work, 2e-9 * images * side * side * channels * channels * 9


def synchronise(device: torch.device) -> None:
    """Wait until a device has done what it was told; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
