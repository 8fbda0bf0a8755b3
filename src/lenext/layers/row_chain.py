"""Which networks can be computed in rows (see ``rows``): chains of small convolutions, as LeNet-5 is."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lenext.layers.chain import SQUASHES, WeightedSum, chain

Kernel = tuple[Tensor, Tensor, int]  # weight (O C h w), bias (O), stride
Read = Callable[[], Kernel]


def row_chain(network: nn.Module) -> tuple[list[Read | nn.Module], list[nn.Module]] | None:
    """The layers on maps, of weighted sums what reads their kernel, and behind the flattening those on vectors.

    None where a layer on maps is of another kind.
    """
    layers = list(chain(network))
    flat = next((place for place, layer in enumerate(layers) if isinstance(layer, nn.Flatten)), 0)
    steps = [step_of(layer) for layer in layers[:flat]]
    known = [step for step in steps if step is not None]
    return (known, layers[flat + 1 :]) if flat and len(known) == len(steps) else None


def step_of(layer: nn.Module) -> Read | nn.Module | None:
    """What reads a layer's kernel, as it is when it is read; a function of each unit alone as it is."""
    match layer:
        case WeightedSum():
            return layer.convolution
        case nn.Conv2d(padding=(0, 0), dilation=(1, 1), groups=1, bias=Tensor() as bias, stride=(1, 1)):
            return lambda: (layer.weight, bias, 1)
        case _:
            return layer if isinstance(layer, SQUASHES) else None


def flatten(x: Tensor) -> Tensor:  # N H W C -> N C*H*W
    """As the layer flattens a map of N C H W."""
    return x.permute(0, 3, 1, 2).flatten(1)
