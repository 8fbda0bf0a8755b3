"""Batch normalisation over the images of all processes: for CPUs too, and exact where their shares differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Sum = Callable[[Tensor], Tensor]


class _Summed(torch.autograd.Function):
    """The sum over the processes, of values and of gradients."""

    @staticmethod
    def forward(context: Any, values: Tensor, add: Sum, share: float) -> Tensor:
        context.add, context.share = add, share
        return add(values.clone())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return context.add(gradients[0] * context.share) / context.share, None, None


@contextmanager
def synchronised(network: nn.Module, add: Sum, share: float) -> Iterator[None]:
    """Within, layers of batch normalisation that train take mean and variance over the images of all processes.

    add: the sum of a tensor over them. Every process must pass through the same layers, at least one image each; its
    loss counts for its ``share`` of the batch.
    """

    def everyone(values: Tensor) -> Tensor:
        found: Tensor = _Summed.apply(values, add, share)  # type: ignore[no-untyped-call]
        return found

    layers = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.training]
    for layer in layers:
        layer.forward = partial(normalise, layer, everyone)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def normalise(layer: _BatchNorm, add: Sum, x: Tensor) -> Tensor:  # N C ... -> N C ...
    """One layer's pass; its running values follow the statistics of all. ``add`` passes gradients on."""
    dims = [0, *range(2, x.dim())]
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    size = wide.new_full((1,), wide.numel() / wide.shape[1])
    sums = add(torch.cat([wide.sum(dims), size]))
    count = sums[-1].detach()
    shape = (1, -1, *[1] * (x.dim() - 2))
    mean = sums[:-1] / count
    centred = wide - mean.view(shape)
    variance = add(centred.square().sum(dims)) / count
    follow(layer, mean.detach(), variance.detach() * count / (count - 1))
    normal: Tensor = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        normal = normal * layer.weight.view(shape) + layer.bias.view(shape)
    return normal.to(x.dtype)


@torch.no_grad()
def follow(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running values towards those of a batch, as torch's own layers do; variance: the unbiased one."""
    if not layer.track_running_stats or layer.running_mean is None or layer.running_var is None:
        return
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked += 1
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), share)
    layer.running_var.lerp_(variance.to(layer.running_var.dtype), share)
