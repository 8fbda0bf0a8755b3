"""Training a chain of small convolutions as products of rows, where the processor's products in bf16 are fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from lenext.evaluation.inference import Compute
from lenext.layers.chain import SQUASHES, WeightedSum, chain
from lenext.layers.network import Network
from lenext.layers.rows import convolve
from lenext.training.objective import Objective

Step = Callable[[Tensor], Tensor]


def in_rows(objective: Objective, network: nn.Module, compute: Compute) -> Objective:
    """The objective with a forward pass in rows, where the network is a chain that is written so; else as it is.

    Only in bf16 on a CPU, and up to rounding in bf16: in fp32 the products with zeros take longer than convolutions.
    """
    fast = compute.device.type == "cpu" and compute.precision == "bf16" and isinstance(network, Network)
    steps = row_chain(network) if fast and isinstance(network, Network) else None
    if steps is None:
        return objective

    def heads(inputs: Tensor) -> tuple[Tensor, ...]:
        x = inputs.permute(0, 2, 3, 1).to(compute.dtype)
        for step in steps:
            x = step(x)
        return (x,)

    return replace(objective, heads=heads)


def row_chain(network: Network) -> list[Step] | None:
    """The network's layers on maps of N H W C; None where one that stands before the linear ones is of another kind."""
    layers = list(chain(network))
    flat = next((place for place, layer in enumerate(layers) if isinstance(layer, nn.Flatten)), 0)
    steps = [of_layer(layer) for layer in layers[:flat]]
    known = [step for step in steps if step is not None]
    return [*known, flatten, *layers[flat + 1 :]] if flat and len(known) == len(steps) else None


def of_layer(layer: nn.Module) -> Step | None:
    """One layer on a map of N H W C."""
    match layer:
        case WeightedSum():
            return lambda x: convolve(x, *layer.convolution())
        case nn.Conv2d(padding=(0, 0), dilation=(1, 1), groups=1, bias=Tensor() as bias, stride=(1, 1)):
            return lambda x: convolve(x, layer.weight, bias)
        case _:
            return layer if isinstance(layer, SQUASHES) else None


def flatten(x: Tensor) -> Tensor:  # N H W C -> N C*H*W
    """As the layer flattens a map of N C H W."""
    return x.permute(0, 3, 1, 2).flatten(1)
