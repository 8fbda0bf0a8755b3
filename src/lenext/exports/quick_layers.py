"""Layers in operators that engines are quick at: the same mathematics as torch's own, which engines take apart badly.

What it is worth stands in docs/log.md.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from lenext.exports.tile_convolutions import in_tiles
from lenext.layers.norm import LayerNorm2d
from lenext.layers.tile_chain import tile_chain

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
