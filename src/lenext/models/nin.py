"""Network in Network (Lin, Chen, Yan 2013).

The idea: a small perceptron slides over the map in place of a linear filter - a convolution followed by two 1x1
convolutions - and the last one gives one map per class, whose mean is the class's score.
Look at: ``ClassMaps``, a classifier without a single linear layer; 1x1 convolutions that add a non-linearity and
reduce nothing: their use for reduction is GoogLeNet's.

Decided: the paper prints no widths; those below are of the authors' published definitions, for Caffe and for their
cuda-convnet, read in others' copies. The results agree with the leaderboards to the decimal that these print.
Decided: the last 1x1 convolution is followed by a ReLU there, so no logit is negative. Pooling rounds up, as Caffe's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.facts import Claim, Paper
from lenext.layers.init import draw, initialise
from lenext.layers.network import Network
from lenext.models.published import nin as figures
from lenext.protocol import SingleCrop
from lenext.recipes import Gaussian, Recipe

PAPER = Paper(
    title="Network In Network",
    authors="M. Lin, Q. Chen, S. Yan",
    year=2013,
    venue="ICLR 2014",
    arxiv="1312.4400",
    idea="Small perceptrons instead of linear filters, and the mean of one map per class instead of linear layers.",
)


class MLPConv(NamedTuple):
    kernel: int
    stride: int
    padding: int
    widths: tuple[int, ...]  # of the convolution and the 1x1 convolutions after it; the last block's ends in classes
    pool: str = ""  # "max" or "avg", 3x3 at every second pixel
    dropout: float = 0.0


# Figure 2: blocks on top of each other, then global average pooling.
VARIANTS = {
    "nin": (
        MLPConv(11, 4, 0, (96, 96, 96), "max"),             # ours: the authors' definition, the paper has no such net
        MLPConv(5, 1, 2, (256, 256, 256), "max"),           # ours: the authors' definition
        MLPConv(3, 1, 1, (384, 384, 384), "max", 0.5),      # ours: the authors' definition
        MLPConv(3, 1, 1, (1024, 1024)),                     # ours: the authors' definition; then 1000 classes
    ),
    "nin_cifar": (
        MLPConv(5, 1, 2, (192, 160, 96), "max", 0.5),       # ours: the authors' definition of 4.2's network
        MLPConv(5, 1, 2, (192, 192, 192), "avg", 0.5),      # ours: the authors' definition
        MLPConv(3, 1, 1, (192, 192)),                       # ours: the authors' definition; then 10 classes
    ),
}  # fmt: skip


class ClassMaps(nn.Sequential):
    """One map per class and its mean: the last 1x1 convolution, ReLU, global average pooling (3.2)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(
            OrderedDict(
                conv=nn.Conv2d(in_features, out_features, 1),
                relu=nn.ReLU(inplace=True),
                pool=nn.AdaptiveAvgPool2d(1),
                flatten=nn.Flatten(),
            )
        )
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N classes; of features, N C, as of a map of one place
        y: Tensor = super().forward(x if x.dim() == 4 else x[:, :, None, None])  # type: ignore[no-untyped-call]
        return y


class NIN(Network):
    """Its classifier takes a map; features are the map's mean."""

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """From the last feature map to logits (N, classes), or to the map's mean when ``pre_logits``."""
        y = super().forward_head(x, pre_logits)
        return y.mean((2, 3)) if y.dim() == 4 else y


def perceptron(number: int, first: int, inputs: int, block: MLPConv) -> nn.Sequential:
    """One block, named as the authors' definitions: conv1, cccp1, cccp2 ("cascaded cross channel pooling"), pool1."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for position, width in enumerate(block.widths):
        if position == 0:
            layers[f"conv{number}"] = nn.Conv2d(inputs, width, block.kernel, block.stride, block.padding)
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
        else:
            layers[f"cccp{first + position}"] = nn.Conv2d(inputs, width, 1)
            layers[f"relu_cccp{first + position}"] = nn.ReLU(inplace=True)
        inputs = width
    if block.pool:
        kind = nn.MaxPool2d if block.pool == "max" else nn.AvgPool2d
        layers[f"pool{number}"] = kind(3, 2, ceil_mode=True)
    if block.dropout:
        layers[f"drop{number}"] = nn.Dropout(block.dropout)
    return nn.Sequential(layers)


def build(name: str, *, num_classes: int | None = None, in_channels: int = 3) -> Network:
    """A stack of Figure 2, for images of any size and shape, with the authors' Gaussian initial weights.

    num_classes: 1000, for CIFAR 10, when None.
    """
    cifar = name.endswith("_cifar")
    inputs, blocks = in_channels, OrderedDict[str, nn.Module]()
    for number, block in enumerate(VARIANTS[name], 1):
        blocks[f"mlpconv{number}"] = perceptron(number, 2 * number - 2, inputs, block)
        inputs = block.widths[-1]
    stem = blocks.pop("mlpconv1")
    network = NIN(
        input_size=(in_channels, 32, 32) if cifar else (in_channels, 224, 224),
        stem=stem,
        stages=blocks,
        head={"maps": ClassMaps(inputs, num_classes or (10 if cifar else 1000))},
    )
    initialise(network, Gaussian(std=0.05))
    narrow = () if cifar else ("stem.conv1", "stages.mlpconv3.conv3", "head.maps.conv")
    for path in narrow:
        weight = network.get_submodule(path).weight
        assert isinstance(weight, Tensor)
        draw(weight, Gaussian(std=0.01))
    return network


# 4.1: as AlexNet, in batches of 128, the rate falling tenfold twice; where it starts is not printed.
RECIPES: Mapping[str, Mapping[str, Recipe]] = {}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},              # 4.2: the image itself
    "*": {"single": SingleCrop(resize=256, crop=224)},                  # ours: the usual one
}  # fmt: skip

PUBLISHED = figures.PUBLISHED

CLAIMS = (
    Claim("perceptrons-help", "Perceptrons in place of linear filters lower the error on CIFAR-10.", "4.2, Table 1"),
    Claim("dropout-helps", "Dropout between the blocks lowers the error by more than 20 %.", "4.2, Figure 3"),
    Claim("mean-for-linear", "Global average pooling regularises better than a linear layer.", "4.6, Table 5"),
)
