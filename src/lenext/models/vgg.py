"""VGG: very deep convolutional networks for large-scale image recognition (Simonyan, Zisserman 2014).

The idea: nothing but 3x3 convolutions, stacked deep; two see as far as one 5x5, three as far as one 7x7, with more
non-linearities and fewer weights.
Look at: the table below, which is the whole paper; 124 of VGG-16's 138 million parameters sit in three linear layers,
which become convolutions at test time and see the whole picture.

Decided: "10^-2 variance" of the initial weights (3.1) is read as a deviation of 0.01, because a deviation of 0.1, the
recipe ``printed``, blows the logits up to 1e8. ``build`` draws Glorot's weights, which 3.1 found to make pre-training
unnecessary.
Decided: local response normalisation multiplies the sum by alpha, as AlexNet prints it (Caffe divides alpha by 5).
Not the paper's: ``vgg*_bn``, with batch normalisation after every convolution, as torchvision has them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from lenext.errors import UsageError
from lenext.facts import Claim, Difference, Paper
from lenext.layers.head import three_layers
from lenext.layers.init import initialise
from lenext.layers.lrn import local_response
from lenext.layers.network import Network
from lenext.models.published import vgg as figures
from lenext.protocol import Dense, Mean, MultiCrop, SingleCrop
from lenext.recipes import (
    ChannelMean,
    Gaussian,
    Glorot,
    Inherit,
    PCAColour,
    Plateau,
    RandomCrop,
    RandomFlip,
    Recipe,
    ShortSide,
    Transfer,
    VelocitySGD,
)

PAPER = Paper(
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    authors="K. Simonyan, A. Zisserman",
    year=2014,
    venue="ICLR 2015",
    arxiv="1409.1556",
    idea="Depth, made of small 3x3 filters only, is what makes an image recogniser accurate.",
)

# Table 1, column by column: "3" is a 3x3 convolution with its ReLU, "5" a 5x5, "1" a 1x1; "L" after it is local
# response normalisation, "n" batch normalisation. Each of the five stages ends in 2x2 max pooling.
VARIANTS = {
    "vgg11":     ("3",    "3",    "33",       "33",       "33"),            # Table 1: A
    "vgg11_lrn": ("3L",   "3",    "33",       "33",       "33"),            # Table 1: A-LRN
    "vgg13":     ("33",   "33",   "33",       "33",       "33"),            # Table 1: B
    "vgg13_5x5": ("5",    "5",    "5",        "5",        "5"),             # 4.1: the shallow control of B
    "vgg16_1x1": ("33",   "33",   "331",      "331",      "331"),           # Table 1: C
    "vgg16":     ("33",   "33",   "333",      "333",      "333"),           # Table 1: D
    "vgg19":     ("33",   "33",   "3333",     "3333",     "3333"),          # Table 1: E
    "vgg11_bn":  ("3n",   "3n",   "3n3n",     "3n3n",     "3n3n"),          # torchvision: not the paper's
    "vgg13_bn":  ("3n3n", "3n3n", "3n3n",     "3n3n",     "3n3n"),          # torchvision: not the paper's
    "vgg16_bn":  ("3n3n", "3n3n", "3n3n3n",   "3n3n3n",   "3n3n3n"),        # torchvision: not the paper's
    "vgg19_bn":  ("3n3n", "3n3n", "3n3n3n3n", "3n3n3n3n", "3n3n3n3n"),      # torchvision: not the paper's
}  # fmt: skip
WIDTHS = (64, 128, 256, 512, 512)  # Table 1: channels of the five stages


def stage(number: int, row: str, inputs: int, width: int) -> nn.Sequential:
    """One stage of Table 1, its layers named as the authors' models name them: conv3_1, relu3_1, ... pool3."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for position, (kernel, normalisation) in enumerate(re.findall(r"(\d)(\D?)", row), 1):
        place = f"{number}_{position}"
        layers[f"conv{place}"] = nn.Conv2d(inputs, width, int(kernel), padding=int(kernel) // 2)
        if normalisation == "n":
            layers[f"bn{place}"] = nn.BatchNorm2d(width)
        layers[f"relu{place}"] = nn.ReLU(inplace=True)
        if normalisation == "L":
            layers[f"lrn{place}"] = local_response()
        inputs = width
    layers[f"pool{number}"] = nn.MaxPool2d(2, 2)
    return nn.Sequential(layers)


def build(
    name: str, *, num_classes: int = 1000, in_channels: int = 3, image_size: int = 224, dropout: float = 0.5
) -> Network:
    """A network of Table 1, with Glorot's initial weights (3.1).

    image_size: side of the square input in pixels, at least 32. fc6 sees floor(image_size / 32) squared positions:
    7x7 at the paper's 224; any other size is another network than the paper's, with fewer or more weights in fc6.
    dropout: share of fc6's and fc7's outputs that training drops. The network has no stem: conv1 sees the image.
    Raises ``UsageError`` for images under 32 pixels.
    """
    side = image_size // 32
    if side < 1:
        raise UsageError(f"{name} halves its image five times; {image_size} pixels are too few.", "Use 32 or more.")
    inputs = (in_channels, *WIDTHS)
    network = Network(
        input_size=(in_channels, image_size, image_size),
        stem=nn.Identity(),
        stages={
            f"conv{number}": stage(number, row, inputs[number - 1], width)
            for number, (row, width) in enumerate(zip(VARIANTS[name], WIDTHS, strict=True), 1)
        },
        head=three_layers(WIDTHS[-1] * side * side, num_classes, dropout=dropout),
    )
    initialise(network, Glorot())
    return network


KERAS = Difference(
    where="fc6, fc7", source="Keras Applications", option="dropout", value=0.0, paper="dropout 0.5", found="none",
)  # fmt: skip
READINGS = {"vgg16": {"keras": (KERAS,)}, "vgg19": {"keras": (KERAS,)}}

RECIPE = Recipe(
    name="vgg:paper",
    epochs=74,                                                  # 3.1: 370,000 iterations
    batch_size=256,                                             # 3.1
    optimizer=VelocitySGD(lr=1e-2, momentum=0.9, weight_decay=5e-4),    # 3.1; 3.3: in Caffe's form
    schedule=Plateau(factor=0.1, times=3, patience=5),          # 3.1; ours: the patience is not printed
    augment=(
        ShortSide(low=256, high=256),                           # 3.1: S = 256
        RandomCrop(size=224),                                   # 3.1
        RandomFlip(p=0.5),                                      # 3.1
        PCAColour(std=0.1),                                     # 3.1: as in AlexNet
    ),
    normalise=ChannelMean(unit_variance=False),                 # 2.1: the mean RGB value
    view=SingleCrop(resize=256, crop=224),                      # 4.1: a centre crop at Q = S
    init=Gaussian(std=0.01),                                    # 3.1
)  # fmt: skip

FROM_A = replace(
    RECIPE,
    name="vgg:from-a",
    inherit=Inherit(
        network="vgg11",                                                                    # 3.1: net A
        layers=("conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8"),           # 3.1
    ),
)  # fmt: skip

GLOROT = replace(RECIPE, name="vgg:glorot", init=Glorot())  # 3.1: trains the deep ones without net A
PRINTED = replace(RECIPE, name="vgg:printed", init=Gaussian(std=0.1))  # 3.1: "10^-2 variance", to the letter

# The next two go on from the network trained before them, so they bring no initial weights of their own.
S384 = replace(
    RECIPE,
    name="vgg:s384",
    optimizer=VelocitySGD(lr=1e-3, momentum=0.9, weight_decay=5e-4),    # 3.1: from the network of S = 256
    augment=(ShortSide(low=384, high=384), *RECIPE.augment[1:]),    # 3.1: S = 384
    view=SingleCrop(resize=384, crop=224),                          # 4.1: Q = S
    init=None,
)  # fmt: skip

MULTISCALE = replace(
    S384,                                                           # ours: the rate is not printed, so that of S = 384
    name="vgg:multiscale",
    augment=(ShortSide(low=256, high=512), *RECIPE.augment[1:]),    # 3.1: S in [256; 512], from the network of S = 384
)  # fmt: skip

# For another set of pictures, from trained weights, whose input is kept: features that stay as they are.
WHOLE = SingleCrop(resize=512, crop=512, squash=True)  # Appendix B: whole images; ours: squared
FEATURES = replace(
    RECIPE,
    name="vgg:features",
    epochs=0,                                                       # Appendix B: no fine-tuning
    augment=(WHOLE,),
    view=WHOLE,
    init=None,
    transfer=Transfer(
        freeze="all",                                               # Appendix B
        classifier="svm",                                           # Appendix B
        scales=(1.0, 0.75, 0.5),                                    # Appendix B: Q = 512, 384, 256, and mirrored
        unit_length=True,                                           # Appendix B
        strengths=(0.1, 1.0, 10.0, 100.0),                          # ours: chosen on held-out images, as there
    ),
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "*_bn": {"paper": RECIPE, "glorot": GLOROT},                                                # torchvision: no net A
    "vgg11*": {"paper": RECIPE, "glorot": GLOROT, "printed": PRINTED},                          # Table 3: A, A-LRN
    "vgg16_1x1": {"paper": FROM_A, "glorot": GLOROT, "s384": S384, "multiscale": MULTISCALE},   # Table 3: C
    "vgg1[69]": {
        "paper": FROM_A, "glorot": GLOROT, "s384": S384, "multiscale": MULTISCALE,              # Table 3: D, E
        "features": FEATURES,                                                                   # Table 11: D, E
    },
    "vgg13": {"paper": FROM_A, "glorot": GLOROT},                                               # Table 3: B
    "*": {"paper": RECIPE, "glorot": GLOROT},                                                   # 4.1: 5x5 for B
}  # fmt: skip

JITTERED = Dense(scales=(256, 384, 512))  # 4.2: for S in [256; 512]
CROPS = MultiCrop(scales=(256, 384, 512), crop=224)  # 3.2: 5x5 and mirrored; ours: from edge to edge
PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {
        "single": SingleCrop(resize=256, crop=224),         # 4.1: a centre crop, of the comparison with 5x5
        "dense": Dense(scales=(256,)),                      # 4.1: Q = S = 256
        "dense-s384": Dense(scales=(384,)),                 # 4.1: Q = S = 384, and the middle of S in [256; 512]
        "dense-multiscale": Dense(scales=(224, 256, 288)),  # 4.2: S = 256 and 32 to either side
        "dense-multiscale-s384": Dense(scales=(352, 384, 416)),  # 4.2: S = 384 and 32 to either side
        "dense-multiscale-jittered": JITTERED,
        "multi-crop": CROPS,
        "multi-crop-dense": Mean(parts=(CROPS, JITTERED)),
    },
}  # fmt: skip

PUBLISHED = figures.PUBLISHED

CLAIMS = (
    Claim("lrn-does-not-help", "Local response normalisation does not improve on net A without it.", "4.1, Table 3"),
    Claim("depth-helps", "The error falls with depth from 11 layers to 19, where it saturates.", "4.1, Table 3"),
    Claim("non-linearity-helps", "1x1 convolutions lower the error: C is better than B.", "4.1, Table 3"),
    Claim("context-matters", "3x3 convolutions in their place lower it further: D is better than C.", "4.1, Table 3"),
    Claim("small-filters", "One 5x5 for each pair of 3x3 raises B's top-1 error by 7 % on a centre crop.", "4.1"),
    Claim("jitter-in-training", "Training with S in [256; 512] beats either fixed S.", "4.1, Table 3"),
    Claim("jitter-in-test", "Testing at several scales beats testing at one.", "4.2, Table 4"),
    Claim("crops-and-dense", "Dense and multi-crop tests complement each other.", "4.3, Table 5"),
    Claim("features-transfer", "Fixed features and a linear SVM beat those of shallower nets.", "Appendix B, Table 11"),
)
