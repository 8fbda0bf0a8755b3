"""Training a chain of small convolutions in tiles, where the processor's products in bf16 are fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from lenext.evaluation.inference import Compute
from lenext.layers.tile_chain import TiledSum, flatten, tile_chain
from lenext.layers.tiles import convolve
from lenext.training.objective import Objective

Step = Callable[[Tensor], Tensor]


def in_tiles(objective: Objective, network: nn.Module, compute: Compute) -> Objective:
    """The objective with a forward pass in tiles, where the network is a chain that is written so; else as it is.

    Only in bf16 on a CPU, and up to rounding in bf16: in fp32 the products with zeros take longer than convolutions.
    """
    fast = compute.device.type == "cpu" and compute.precision == "bf16"
    parts = tile_chain(network) if fast else None
    if parts is None:
        return objective
    steps: list[Step] = [*map(step, parts.maps), flatten, *parts.vectors]

    def heads(inputs: Tensor) -> tuple[Tensor, ...]:
        x = parts.tiles(inputs.to(compute.dtype))
        for layer in steps:
            x = layer(x)
        return (x,)

    return replace(objective, heads=heads)


def step(part: TiledSum | nn.Module) -> Step:
    """A layer on a map in tiles."""
    if isinstance(part, nn.Module):
        return part

    def layer(x: Tensor) -> Tensor:
        weight, bias, _ = part.read()
        return convolve(x, weight, bias, part.how)

    return layer
