"""Xception: deep learning with depthwise separable convolutions (Chollet 2016).

The idea: an Inception module with as many towers as channels looks at space and at channels in two separate steps.
Look at: ``Separable``, where nothing stands between the two steps; the 34 of them that, with 2 plain convolutions and
linear shortcuts, make the whole network; the missing ReLU at the start of block2.

Decided: depthwise first, then pointwise, as TensorFlow: 1.2 calls the order unimportant, and the published
22,855,952 parameters leave no doubt. Figure 4's order is ``order="pointwise"``, an experiment with 22,873,808.
Decided: what the paper does not print is as in the author's Keras: SAME padding, normalisation with eps 0.001 and
momentum 0.99, Glorot's initial weights. Its two hidden layers on JFT are the reading "jft"; ours is their ReLU.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.padding import max_pool
from lenext.models.published import xception as figures
from lenext.protocol import SingleCrop
from lenext.recipes import (
    SGD,
    Average,
    BinaryCrossEntropy,
    Decay,
    FixedScale,
    Glorot,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    RMSProp,
    TensorFlowColour,
)

PAPER = Paper(
    title="Xception: Deep Learning with Depthwise Separable Convolutions",
    authors="F. Chollet",
    year=2016,
    venue="CVPR 2017",
    arxiv="1610.02357",
    idea="Correlations across channels and across space can be mapped separately, so Inception modules go all the way.",
)


class Block(NamedTuple):
    outputs: tuple[int, ...]  # of its separable convolutions
    halves: bool = False  # a max pool at its end, with a projection beside it


# Figure 5, flow by flow, after the two plain convolutions of block1.
VARIANTS = {
    "xception": {
        "entry_flow": (
            Block((128, 128), halves=True),         # Figure 5: block2
            Block((256, 256), halves=True),         # Figure 5: block3
            Block((728, 728), halves=True),         # Figure 5: block4
        ),
        "middle_flow": (
            Block((728, 728, 728)),                 # Figure 5: block5
            Block((728, 728, 728)),                 # Figure 5: block6
            Block((728, 728, 728)),                 # Figure 5: block7
            Block((728, 728, 728)),                 # Figure 5: block8
            Block((728, 728, 728)),                 # Figure 5: block9
            Block((728, 728, 728)),                 # Figure 5: block10
            Block((728, 728, 728)),                 # Figure 5: block11
            Block((728, 728, 728)),                 # Figure 5: block12
        ),
        "exit_flow": (
            Block((728, 1024), halves=True),        # Figure 5: block13
            Block((1536, 2048)),                    # Figure 5: block14
        ),
    },
}  # fmt: skip
STEM = (32, 64)  # Figure 5: block1
INTERMEDIATES: Mapping[str, Callable[[], nn.Module] | None] = {"none": None, "relu": nn.ReLU, "elu": nn.ELU}  # 4.7
ORDERS = ("depthwise", "pointwise")  # 1.2: which step comes first


class Code(NamedTuple):
    padding: str  # of the max pools
    eps: float
    momentum: float  # what torch calls so: one less Keras's
    dropout: float
    hidden: tuple[int, ...] = ()  # units of the fully connected layers before the classifier


CODES = {
    "jft": Code("same", eps=1e-3, momentum=0.01, dropout=0.0, hidden=(4096, 4096)),     # 4.3: READINGS
    "keras": Code("same", eps=1e-3, momentum=0.01, dropout=0.5),        # Keras; the dropout is 4.3's, for ImageNet
    "applications": Code("same", eps=1e-3, momentum=0.01, dropout=0.0),     # READINGS
    "timm": Code("symmetric", eps=1e-5, momentum=0.1, dropout=0.0),     # READINGS
}  # fmt: skip


class Shape(NamedTuple):
    """What every block is built with: ``build``'s options."""

    intermediate: str
    order: str
    residual: bool
    code: Code

    def norm(self, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels, self.code.eps, self.code.momentum)


class Separable(nn.Sequential):
    """3x3 in each channel, then 1x1 across them, without bias and by default with nothing between."""

    def __init__(self, inputs: int, outputs: int, shape: Shape) -> None:
        width = inputs if shape.order == "depthwise" else outputs
        steps: dict[str, nn.Module] = {
            "depthwise": nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
            "pointwise": nn.Conv2d(inputs, outputs, 1, bias=False),
        }
        activation = INTERMEDIATES[shape.intermediate]
        first, second = sorted(steps, key=lambda step: step != shape.order)
        between = OrderedDict(activation=activation()) if activation else {}
        super().__init__(OrderedDict({first: steps[first], **between, second: steps[second]}))


class Residual(nn.Module):
    """The branch's result plus the shortcut, with no activation after the sum."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x) + self.shortcut(x)
        return y


def block(number: int, inputs: int, row: Block, shape: Shape) -> nn.Module:
    """One block of Figure 5: ReLU before each separable convolution, but for block2; after it in block14."""
    last = number == 14
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = inputs
    for position, outputs in enumerate(row.outputs, 1):
        if not last and (number, position) != (2, 1):
            layers[f"relu{position}"] = nn.ReLU(inplace=position > 1)  # the first one's input is the shortcut's too
        layers[f"sepconv{position}"] = Separable(width, outputs, shape)
        layers[f"bn{position}"] = shape.norm(outputs)
        if last:
            layers[f"relu{position}"] = nn.ReLU(inplace=True)
        width = outputs
    if row.halves:
        layers["pool"] = max_pool(3, 2, padding=shape.code.padding)
    branch = nn.Sequential(layers)
    if last or not shape.residual:
        return branch
    projection = OrderedDict(conv=nn.Conv2d(inputs, width, 1, 2, bias=False), bn=shape.norm(width))
    return Residual(branch, nn.Sequential(projection) if row.halves else nn.Identity())


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    intermediate: str = "none",
    order: str = "depthwise",
    residual: bool = True,
    dropout: float | None = None,
    code: str = "keras",
) -> Network:
    """The network of Figure 5, for images of any size and shape.

    intermediate: "none", "relu" or "elu" between the two steps of a separable convolution (4.7);
    order: "depthwise" or "pointwise", the step that comes first; residual: with shortcuts, or without (4.6);
    dropout: share of the classifier's input that training drops, the code's when None;
    code: "keras", "applications" (Keras' own network), "jft" (with two hidden layers, 4.3) or "timm", whose padding of
    the four max pools, constants of the normalisation and dropout.
    Raises ``UsageError`` for an intermediate activation, an order or a code that is none of these.
    """
    one_of("intermediate", intermediate, INTERMEDIATES)
    one_of("order", order, ORDERS)
    one_of("code", code, CODES)
    shape = Shape(intermediate, order, residual, CODES[code])
    stem: OrderedDict[str, nn.Module] = OrderedDict()
    inputs, number = in_channels, 1
    for position, outputs in enumerate(STEM, 1):
        stem[f"conv{position}"] = nn.Conv2d(inputs, outputs, 3, 2 if position == 1 else 1, bias=False)
        stem[f"bn{position}"] = shape.norm(outputs)
        stem[f"relu{position}"] = nn.ReLU(inplace=True)
        inputs = outputs
    stages = {}
    for flow, rows in VARIANTS[name].items():
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for row in rows:
            number += 1
            blocks[f"block{number}"] = block(number, inputs, row, shape)
            inputs = row.outputs[-1]
        stages[flow] = nn.Sequential(blocks)
    between: dict[str, nn.Module] = {}
    for number, units in enumerate(shape.code.hidden, 1):
        between |= {f"fc{number}": nn.Linear(inputs, units), f"relu{number}": nn.ReLU(inplace=True)}
        inputs = units
    between["drop"] = nn.Dropout(shape.code.dropout if dropout is None else dropout)
    network = Network(
        input_size=(in_channels, 299, 299),
        stem=nn.Sequential(stem),
        stages=stages,
        head=mean_and_linear(inputs, num_classes, **between),
    )
    initialise(network, Glorot())
    return network


TIMM = (
    Difference(
        where="pool of block3", source="timm", option="code", value="timm",
        paper="SAME: on its 74x74 map one row and one column at the far edges", found="one pixel on every side",
    ),
    Difference(
        where="every normalisation", source="timm", option="code", value="timm",
        paper="eps 0.001, momentum 0.99, as Keras", found="eps 0.00001, momentum 0.9",
    ),
    Difference(where="head", source="timm", option="code", value="timm", paper="dropout 0.5", found="none"),
)  # fmt: skip
KERAS = Difference(
    where="head", source="Keras Applications", option="code", value="applications", paper="dropout 0.5", found="none",
)  # fmt: skip
JFTS = Difference(
    where="head", source="4.3", option="code", value="jft", paper="one linear layer, after dropout 0.5",
    found="on JFT two layers of 4096 units with ReLU before it, and no dropout",
)  # fmt: skip
READINGS = {"xception": {"jft": (JFTS,), "keras": (KERAS,), "timm": TIMM}}

# 4.2 and 4.3; what they do not print is Inception-v3's, for which the author tuned nothing anew (4.2).
RECIPE = Recipe(
    name="xception:paper",
    epochs=100,                                                             # ours: Inception-v3's; 4.4 says 3 days
    batch_size=32,                                                          # ours: Inception-v3's; 4.4 has 60 GPUs
    optimizer=SGD(
        lr=0.045, momentum=0.9, weight_decay=1e-5,                          # 4.2, 4.3
        spared=("biases", "norms"),                                         # ours: Inception-v3's code
    ),
    schedule=Decay(factor=0.94, every=2),                                   # 4.2
    augment=(
        RandomResizedCrop(
            size=299, area=(0.05, 1.0), aspect=(0.75, 1.33),                # ours: Inception-v3's code
            interpolation="random", drawn="tensorflow",                     # ours: Inception-v3's code
        ),
        RandomFlip(p=0.5),                                                  # ours: Inception-v3's code
        TensorFlowColour(brightness=32 / 255, contrast=0.5, saturation=0.5, hue=0.2),       # ours: Inception-v3's code
    ),
    normalise=FixedScale(mean=0.5, std=0.5),                                # ours: Keras's -1 to 1
    view=SingleCrop(resize=342, crop=299, squash=True),                     # ours: as in PROTOCOLS
    average=Average(decay=0.9999),                                          # 4.2: Polyak; ours: how far back
)  # fmt: skip

JFT_IMAGES = 350_000_000  # 4.1: of 17,000 classes; an image has several
JFT = replace(  # with batches of 32 the printed schedule leaves a thousandth of the rate after a fifth of the run
    RECIPE,
    name="xception:jft",
    epochs=3,                                                               # 4.4: 30 million iterations; ours: of 32
    optimizer=RMSProp(
        lr=0.001, momentum=0.9, weight_decay=1e-5,                          # 4.2, 4.3; ours: TensorFlow's decay, eps
        spared=("biases", "norms"),                                         # ours: Inception-v3's code
    ),
    schedule=Decay(factor=0.9, every=3_000_000 / JFT_IMAGES),               # 4.2: every 3,000,000 samples
    loss=BinaryCrossEntropy(),                                              # 4.1: several labels; ours: their mean
    dropout=0.0,                                                            # 4.3
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*": {"paper": RECIPE, "jft": JFT}}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {"single": SingleCrop(resize=342, crop=299, squash=True)},  # 4.5: "single crop"; ours: as Inception-v3's code
}

PUBLISHED = figures.PUBLISHED

CLAIMS = (
    Claim("separable-beats-inception", "Xception beats Inception V3 with as many parameters.", "4.5, Tables 1 and 3"),
    Claim(
        "residuals-help", "Without shortcuts Xception converges more slowly and to a lower accuracy.", "4.6, Figure 9"
    ),
    Claim("no-intermediate-activation", "ReLU or ELU between the two steps is worse than none.", "4.7, Figure 10"),
)
