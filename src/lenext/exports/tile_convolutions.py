"""A chain of small convolutions as convolutions of tiles, for an engine that pads maps of few channels.

See ``layers.tiles``: a tile of r x r pixels of C channels is one pixel of r*r*C.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lenext.layers.tile_chain import TileChain, TiledSum, tile_chain


class Tiled(nn.Module):
    """A network in tiles: N C H W -> N classes."""

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
