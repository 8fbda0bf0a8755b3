"""Layers in operators that engines are quick at: the same mathematics as torch's own, which engines take apart badly.

What it is worth stands in docs/log.md.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.layers.norm import LayerNorm2d
from lenext.layers.tile_chain import TileChain, TiledSum, tile_chain

BETA = 0.75  # AlexNet 3.3, and whoever took it over


class RootedResponseNorm(nn.Module):
    """``nn.LocalResponseNorm`` where beta is 3/4, by sums and roots: x / u^(3/4), u = k + alpha / size * sum of x^2."""

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.size, self.k, self.factor = norm.size, norm.k, norm.alpha / norm.size

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H W
        """Each value by those of its neighbours in the channels."""
        channels = x.shape[1]
        squares = F.pad(x * x, (0, 0, 0, 0, self.size // 2, (self.size - 1) // 2))
        total = squares[:, :channels]
        for start in range(1, self.size):
            total = total + squares[:, start : start + channels]
        u = total * self.factor + self.k
        return x / (u * u.sqrt()).sqrt()


class ChannelNorm(nn.Module):
    """Layer normalisation of a map over its channels where they stand, which spares OpenVINO to lay them last.

    last: the map is N H W C, and comes back so.
    """

    def __init__(self, norm: nn.LayerNorm, *, last: bool) -> None:
        super().__init__()
        self.weight, self.bias, self.eps, self.last = norm.weight, norm.bias, norm.eps, last

    def forward(self, x: Tensor) -> Tensor:
        """Each position by itself; vectors (N C) as torch has them."""
        if x.dim() != 4:
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)
        if self.last:
            x = x.permute(0, 3, 1, 2)
        apart = x - x.mean(1, keepdim=True)
        scale = 1 / ((apart * apart).mean(1, keepdim=True) + self.eps).sqrt()
        found = apart * scale * self.weight[:, None, None] + self.bias[:, None, None]
        return found.permute(0, 2, 3, 1) if self.last else found


class Tiled(nn.Module):
    """A chain of small convolutions as convolutions of tiles, for an engine that pads maps of few channels.

    See ``layers.tiles``: a tile of r x r pixels of C channels is one pixel of r*r*C. N C H W -> N classes.
    """

    def __init__(self, chain: TileChain) -> None:
        super().__init__()
        maps = [convolution(part) if isinstance(part, TiledSum) else part for part in chain.maps]
        self.chain, self.layers = chain, nn.Sequential(*maps, nn.Flatten(), *chain.vectors)

    def forward(self, x: Tensor) -> Tensor:
        """The whole way."""
        found: Tensor = self.layers(self.chain.tiles(x).permute(0, 3, 1, 2))
        return found


def convolution(part: TiledSum) -> nn.Conv2d:
    """One of tiles, its weights as they are now."""
    weight, bias, _ = part.read()
    matrix = part.how.matrix(weight)
    kernel = matrix.view(*part.how.reach, -1, matrix.shape[1]).permute(3, 2, 0, 1)
    found = nn.Conv2d(kernel.shape[1], kernel.shape[0], part.how.reach)
    found.weight.copy_(kernel)
    assert found.bias is not None
    found.bias.copy_(part.how.bias(bias))
    return found


@torch.no_grad()
def in_tiles(network: nn.Module) -> Tiled | None:
    """The network, its weights as they are now; None where it is no such chain."""
    chain = tile_chain(network)
    return None if chain is None else Tiled(chain)


QUICK: Mapping[str, tuple[type[nn.Module], ...]] = {  # for each format what the engine that reads it is quick at
    "onnx": (RootedResponseNorm,),
    "openvino": (RootedResponseNorm, ChannelNorm),
    "torch": (),
}
IN_TILES = "openvino"  # which pads maps of a few channels to sixteen


def quick(module: nn.Module) -> nn.Module | None:
    """What can stand for a layer; None where it stays."""
    if isinstance(module, nn.LocalResponseNorm) and module.beta == BETA:
        return RootedResponseNorm(module)
    if isinstance(module, nn.LayerNorm) and module.elementwise_affine and len(module.normalized_shape) == 1:
        return ChannelNorm(module, last=not isinstance(module, LayerNorm2d))
    return None


def own_format(network: nn.Module, form: str) -> str:
    """The format for an engine that reads ``form``: ONNX, which all read, where that has the same layers."""
    layers = {type(quick(module)) for module in network.modules()}
    if form == IN_TILES and tile_chain(network) is not None:
        return form
    return "onnx" if layers & set(QUICK[form]) == layers & set(QUICK["onnx"]) else form


def with_quick_layers(network: nn.Module, form: str) -> nn.Module:
    """A copy of the network with the layers of a format; the network itself where it has none.

    Its tensors are the network's, but for those of one in tiles.
    """
    tiles = in_tiles(network) if form == IN_TILES else None
    if tiles is not None:
        return tiles
    if not any(isinstance(quick(module), QUICK[form]) for module in network.modules()):
        return network
    tensors = [*network.parameters(), *network.buffers()]
    network = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
    for module in list(network.modules()):
        for name, child in module.named_children():
            found = quick(child)
            if isinstance(found, QUICK[form]):
                setattr(module, name, found)
    return network
