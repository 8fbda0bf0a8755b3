"""A network as one convolution over images of any size: its head applied to every place of the last feature map.

A linear layer that is applied to every window of a map is a convolution with a kernel of that window's size (VGG 3.2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.errors import UsageError
from lenext.layers.network import Network


def densely(network: Network) -> nn.Module:
    """``network`` for whole images: N C H W -> N classes, the logits' mean over all positions of the score map.

    A head that pools the whole map first gives that mean already (exactly so where nothing but a linear layer follows),
    so such a network is returned as it is, and so is one that sees each image at several scales, which does the like of
    itself. Others see windows of the size that the map has at the network's own input.
    """
    if pools_everything(network.head) or network.scales:
        return network
    like = next(network.parameters())
    with torch.no_grad():
        own = network.forward_features(torch.zeros(1, *network.input_size, device=like.device, dtype=like.dtype))
    return SlidingHead(network, (own.shape[2], own.shape[3]))


def pools_everything(head: nn.Module) -> bool:
    """Whether a head takes the mean of the whole map, whatever its size."""
    return any(isinstance(part, nn.AdaptiveAvgPool2d) and part.output_size in (1, (1, 1)) for part in head.modules())


class SlidingHead(nn.Module):
    """The network's head at every position of its feature map; ``window``: height and width of what it sees there."""

    def __init__(self, network: Network, window: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.window = window

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N classes
        return self.score_map(x).mean((2, 3))

    def score_map(self, x: Tensor) -> Tensor:  # N C H W -> N classes rows columns
        """The logits of every position. Raises UsageError for images under the network's own size."""
        own = self.network.input_size[1:]
        if x.shape[2] < own[0] or x.shape[3] < own[1]:
            raise UsageError(
                f"{self.network.name} cannot be shown whole images of {x.shape[3]} x {x.shape[2]} pixels: its head "
                f"sees {own[1]} x {own[0]} at once.",
                "Choose a protocol of larger scales, or one of crops.",
            )
        features = self.network.forward_features(x)
        count, channels, height, width = features.shape
        rows, columns = height - self.window[0] + 1, width - self.window[1] + 1
        windows = F.unfold(features, self.window).transpose(1, 2)
        logits = self.network.forward_head(windows.reshape(-1, channels, *self.window))
        return logits.reshape(count, rows, columns, -1).permute(0, 3, 1, 2)
