"""Units whose two ways are weighed, by gates as in highway networks (arXiv 1505.00387) or by constants (1603.05027)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Gate(nn.Module):
    """g(x) = sigmoid(W x + b), with a 1x1 convolution: a value for each channel and pixel.

    bias: where all of b starts; it is no convolution's own, which initial weights would set to 0.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, bias: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def forward(self, x: Tensor) -> Tensor:  # N inputs H W -> N outputs H/stride W/stride, in 0..1
        return torch.sigmoid(self.conv(x) + self.bias[:, None, None])


class WeighedUnit(nn.Module):
    """y = ReLU(s shortcut(x) + t F(x)): 1603.05027, Figure 2.

    factors: s and t in words, each a number, "g" or "1-g", where g is what ``gate`` says of x.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module, factors: tuple[str, str], gate: Gate | None) -> None:
        super().__init__()
        self.branch, self.shortcut, self.factors, self.gate = branch, shortcut, factors, gate
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        gate = 1.0 if self.gate is None else self.gate(x)
        known = {"g": gate, "1-g": 1 - gate}
        on_shortcut, on_branch = (known[word] if word in known else float(word) for word in self.factors)
        y: Tensor = self.relu(on_shortcut * self.shortcut(x) + on_branch * self.branch(x))
        return y

    def extra_repr(self) -> str:
        return f"shortcut {self.factors[0]}, branch {self.factors[1]}"
