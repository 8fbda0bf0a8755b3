"""Training a chain of small convolutions as products of rows, where the processor's products in bf16 are fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from lenext.evaluation.inference import Compute
from lenext.layers.row_chain import Read, flatten, row_chain
from lenext.layers.rows import convolve
from lenext.training.objective import Objective

Step = Callable[[Tensor], Tensor]


def in_rows(objective: Objective, network: nn.Module, compute: Compute) -> Objective:
    """The objective with a forward pass in rows, where the network is a chain that is written so; else as it is.

    Only in bf16 on a CPU, and up to rounding in bf16: in fp32 the products with zeros take longer than convolutions.
    """
    fast = compute.device.type == "cpu" and compute.precision == "bf16"
    parts = row_chain(network) if fast else None
    if parts is None:
        return objective
    maps, vectors = parts
    steps: list[Step] = [*map(step, maps), flatten, *vectors]

    def heads(inputs: Tensor) -> tuple[Tensor, ...]:
        x = inputs.permute(0, 2, 3, 1).to(compute.dtype)
        for layer in steps:
            x = layer(x)
        return (x,)

    return replace(objective, heads=heads)


def step(part: Read | nn.Module) -> Step:
    """A layer on a map of N H W C."""
    if isinstance(part, nn.Module):
        return part
    return lambda x: convolve(x, *part())
