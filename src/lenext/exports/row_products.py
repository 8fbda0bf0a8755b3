"""A chain of small convolutions as products of rows, for an engine whose products are fast; see ``layers.rows``."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.layers.row_chain import flatten, row_chain
from lenext.layers.rows import banded


class RowConvolution(nn.Module):
    """A convolution without padding of maps whose rows are vectors: N H W*C -> N H' W'*O.

    Where the rows of the kernel are alike, as a subsampling's are, those of the map are added up before the product.
    """

    matrix: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, stride: int, width: int) -> None:
        super().__init__()
        first = weight[:, :, :1]
        self.tall, self.stride, self.alike = weight.shape[2], stride, bool((weight == first).all())
        self.columns, self.channels = (width - weight.shape[3]) // stride + 1, len(weight)
        matrix = banded(first if self.alike else weight, width, self.columns, stride)
        self.register_buffer("matrix", matrix.t().contiguous())
        self.register_buffer("bias", bias.repeat(self.columns))

    def forward(self, x: Tensor) -> Tensor:
        """Each row of the output from those that the kernel covers."""
        last = x.shape[1] - self.tall + 1
        rows = [x[:, top : top + last : self.stride] for top in range(self.tall)]
        return F.linear(reduce(torch.add, rows) if self.alike else torch.cat(rows, 2), self.matrix, self.bias)


class RowChain(nn.Module):
    """A network in rows: N C H W -> N classes."""

    def __init__(self, maps: nn.Sequential, channels: int, vectors: nn.Sequential) -> None:
        super().__init__()
        self.maps, self.channels, self.vectors = maps, channels, vectors

    def forward(self, x: Tensor) -> Tensor:
        """The whole way."""
        rows = self.maps(x.permute(0, 2, 3, 1).flatten(2))
        found: Tensor = self.vectors(flatten(rows.unflatten(2, (-1, self.channels))))
        return found


@torch.no_grad()
def in_rows(network: nn.Module, width: int) -> RowChain | None:
    """The network for images of ``width``, its weights as they are now; None where it is no such chain."""
    parts = row_chain(network)
    if parts is None:
        return None
    maps, channels = list[nn.Module](), 0
    for part in parts[0]:
        if isinstance(part, nn.Module):
            maps.append(part)
        else:
            layer = RowConvolution(*part(), width)
            width, channels = layer.columns, layer.channels
            maps.append(layer)
    return RowChain(nn.Sequential(*maps), channels, nn.Sequential(*parts[1]))
