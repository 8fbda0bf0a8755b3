"""Networks that are one chain of layers, each a weighted sum of its inputs or a function of each unit alone.

LeNet's second derivatives and its pass over one image are written for such chains.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from torch import Tensor, nn

from lenext.layers import one_sample
from lenext.layers.network import Network


class ChainLayer(nn.Module, ABC):
    """A layer that is written for one image too."""

    @abstractmethod
    def one_sample(self, shape: one_sample.Shape) -> one_sample.Layer:
        """The same layer, on the same parameters, for one image of ``shape``."""


class WeightedSum(ChainLayer):
    """Each output is a sum of inputs times weights, plus a bias; every parameter is such a weight or bias."""

    @abstractmethod
    def fans(self) -> list[tuple[Tensor, Tensor]]:
        """Each parameter, and for each of its rows how many inputs the unit has that the row belongs to."""

    @abstractmethod
    def convolution(self) -> tuple[Tensor, Tensor, int]:
        """The same sums as a convolution without padding: weight (O C h w, zeros where none is), bias (O), stride."""


class Squash(ChainLayer):
    """A function of each unit alone, without parameters."""


SUMS = (WeightedSum, nn.Conv2d, nn.Linear)
SQUASHES = (Squash, nn.Flatten, nn.Tanh, nn.Sigmoid, nn.ReLU)  # to flatten is a function of each unit too


def chain(module: nn.Module) -> Iterator[nn.Module]:
    """The layers of a network without branches, in the order of its forward pass.

    One that does more than they, by scales or lengths of its features, is a layer of its own.
    """
    more = isinstance(module, Network) and bool(module.scales or module.unit_length)
    if isinstance(module, Network | nn.Sequential) and not more:
        for child in module.children():
            yield from chain(child)
    else:
        yield module


def one_sample_chain(network: Network) -> list[one_sample.Layer] | None:
    """The network's layers for one image of its input size; None where one of them is not written for that."""
    shape: one_sample.Shape = network.input_size
    layers: list[one_sample.Layer] = []
    for module in chain(network):
        if isinstance(module, nn.Flatten):  # a linear layer takes any shape
            continue
        layer = one_sample_layer(module, shape, first=not layers)
        if layer is None:
            return None
        layers.append(layer)
        shape = layer.shape
    return layers


def one_sample_layer(module: nn.Module, shape: one_sample.Shape, *, first: bool) -> one_sample.Layer | None:
    """One layer for an image of ``shape``; a convolution over the whole map is a matrix."""
    match module:
        case ChainLayer():
            return module.one_sample(shape)
        case nn.Linear(bias=Tensor() as bias):
            return one_sample.Linear(module.weight, bias)
        case nn.Conv2d(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=Tensor() as bias):
            if module.kernel_size == shape[1:]:
                return one_sample.Linear(module.weight, bias)
            return one_sample.Convolution(module.weight, bias, shape, first=first)
        case _:
            return None
