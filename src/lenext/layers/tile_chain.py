"""Which networks can be computed in tiles (see ``tiles``): chains of small convolutions, as LeNet-5 is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from lenext.layers.chain import SQUASHES, WeightedSum, chain
from lenext.layers.tiles import Tiling, tiled, tiling

Kernel = tuple[Tensor, Tensor, int]  # weight (O C h w), bias (O), stride
Read = Callable[[], Kernel]


@dataclass(frozen=True)
class TiledSum:
    """A convolution: what reads its kernel as it is now, and how it goes over tiles."""

    read: Read
    how: Tiling


@dataclass(frozen=True)
class TileChain:
    """The layers on maps, in their order, and behind the flattening those on vectors. side: of the input's tiles."""

    maps: list[TiledSum | nn.Module]
    vectors: list[nn.Module]
    side: int

    def tiles(self, x: Tensor) -> Tensor:
        """The input (N C H W) in tiles; pixels at the far edges that no layer's kernel reaches are cut off."""
        height, width = (self._seen(pixels, axis) for axis, pixels in enumerate(x.shape[2:]))
        return tiled(x[:, :, :height, :width], self.side)

    def _seen(self, pixels: int, axis: int) -> int:
        tilings = [layer.how for layer in self.maps if isinstance(layer, TiledSum)]
        windows = [(how.kernel[2 + axis], how.side // how.to) for how in tilings]
        for window, stride in windows:
            pixels = (pixels - window) // stride + 1
        for window, stride in reversed(windows):
            pixels = (pixels - 1) * stride + window
        return pixels


def tile_chain(network: nn.Module) -> TileChain | None:
    """The network as such a chain; None where a layer on maps is of another kind.

    A tile of the input becomes one pixel of the last map: so much smaller does subsampling make it.
    """
    layers = list(chain(network))
    flat = next((place for place, layer in enumerate(layers) if isinstance(layer, nn.Flatten)), 0)
    maps, side = list[TiledSum | nn.Module](), 1
    for layer in reversed(layers[:flat]):
        part = layer if isinstance(layer, SQUASHES) else tiled_sum(layer, side)
        if part is None:
            return None
        maps.insert(0, part)
        side = part.how.side if isinstance(part, TiledSum) else side
    return TileChain(maps, layers[flat + 1 :], side) if flat else None


def tiled_sum(layer: nn.Module, to: int) -> TiledSum | None:
    """A layer whose output lies in tiles of ``to`` pixels a side; None where it is no convolution of whole tiles."""
    read: Read
    match layer:
        case WeightedSum():
            read = layer.convolution
        case nn.Conv2d(padding=(0, 0), dilation=(1, 1), groups=1, bias=Tensor() as bias, stride=(1, 1)):
            read = lambda: (layer.weight, bias, 1)  # noqa: E731 - one of two ways
        case _:
            return None
    weight, _, stride = read()
    how = tiling(tuple(weight.shape), stride, to)
    return None if how is None else TiledSum(read, how)


def flatten(x: Tensor) -> Tensor:  # N A B C -> N C*A*B
    """As the layer flattens a map of N C H W."""
    return x.permute(0, 3, 1, 2).flatten(1)
