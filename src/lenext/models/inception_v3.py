"""Inception-v3: rethinking the Inception architecture (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2015).

The idea: factorise. Two 3x3 windows see what a 5x5 sees, a 1x7 and a 7x1 what a 7x7 sees, for a fraction of the cost.
Look at: module C, where windows are lines; the reductions B and D, which pool and stride side by side so that nothing
is squeezed; the auxiliary head, whose "linear layer" is a 5x5 convolution and can therefore be batch-normalised.

Decided: Table 1 is an outline and its text and figures disagree; this is the network that the authors released, which
keeps a real 5x5 in module A. It costs 5.7 billion multiply-adds where Table 3 prints 4.8.
Decided: batch normalisation has a scale, as everybody counts it; the authors' code has none: reading "authors".
Decided: the mean of the pooling branch leaves the padding out, as the authors' "same"; torchvision counts its zeros.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.layers.branches import Branches
from lenext.layers.head import mean_and_linear
from lenext.layers.init import draw, initialise
from lenext.models.published import inception_v3 as figures
from lenext.protocol import SingleCrop, SquareCrops
from lenext.recipes import (
    Average,
    CrossEntropy,
    Decay,
    FixedScale,
    Gaussian,
    He,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    RMSProp,
    TensorFlowColour,
)

PAPER = Paper(
    title="Rethinking the Inception Architecture for Computer Vision",
    authors="C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna",
    year=2015,
    venue="CVPR 2016",
    arxiv="1512.00567",
    idea="Convolutions factorised into small and flat ones buy depth and width at the cost of neither.",
)

# "3x3:64" is a convolution of 64 kernels that keeps the map's size, "v" one without padding, "/2" one without padding
# at every second pixel, "1x3|3x1:384" two side by side; "max" pools 3x3 at every second pixel, "avg" 3x3 at each.
STEM = "3x3/2:32 3x3v:32 3x3:64 max 1x1:80 3x3v:192 max"  # Table 1, with the released 1x1 and without a stride
MODULES = {
    "A": ("1x1:64", "1x1:48 5x5:64", "1x1:64 3x3:96 3x3:96", "avg 1x1:{0}"),                    # Figure 5
    "B": ("3x3/2:384", "1x1:64 3x3:96 3x3/2:96", "max"),                                        # Figure 10
    "C": (
        "1x1:192", "1x1:{0} 1x7:{0} 7x1:192", "1x1:{0} 7x1:{0} 1x7:{0} 7x1:{0} 1x7:192",        # Figure 6, n = 7
        "avg 1x1:192",                                                                          # Figure 6
    ),
    "D": ("1x1:192 3x3/2:320", "1x1:192 1x7:192 7x1:192 3x3/2:192", "max"),                     # Figure 10
    "E": (
        "1x1:320", "1x1:384 1x3|3x1:384", "1x1:448 3x3:384 1x3|3x1:384", "avg 1x1:192",         # Figure 7
    ),
}  # fmt: skip
VARIANTS = {
    "inception_v3": {
        "mixed_5b": ("A", 32),          # Table 1: 3x Inception, 35x35; the pooled branch's width
        "mixed_5c": ("A", 64),          # Table 1
        "mixed_5d": ("A", 64),          # Table 1
        "mixed_6a": ("B", 0),           # Table 1: 5x Inception, 17x17, the reduction counted
        "mixed_6b": ("C", 128),         # Table 1; the width of the 7-pixel lines
        "mixed_6c": ("C", 160),         # Table 1
        "mixed_6d": ("C", 160),         # Table 1
        "mixed_6e": ("C", 192),         # Table 1
        "mixed_7a": ("D", 0),           # Table 1: 2x Inception, 8x8
        "mixed_7b": ("E", 0),           # Table 1
        "mixed_7c": ("E", 0),           # Table 1
    }
}  # fmt: skip
SIDE = "mixed_6e"  # 4: on top of the last 17x17 map


class Style(NamedTuple):
    scale: bool  # batch normalisation has a gamma
    count_padding: bool  # average pooling counts the zeros around the map
    momentum: float = 0.1  # ours: what torch calls so; one less the authors' decay


class ShiftNorm2d(nn.BatchNorm2d):
    """Batch normalisation without a scale: gamma is 1 and stays so."""

    def __init__(self, channels: int, eps: float, momentum: float = 0.1) -> None:
        super().__init__(channels, eps, momentum)
        del self.weight
        self.register_buffer("weight", torch.ones(channels))


def convolution(inputs: int, outputs: int, kernel: tuple[int, int], how: str, style: Style) -> nn.Sequential:
    """Convolution without bias, batch normalisation, ReLU; ``how`` is "" (same size), "v" or "/2"."""
    padding = (0, 0) if how else (kernel[0] // 2, kernel[1] // 2)
    norm = (nn.BatchNorm2d if style.scale else ShiftNorm2d)(outputs, eps=0.001, momentum=style.momentum)
    conv = nn.Conv2d(inputs, outputs, kernel, stride=2 if how == "/2" else 1, padding=padding, bias=False)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm, relu=nn.ReLU(inplace=True)))


def chain(text: str, inputs: int, style: Style) -> tuple[nn.Sequential, int]:
    """Layers one after another as ``text`` says, and the channels of the last."""
    layers = OrderedDict[str, nn.Module]()
    for number, word in enumerate(text.split(), 1):
        if word == "max":
            layers[f"pool{number}"] = nn.MaxPool2d(3, 2)
        elif word == "avg":
            layers[f"pool{number}"] = nn.AvgPool2d(3, 1, 1, count_include_pad=style.count_padding)
        else:
            windows, how, outputs = re.fullmatch(r"([\dx|]+)(v|/2|):(\d+)", word).groups()  # type: ignore[union-attr]
            parts = {
                window: convolution(inputs, int(outputs), (int(window[0]), int(window[2])), how, style)
                for window in windows.split("|")
            }
            layers[f"conv{number}"] = Branches(parts) if len(parts) > 1 else parts[windows]
            inputs = len(parts) * int(outputs)
    return nn.Sequential(layers), inputs


def module(kind: str, number: int, inputs: int, style: Style) -> tuple[Branches, int]:
    """One of ``MODULES``, ``number`` in its open places, and the channels of its output."""
    branches = [chain(text.format(number), inputs, style) for text in MODULES[kind]]
    joined = Branches({f"branch{place}": branch for place, (branch, _) in enumerate(branches, 1)})
    return joined, sum(outputs for _, outputs in branches)


def side_head(inputs: int, num_classes: int, style: Style) -> nn.Sequential:
    """The auxiliary classifier (4), batch-normalised: on a 17x17 map its 5x5 convolution sees everything."""
    layers = OrderedDict[str, nn.Module](
        pool=nn.AvgPool2d(5, 3),
        conv1=convolution(inputs, 128, (1, 1), "", style),
        conv2=convolution(128, 768, (5, 5), "v", style),
        mean=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        fc=nn.Linear(768, num_classes),
    )
    return nn.Sequential(layers)


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    scale: bool = True,
    count_padding: bool = False,
    momentum: float = 0.1,
    dropout: float = 0.2,
    auxiliary: bool = False,
) -> AuxiliaryNetwork:
    """The released network, for images of 75 pixels and more, with He's initial weights.

    scale: batch normalisation has a gamma; count_padding: the pooling branch averages over the zeros around its map
    too; momentum: share of a batch in the moving statistics; dropout: share of the mean map that training drops;
    auxiliary: with the auxiliary head, for 299 pixels.
    """
    style = Style(scale, count_padding, momentum)
    stem, channels = chain(STEM, in_channels, style)
    stages, sides = {}, {}
    for place, (kind, number) in VARIANTS[name].items():
        stages[place], channels = module(kind, number, channels, style)
        if auxiliary and place == SIDE:
            sides[place] = side_head(channels, num_classes, style)
    network = AuxiliaryNetwork(
        input_size=(in_channels, 299, 299),
        stem=stem,
        stages=stages,
        head=mean_and_linear(channels, num_classes, drop=nn.Dropout(dropout)),
        auxiliary=sides,
    )
    initialise(network, He(fan="in"))
    for side in sides.values():
        for path, std in (("conv2.conv", 0.01), ("fc", 0.001)):  # the authors' code
            draw(side.get_parameter(f"{path}.weight"), Gaussian(std=std))
    return network


SHIFT = Difference(
    where="batch normalisation", paper="scale and shift", found="shift only", source="the authors' code, Keras",
    option="scale", value=False,
)  # fmt: skip


def decay(source: str, momentum: float) -> Difference:
    return Difference(
        where="batch normalisation", paper="momentum 0.9, torch's", found=f"momentum {1 - momentum:g}", source=source,
        option="momentum", value=momentum,
    )  # fmt: skip


AUTHORS = (SHIFT, decay("the authors' code", 3e-4))
KERAS = (
    SHIFT,
    decay("Keras", 0.01),
    Difference(where="head", paper="dropout 0.2", found="none", source="Keras", option="dropout", value=0.0),
)
TORCHVISION = (
    Difference(
        where="avg pooling of A, C and E", paper="mean over the pixels of the map", source="torchvision, timm",
        found="zeros of the padding are counted", option="count_padding", value=True,
    ),
    Difference(
        where="head", paper="dropout 0.2", found="dropout 0.5", source="torchvision", option="dropout", value=0.5,
    ),
)  # fmt: skip
TIMM = (
    TORCHVISION[0],
    Difference(where="head", paper="dropout 0.2", found="none", source="timm", option="dropout", value=0.0),
)
READINGS: Mapping[str, Mapping[str, tuple[Difference, ...]]] = {
    "inception_v3": {"authors": AUTHORS, "keras": KERAS, "torchvision": TORCHVISION, "timm": TIMM},
}

# 8 prints the optimiser, the schedule and the clipping; the released code has the numbers besides.
RECIPE = Recipe(
    name="inception_v3:paper",
    epochs=100,                                                             # 8
    batch_size=32,                                                          # 8: of each of 50 replicas
    optimizer=RMSProp(
        lr=0.045, decay=0.9, eps=1.0,                                       # 8
        momentum=0.9, weight_decay=4e-5, spared=("biases", "norms"),        # ours: the released code's
    ),
    schedule=Decay(factor=0.94, every=2),                                   # 8
    augment=(
        RandomResizedCrop(
            size=299, area=(0.05, 1.0), aspect=(0.75, 1.33),                # ours: the released code's
            interpolation="random", drawn="tensorflow",                     # ours: the released code's four methods
        ),
        RandomFlip(p=0.5),                                                  # ours: the released code's
        TensorFlowColour(brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2),       # ours: the released code's
    ),
    normalise=FixedScale(mean=0.5, std=0.5),                                # ours: the released code's -1 to 1
    view=SingleCrop(resize=342, crop=299, squash=True),                     # ours: as in PROTOCOLS
    loss=CrossEntropy(label_smoothing=0.1),                                 # 7
    auxiliary=0.4,                                                          # ours: the released code's
    clip=2.0,                                                               # 8; ours: the norm of all gradients
    average=Average(decay=0.9999, rising=True),                             # 8; ours: the released code's
)  # fmt: skip

ONE_MACHINE = replace(
    RECIPE,
    name="inception_v3:one-machine",
    batch_size=256,                                                         # README: research/inception, eight GPUs
    optimizer=RMSProp(
        lr=0.1, decay=0.9, eps=1.0,                                         # README: research/inception
        momentum=0.9, weight_decay=4e-5, spared=("biases", "norms"),        # README: research/inception
    ),
    schedule=Decay(factor=0.16, every=30),                                  # README: research/inception
    clip=None,
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*": {"paper": RECIPE, "one-machine": ONE_MACHINE}}

# ours: the central 87.5 % of each side, scaled to a square, as the authors' code; the paper says "single crop" only.
# ours: neither the 12 nor the 144 crops are described; they are GoogLeNet's, its lengths times 299 / 224.
PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {
        "single": SingleCrop(resize=342, crop=299, squash=True),                # ours: as above
        "12-crop": SquareCrops(scales=(342,), crop=299, places=1),              # ours: as above, the middle square
        "144-crop": SquareCrops(scales=(342, 384, 427, 470), crop=299),         # ours: as above
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("factorise-5x5", "Two 3x3 convolutions cost 28 % less than a 5x5.", "3.1"),
    Claim("relu-between", "A ReLU after both beats a linear first one, 77.2 % to 76.2 % top-1.", "3.1"),
    Claim("factorise-lines", "1x3 and 3x1 cost 33 % less than 3x3, and work well on maps of 12 to 20 pixels.", "3.2"),
    Claim("side-head-regularises", "Batch normalisation in the auxiliary head lowers the main error by 0.4 %.", "4"),
    Claim("label-smoothing", "Label smoothing lowers the top-1 and top-5 errors by 0.2 %.", "7"),
    Claim("resolution", "At equal cost a network for 79 pixels loses only 1.4 % to one for 299.", "9, Table 2"),
)
