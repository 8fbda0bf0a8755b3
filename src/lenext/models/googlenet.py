"""GoogLeNet: going deeper with convolutions (Szegedy et al. 2014), with the naive form of its module.

The idea: windows of 1, 3 and 5 pixels and a pooling side by side, each after a 1x1 convolution that makes it cheap.
Look at: the table below, which is the paper; the same network without reductions, which has fourteen times
the parameters; two classifiers half-way up that only help to train; one linear layer, after a mean over the map.

Decided: conv1 is the plain 7x7 that Figure 3 draws. Table 1's 2.7K and 34M are those of a separable one, eight maps per
colour, as the authors' later code has it: ``stem="separable"``. Few of Table 1's parameters fit its own columns.
Decided: conv1 pads 3 pixels on each side and pooling rounds up, as Caffe; TensorFlow's "same" would pad 2 and 3.
Decided: Figure 3 alone shows local response normalisation and gives no constants: AlexNet's (Caffe has k = 1).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.layers.branches import Branches
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.lrn import local_response
from lenext.models.published import googlenet as figures
from lenext.protocol import SingleCrop, SquareCrops, TenCrop
from lenext.recipes import (
    Average,
    ChannelMean,
    ColourJitter,
    Decay,
    Glorot,
    PCAColour,
    Polynomial,
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    VelocitySGD,
)

PAPER = Paper(
    title="Going Deeper with Convolutions",
    authors="C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich",
    year=2014,
    venue="CVPR 2015",
    arxiv="1409.4842",
    idea="Modules of parallel windows, cheapened by 1x1 convolutions, make a network wide and deep at a fixed cost.",
)


class Row(NamedTuple):
    one: int  # 1x1
    three_reduce: int
    three: int  # 3x3
    five_reduce: int
    five: int  # 5x5
    pool: int  # projection of the pooled map


TABLE = {
    "3a": Row(64, 96, 128, 16, 32, 32),             # Table 1
    "3b": Row(128, 128, 192, 32, 96, 64),           # Table 1
    "4a": Row(192, 96, 208, 16, 48, 64),            # Table 1; max pooling before it
    "4b": Row(160, 112, 224, 24, 64, 64),           # Table 1
    "4c": Row(128, 128, 256, 24, 64, 64),           # Table 1
    "4d": Row(112, 144, 288, 32, 64, 64),           # Table 1
    "4e": Row(256, 160, 320, 32, 128, 128),         # Table 1
    "5a": Row(256, 160, 320, 32, 128, 128),         # Table 1; max pooling before it
    "5b": Row(384, 192, 384, 48, 128, 128),         # Table 1
}  # fmt: skip
VARIANTS = {
    "googlenet": "reduced",     # Figure 2 (b)
    "googlenet_naive": "naive", # Figure 2 (a): no reductions, and the pooled map as it is
}  # fmt: skip
SIDE = ("4a", "4d")  # 5: the auxiliary classifiers see these modules' maps

RESPONSES: Mapping[str, dict[str, Any]] = {"lrn": {}, "caffe": {"alpha": 2e-5, "k": 1}}  # ours: Caffe's 1e-4 / 5
NORMALISATIONS = (*RESPONSES, "none", "batch")


def convolution(
    name: str, inputs: int, outputs: int, kernel: int, *, stride: int = 1, batch: bool = False
) -> OrderedDict[str, nn.Module]:
    """A convolution with its ReLU; with ``batch`` normalisation in place of the bias."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers[name] = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=not batch)
    if batch:
        layers[f"{name}_bn"] = nn.BatchNorm2d(outputs, eps=0.001)
    layers[f"{name}_relu"] = nn.ReLU(inplace=True)
    return layers


def inception(row: Row, inputs: int, *, naive: bool = False, kernel: int = 5, batch: bool = False) -> Branches:
    """Figure 2: (a) when ``naive``, else (b); ``kernel`` is the third window's."""
    wide = f"{kernel}x{kernel}"
    pool = OrderedDict[str, nn.Module](pool=nn.MaxPool2d(3, 1, 1))
    three, five = OrderedDict[str, nn.Module](), OrderedDict[str, nn.Module]()
    into_three = into_five = inputs
    if not naive:
        three |= convolution("3x3_reduce", inputs, row.three_reduce, 1, batch=batch)
        five |= convolution(f"{wide}_reduce", inputs, row.five_reduce, 1, batch=batch)
        pool |= convolution("pool_proj", inputs, row.pool, 1, batch=batch)
        into_three, into_five = row.three_reduce, row.five_reduce
    three |= convolution("3x3", into_three, row.three, 3, batch=batch)
    five |= convolution(wide, into_five, row.five, kernel, batch=batch)
    branches = {"one": convolution("1x1", inputs, row.one, 1, batch=batch), "three": three, "five": five, "pool": pool}
    return Branches({name: nn.Sequential(layers) for name, layers in branches.items()})


def first_layers(in_channels: int, stem: str, normalisation: str) -> nn.Sequential:
    """Table 1 above the first module, with Figure 3's normalisation."""
    batch = normalisation == "batch"
    layers = OrderedDict[str, nn.Module]()
    if stem == "separable":
        maps = 8 * in_channels
        layers["depth1"] = nn.Conv2d(in_channels, maps, 7, 2, 3, groups=in_channels, bias=False)
        layers |= convolution("conv1", maps, 64, 1, batch=batch)
    else:
        layers |= convolution("conv1", in_channels, 64, 7, stride=2, batch=batch)
    layers["pool1"] = nn.MaxPool2d(3, 2, ceil_mode=True)
    if normalisation in RESPONSES:
        layers["lrn1"] = local_response(**RESPONSES[normalisation])
    layers |= convolution("conv2_reduce", 64, 64, 1, batch=batch) | convolution("conv2", 64, 192, 3, batch=batch)
    if normalisation in RESPONSES:
        layers["lrn2"] = local_response(**RESPONSES[normalisation])
    layers["pool2"] = nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(layers)


def side_head(inputs: int, num_classes: int, *, adaptive: bool, batch: bool) -> nn.Sequential:
    """An auxiliary classifier (5); its linear layers need the 4x4 map that a 14x14 one gives."""
    layers = OrderedDict[str, nn.Module](pool=nn.AdaptiveAvgPool2d(4) if adaptive else nn.AvgPool2d(5, 3))
    layers |= convolution("conv", inputs, 128, 1, batch=batch)
    layers["flatten"] = nn.Flatten()
    layers["fc1"], layers["relu1"] = nn.Linear(128 * 4 * 4, 1024), nn.ReLU(inplace=True)
    layers["drop"], layers["fc2"] = nn.Dropout(0.7), nn.Linear(1024, num_classes)
    return nn.Sequential(layers)


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    stem: str = "plain",
    body: str = "paper",
    normalisation: str = "lrn",
    dropout: float = 0.4,
    auxiliary: bool = False,
) -> AuxiliaryNetwork:
    """Table 1, for images of any size, with Glorot's initial weights (the paper does not name its own).

    stem: conv1 "plain" or "separable"; body: "paper", or "torchvision" for 3x3 windows in place of 5x5, a last max
    pooling of 2x2 and auxiliary heads that pool adaptively; normalisation: "lrn", "caffe" (its constants), "none", or
    "batch" after every convolution; dropout: share of the mean map that training drops (Table 1);
    auxiliary: with the two auxiliary heads, for 224 pixels. Raises ``UsageError`` for unknown values.
    """
    naive = VARIANTS[name] == "naive"
    batch = one_of("normalisation", normalisation, NORMALISATIONS) == "batch"
    theirs = one_of("body", body, ("paper", "torchvision")) == "torchvision"
    channels, stages, sides = 192, {}, {}
    for place, row in TABLE.items():
        layers = OrderedDict[str, nn.Module]()
        if place in ("4a", "5a"):
            window = 2 if theirs and place == "5a" else 3
            layers[f"pool{int(place[0]) - 1}"] = nn.MaxPool2d(window, 2, ceil_mode=True)
        layers["module"] = inception(row, channels, naive=naive, kernel=3 if theirs else 5, batch=batch)
        channels = row.one + row.three + row.five + (channels if naive else row.pool)
        stages[f"inception_{place}"] = nn.Sequential(layers)
        if auxiliary and place in SIDE:
            sides[f"inception_{place}"] = side_head(channels, num_classes, adaptive=theirs, batch=batch)
    network = AuxiliaryNetwork(
        input_size=(in_channels, 224, 224),
        stem=first_layers(in_channels, one_of("stem", stem, ("plain", "separable")), normalisation),
        stages=stages,
        head=mean_and_linear(channels, num_classes, drop=nn.Dropout(dropout)),
        auxiliary=sides,
    )
    initialise(network, Glorot())
    return network


CAFFE = (
    Difference(
        where="lrn1, lrn2", paper="no constants; here AlexNet's, k = 2 and alpha times the sum", source="Caffe",
        found="k = 1, alpha / 5 times the sum", option="normalisation", value="caffe",
    ),
)  # fmt: skip
TORCHVISION = (
    Difference("inception_3a to inception_5b", "5x5 in the third branch", "3x3", "torchvision", "body", "torchvision"),
    Difference("pool4", "3x3 max pooling", "2x2 max pooling", "torchvision", "body", "torchvision"),
    Difference("stem", "local response normalisation", "none", "torchvision", "normalisation", "batch"),
    Difference(
        where="every convolution", paper="bias, no normalisation", source="torchvision",
        found="batch normalisation with eps 0.001 in place of the bias", option="normalisation", value="batch",
    ),
    Difference("head", "dropout 0.4", "dropout 0.2", "torchvision", "dropout", 0.2),
    Difference(
        where="auxiliary heads", paper="5x5 average pooling at every third pixel", source="torchvision",
        found="adaptive average pooling to 4x4", option="body", value="torchvision",
    ),
)  # fmt: skip
READINGS: Mapping[str, Mapping[str, tuple[Difference, ...]]] = {
    "googlenet": {"caffe": CAFFE, "torchvision": TORCHVISION},
}

# 6 prints the momentum, the schedule, the averaging and the sampling; Caffe's replication has the numbers besides.
RECIPE = Recipe(
    name="googlenet:paper",
    epochs=250,                                                             # ours: Caffe's 10 million iterations
    batch_size=32,                                                          # ours: Caffe's
    optimizer=VelocitySGD(
        lr=0.01,                                                            # ours: Caffe's
        momentum=0.9,                                                       # 6
        weight_decay=2e-4, bias_rate=2.0, spared=("biases",),               # ours: Caffe's
    ),
    schedule=Decay(factor=0.96, every=8),                                   # 6: down 4 % every 8 epochs
    augment=(
        RandomResizedCrop(
            size=224, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3),              # 6
            interpolation="random",                                         # 6: with equal probability
            drawn="uniform",                                                # 6: chosen randomly; ours: uniformly
        ),
        RandomFlip(p=0.5),                                                  # ours: as AlexNet; 7 tests mirrored crops
        ColourJitter(brightness=0.5, contrast=0.5, saturation=0.5),         # 6: photometric, as 1312.5402
        PCAColour(std=0.1),                                                 # 6: lighting noise, as 1312.5402
    ),
    normalise=ChannelMean(unit_variance=False),                             # 5: RGB with mean subtraction
    view=SingleCrop(resize=256, crop=224),                                  # Table 3: 1 crop
    auxiliary=0.3,                                                          # 5
    init=Glorot(bias=0.2, fan="in"),                                        # ours: Caffe's xavier
    average=Average(decay=0.9999),                                          # 6: Polyak; ours: how far back
)  # fmt: skip

QUICK = replace(
    RECIPE,
    name="googlenet:caffe",
    epochs=None,
    iterations=2_400_000,                                                       # README: bvlc_googlenet
    schedule=Polynomial(power=0.5),                                             # README: bvlc_googlenet
    augment=(
        SingleCrop(resize=256, crop=256, squash=True),                          # ours: Caffe's create_imagenet.sh
        RandomCrop(size=224),                                                   # README: bvlc_googlenet
        RandomFlip(p=0.5),                                                      # README: bvlc_googlenet, no relighting
    ),
    view=SingleCrop(resize=256, crop=224, squash=True),                         # README: bvlc_googlenet, centre crop
    average=None,                                                               # README: bvlc_googlenet
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "googlenet": {"paper": RECIPE, "caffe": QUICK},
    "*": {"paper": RECIPE},
}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {
        "single": SingleCrop(resize=256, crop=224),                             # Table 3: 1 crop
        "ten-crop": TenCrop(resize=256, crop=224, square=True),                 # Table 3; ours: cut as AlexNet's
        "144-crop": SquareCrops(scales=(256, 288, 320, 352), crop=224),         # 7: four scales, three squares
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("reductions-save", "The naive module widens at every stage and costs two to five times as much.", "4"),
    Claim("mean-for-linear", "Average pooling instead of linear layers lowers the top-1 error by 0.6 %.", "5"),
    Claim("auxiliary-helps", "Two classifiers half-way up regularise and carry the gradient down.", "5"),
    Claim("crops-and-models", "144 crops and 7 models lower the top-5 error from 10.07 % to 6.67 %.", "7, Table 3"),
)
