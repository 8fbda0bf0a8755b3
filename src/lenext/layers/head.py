"""The two heads of the line: AlexNet's three linear layers, and since GoogLeNet each map's mean and one of them."""

from __future__ import annotations

from torch import nn


def mean_and_linear(channels: int, classes: int, **between: nn.Module) -> dict[str, nn.Module]:
    """The parts of GoogLeNet's head by name (1409.4842, 5); ``between``: what stands before the linear layer."""
    mean = {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return {**mean, **between, "fc": nn.Linear(channels, classes)}


def three_layers(inputs: int, classes: int, *, hidden: int = 4096, dropout: float = 0.5) -> dict[str, nn.Module]:
    """fc6 to fc8, as AlexNet has them and after it VGG: N inputs H W, flattened -> N classes.

    inputs: channels times positions; hidden: units of fc6 and fc7, of which training drops the share ``dropout``.
    """
    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    for number in (6, 7):
        layers[f"fc{number}"] = nn.Linear(inputs, hidden)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        layers[f"drop{number}"] = nn.Dropout(dropout)
        inputs = hidden
    return {**layers, "fc8": nn.Linear(hidden, classes)}
