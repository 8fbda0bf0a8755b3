"""MobileNet: efficient convolutional neural networks for mobile vision applications (Howard et al. 2017).

The idea: a 3x3 in each channel and a 1x1 across channels do the work of a full convolution at a ninth of its cost.
Look at: ``separable``, two convolutions with a normalisation and a ReLU each; two multipliers, of width and of
resolution, that trade accuracy for cost; the 1x1 convolutions, which hold 95 % of all multiply-adds.

Decided: Table 1 prints "s2" in its last separable row, whose input and output are both 7x7: a misprint, stride 1.
Decided: what the paper does not print is as in the authors' slim: SAME padding, eps 0.001, weights N(0, 0.09) cut at
two deviations. The paper's ReLU is the default; the released models have ReLU6 (reading "slim").
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.network import Network
from lenext.layers.padding import convolution
from lenext.models.published import mobilenet as figures
from lenext.protocol import SingleCrop
from lenext.recipes import (
    SGD,
    Average,
    Decay,
    FixedScale,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    RMSProp,
    TensorFlowColour,
)

PAPER = Paper(
    title="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    authors="A. G. Howard, M. Zhu, B. Chen, D. Kalenichenko, W. Wang, T. Weyand, M. Andreetto, H. Adam",
    year=2017,
    venue="arXiv",
    arxiv="1704.04861",
    idea="Depthwise separable convolutions and two multipliers make networks as small as an application needs.",
)

# 3.3: the width multiplier alpha.
VARIANTS = {
    "mobilenet_v1":     1.0,        # Table 6
    "mobilenet_v1_075": 0.75,       # Table 6
    "mobilenet_v1_050": 0.5,        # Table 6
    "mobilenet_v1_025": 0.25,       # Table 6
}  # fmt: skip
STEM = 32  # Table 1: a full convolution of stride 2
# Table 1, row by row: channels and stride of the separable convolutions.
ROWS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
BODIES = ("separable", "full", "shallow")  # Table 1; Table 4: Conv MobileNet; Table 5: without the five rows of 14x14


class Code(NamedTuple):
    """What the paper leaves open, as somebody's code has it."""

    activation: Callable[..., nn.Module]  # after every normalisation
    eps: float
    momentum: float  # what torch calls so: one less Keras's
    dropout: float  # before the classifier


CODES = {
    "paper": Code(nn.ReLU, eps=1e-3, momentum=0.1, dropout=0.0),        # 3.2; ours: slim's eps and torch's momentum
    "slim": Code(nn.ReLU6, eps=1e-3, momentum=3e-4, dropout=1e-3),      # READINGS
    "keras": Code(nn.ReLU6, eps=1e-3, momentum=0.01, dropout=1e-3),     # READINGS
    "timm": Code(nn.ReLU6, eps=1e-5, momentum=0.1, dropout=0.0),        # READINGS
    "caffe": Code(nn.ReLU, eps=1e-5, momentum=0.1, dropout=0.0),        # READINGS
}  # fmt: skip


class Shape(NamedTuple):
    """How every convolution is built: ``build``'s options."""

    padding: str
    code: Code

    def layers(self, name: str, inputs: int, outputs: int, kernel: int, stride: int, groups: int) -> dict[str, Any]:
        """A convolution with its normalisation and its non-linearity (Figure 3)."""
        return {
            f"{name}": convolution(inputs, outputs, kernel, stride, groups=groups, padding=self.padding),
            f"{name}_bn": nn.BatchNorm2d(outputs, self.code.eps, self.code.momentum),
            f"{name}_relu": self.code.activation(inplace=True),
        }


def separable(inputs: int, outputs: int, stride: int, shape: Shape) -> nn.Sequential:
    """Figure 3, right: 3x3 in each channel, with the stride, then 1x1 across them."""
    depthwise = shape.layers("depthwise", inputs, inputs, 3, stride, inputs)
    return nn.Sequential(OrderedDict(depthwise | shape.layers("pointwise", inputs, outputs, 1, 1, 1)))


def full(inputs: int, outputs: int, stride: int, shape: Shape) -> nn.Sequential:
    """Figure 3, left: the convolution that the two replace."""
    return nn.Sequential(OrderedDict(shape.layers("conv", inputs, outputs, 3, stride, 1)))


def scaled(channels: int, width: float) -> int:
    """alpha times the channels (3.3), at least 8 as in slim."""
    return max(int(width * channels), 8)


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float | None = None,
    image_size: int = 224,
    body: str = "separable",
    padding: str = "same",
    code: str = "paper",
) -> Network:
    """The network of Table 1, for images of any size and shape.

    width: the multiplier alpha of 3.3, by default that of the name; image_size: the paper's input in pixels, 224, 192,
    160 or 128 (3.4; changes no weight); body: "separable", "full" (Conv MobileNet, Table 4) or "shallow" (Table 5);
    padding: "same", "symmetric" or "far" (Keras); code: "paper", "slim", "keras", "timm" or "caffe", whose
    non-linearity, constants of the normalisation and dropout.
    Raises ``UsageError`` for a body, a padding or a code that is none of these.
    """
    one_of("body", body, BODIES)
    one_of("code", code, CODES)
    alpha = VARIANTS[name] if width is None else width
    shape = Shape(padding, CODES[code])
    inputs = scaled(STEM, alpha)
    first = shape._replace(padding="same") if padding == "far" else shape  # Keras
    stem = first.layers("conv", in_channels, inputs, 3, 2, 1)
    stages = {}
    for number, (channels, stride) in enumerate(ROWS, 1):
        if body == "shallow" and 7 <= number <= 11:
            continue
        outputs = scaled(channels, alpha)
        stages[f"block{number}"] = (full if body == "full" else separable)(inputs, outputs, stride, shape)
        inputs = outputs
    network = Network(
        input_size=(in_channels, image_size, image_size),
        stem=nn.Sequential(OrderedDict(stem)),
        stages=stages,
        head=mean_and_linear(inputs, num_classes, drop=nn.Dropout(shape.code.dropout)),
    )
    network.apply(initialise)
    return network


def initialise(module: nn.Module) -> None:
    """slim: N(0, 0.09), cut at two standard deviations."""
    if isinstance(module, nn.Conv2d | nn.Linear) and not module.weight.is_meta:
        nn.init.trunc_normal_(module.weight, std=0.09, a=-0.18, b=0.18)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def following(source: str, code: str) -> tuple[Difference, ...]:
    """What stands after every convolution in a reading, and before its classifier."""
    found = CODES[code]
    said = f"batch normalisation with eps {found.eps:g} and momentum {1 - found.momentum:g}, and ReLU6"
    after = Difference("after every convolution", "batch normalisation and ReLU", said, source, "code", code)
    return (after, Difference("head", "no dropout", "dropout 0.001", source, "code", code))[: 2 if found.dropout else 1]


BACKGROUND = Difference(
    where="fc", source="tensorflow/models, slim", option="num_classes", value=1001,
    paper="1000 classes", found="1001 outputs, of which number 0 is the background",
)  # fmt: skip
FAR = Difference(
    where="depthwise convolutions of stride 2", source="keras", option="padding", value="far",
    paper="SAME padding", found="one row and one column of zeros at the far edges, on odd maps too",
)  # fmt: skip


def symmetric(source: str) -> Difference:
    return Difference(
        where="convolutions of stride 2", source=source, option="padding", value="symmetric",
        paper="SAME padding, on even maps at the far edges only", found="one pixel of padding on every side",
    )  # fmt: skip


CAFFE = Difference("after every convolution", "eps 1e-3", "eps 1e-5", "shicai's Caffe model", "code", "caffe")
READINGS = {
    "*": {
        "slim": (*following("tensorflow/models, slim", "slim"), BACKGROUND),            # ours: as their code has it
        "keras": (*following("keras", "keras"), FAR),                                   # ours: as their code has it
        "timm": (*following("timm", "timm"), symmetric("timm")),                        # ours: as their code has it
    },
}  # fmt: skip
READINGS = {"mobilenet_v1": {**READINGS["*"], "caffe": (CAFFE, symmetric("shicai's Caffe model"))}, **READINGS}

# 3.2 names RMSProp, but neither rate, batch nor epochs: as Inception-v3, less regularised: no side heads, no label
# smoothing, larger crops, depthwise weights free.
RECIPE = Recipe(
    name="mobilenet:paper",
    epochs=100,                                                             # ours: Inception-v3's
    batch_size=64,                                                          # ours: slim's
    optimizer=RMSProp(
        lr=0.045, decay=0.9, momentum=0.9, eps=1.0,                         # ours: Inception-v3's
        weight_decay=4e-5, spared=("biases", "norms", "depthwise"),         # 3.2; ours: slim's number
    ),
    schedule=Decay(factor=0.94, every=2.5),                                 # ours: slim's
    augment=(
        RandomResizedCrop(
            size=224, area=(0.25, 1.0),                                     # 3.2; ours: how small
            aspect=(0.75, 1.33), drawn="tensorflow",                        # ours: slim's
        ),
        RandomFlip(p=0.5),                                                  # ours: Inception-v3's code
    ),
    normalise=FixedScale(mean=0.5, std=0.5),                                # ours: slim's -1 to 1
    view=SingleCrop(resize=256, crop=224, squash=True),                     # ours: as in PROTOCOLS
    clip=2.0,                                                               # ours: Inception-v3's
    average=Average(decay=0.9999, rising=True),                             # ours: Inception-v3's
)  # fmt: skip

SLIM = replace(
    RECIPE,
    name="mobilenet:slim",
    optimizer=SGD(lr=0.045, weight_decay=4e-5, spared=("biases", "norms", "depthwise")),    # ours: slim's script
    augment=(
        RandomResizedCrop(
            size=224, area=(0.05, 1.0), aspect=(0.75, 1.33), drawn="tensorflow",            # ours: slim's
        ),
        RandomFlip(p=0.5),                                                                  # ours: slim's
        TensorFlowColour(
            brightness=32 / 255, saturation=0.5, orders=("BS", "SB", "SB", "SB"),           # ours: slim's fast mode
        ),
    ),
    clip=None,
    average=None,
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*": {"paper": RECIPE, "slim": SLIM}}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {"single": SingleCrop(resize=256, crop=224, squash=True)},  # ours: slim's central 87.5 % of each side, squared
}

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("separable-is-enough", "Separable convolutions lose 1.1 % to full ones at an eighth of the cost.", "Table 4"),
    Claim("thin-beats-shallow", "At equal cost a thinner network beats a shallower one.", "4.1, Table 5"),
    Claim("width-is-smooth", "Accuracy falls smoothly with the width multiplier until 0.25.", "4.2, Table 6"),
    Claim("resolution-is-smooth", "Accuracy falls smoothly with the resolution.", "4.2, Table 7"),
)
