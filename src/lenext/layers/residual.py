"""The residual block, and its shortcut: identity, zero padding or projection (arXiv 1512.03385, 3 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OPTIONS = ("A", "B", "C")


class Residual(nn.Module):
    """y = ReLU(F(x) + shortcut(x)): Figure 2, Eq. 1 and 2."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut, self.relu = branch, shortcut, nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.branch(x) + self.shortcut(x))
        return y


class ZeroPadding(nn.Module):
    """Option A: every ``stride``-th pixel, with channels of zeros appended; no parameters.

    Autograd gives the gradient of a part in the order N C H W whatever the map's own is, and all layers below then wait
    for memory: where channels lie together, training takes the part as the map lies (a tenth of ResNet-20's step).
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.more, self.stride = outputs - inputs, stride

    def forward(self, x: Tensor) -> Tensor:  # N inputs H W -> N outputs H/stride W/stride
        if self.training and x.is_contiguous(memory_format=torch.channels_last):
            rows = x.permute(0, 2, 3, 1)[:, :: self.stride, :: self.stride]
            return F.pad(rows, (0, self.more)).permute(0, 3, 1, 2)
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))

    def extra_repr(self) -> str:
        return f"channels=+{self.more}, stride={self.stride}"


def connect(
    option: str, inputs: int, outputs: int, stride: int, projection: Callable[[int, int, int], nn.Module]
) -> nn.Module:
    """The shortcut between a unit's two ends.

    option: "A" pads with zeros and "B" projects where the dimensions change, "C" projects everywhere;
    projection: makes the 1x1 convolution from (inputs, outputs, stride), with or without a normalisation.
    """
    same = inputs == outputs and stride == 1
    if option == "C" or (option == "B" and not same):
        return projection(inputs, outputs, stride)
    return nn.Identity() if same else ZeroPadding(inputs, outputs, stride)
