"""Linear layers as convolutions: a head that flattens its map at every place of a larger one (arXiv 1409.1556, 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from math import isqrt

from torch import Tensor, nn
from torch.nn import functional as F

from lenext.errors import UsageError


def slid(head: Iterable[nn.Module], x: Tensor) -> Tensor:  # N C H W -> N outputs rows columns
    """What the layers give at each place of the map; the first linear one sees a square window of it.

    Raises ``UsageError`` for a map that is smaller than the window.
    """
    for layer in head:
        if isinstance(layer, nn.Linear):
            window = isqrt(layer.in_features // x.shape[1])
            if min(x.shape[2:]) < window:
                found = " x ".join(str(side) for side in x.shape[2:])
                raise UsageError(
                    f"Its head sees {window} x {window} places of a map, and this picture has {found}.",
                    "Give scales from 1 on.",
                )
            x = F.conv2d(x, layer.weight.view(-1, x.shape[1], window, window), layer.bias)
        elif not isinstance(layer, nn.Flatten):
            x = layer(x)
    return x
