"""ResNet: deep residual learning for image recognition (He, Zhang, Ren, Sun 2015), with its plain twins.

The idea: a stack of layers learns what to add to its input, F(x), so that a hundred layers train as easily as ten.
Look at: ``Residual``, four lines that changed the field; the plain nets, equal in every weight, which get worse with
depth; option A, a shortcut without a single parameter.

Decided: the stride of a bottleneck stands in its first 1x1 convolution, as in the released models; reading "v1.5" has
it in the 3x3, as fb.resnet.torch, torchvision and timm. ResNet-200 was only ever published in that form.
Decided: ResNet-18 and -34 have projections (B): Table 2's figures are option A's, but B is Table 3's better one and
what every published weight file holds; ``shortcut="A"`` gives Table 2's networks.
Decided: the max pool opens conv2_x, as Table 1 draws it, so that the stem's map is conv1's 112x112.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.bias import add_biases
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.residual import OPTIONS, Residual, connect
from lenext.models.published import resnet as figures
from lenext.protocol import Dense, SingleCrop, TenCrop
from lenext.recipes import (
    SGD,
    He,
    PCAColour,
    PixelMean,
    Plateau,
    RandomCrop,
    RandomFlip,
    Recipe,
    ShortSide,
    Steps,
    VelocitySGD,
)
from lenext.recipes.standard import FB_CIFAR, FB_RESNET_TORCH, PAD_AND_CROP

PAPER = Paper(
    title="Deep Residual Learning for Image Recognition",
    authors="K. He, X. Zhang, S. Ren, J. Sun",
    year=2015,
    venue="CVPR 2016",
    arxiv="1512.03385",
    idea="Layers that learn a residual on top of an identity shortcut can be stacked a hundred deep and gain from it.",
)


class Design(NamedTuple):
    block: str  # "basic" or "bottleneck"
    blocks: tuple[int, ...]  # in each stage; the networks of three stages are those of 4.2
    shortcut: str | None  # option A, B or C of 3.3; None: a plain net
    stride_in: str | None  # which convolution of a bottleneck halves the map, "1x1" or "3x3"


# Table 1, column by column, and 4.2, whose depth is 6n + 2.
VARIANTS = {
    "resnet18":         Design("basic",      (2, 2, 2, 2),    "B",  None),      # Table 1
    "resnet34":         Design("basic",      (3, 4, 6, 3),    "B",  None),      # Table 1
    "resnet50":         Design("bottleneck", (3, 4, 6, 3),    "B",  "1x1"),     # Table 1
    "resnet101":        Design("bottleneck", (3, 4, 23, 3),   "B",  "1x1"),     # Table 1
    "resnet152":        Design("bottleneck", (3, 8, 36, 3),   "B",  "1x1"),     # Table 1
    "resnet200":        Design("bottleneck", (3, 24, 36, 3),  "B",  "3x3"),     # 1603.05027, Table 5
    "plain18":          Design("basic",      (2, 2, 2, 2),    None, None),      # Table 2
    "plain34":          Design("basic",      (3, 4, 6, 3),    None, None),      # Figure 3
    **{f"resnet{6 * n + 2}_cifar": Design("basic", (n, n, n), "A", None) for n in (3, 5, 7, 9, 18, 200)},      # 4.2
    **{f"plain{6 * n + 2}_cifar": Design("basic", (n, n, n), None, None) for n in (3, 5, 7, 9, 18)},           # 4.2
}  # fmt: skip
WIDTHS = {"imagenet": (64, 128, 256, 512), "cifar": (16, 32, 64)}  # Table 1; 4.2


def convolutions(*layers: tuple[int, int, int, int]) -> OrderedDict[str, nn.Module]:
    """Convolutions of (inputs, outputs, kernel, stride), each with batch normalisation (3.4); ReLU between them."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (inputs, outputs, kernel, stride) in enumerate(layers, 1):
        modules[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        modules[f"bn{number}"] = nn.BatchNorm2d(outputs)
        if number < len(layers):
            modules[f"relu{number}"] = nn.ReLU(inplace=True)
    return modules


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """W_s of Eq. 2."""
    return nn.Sequential(convolutions((inputs, outputs, 1, stride)))


def basic(inputs: int, width: int, stride: int, _: str | None) -> nn.Sequential:
    """Two 3x3 convolutions: Figure 5, left."""
    return nn.Sequential(convolutions((inputs, width, 3, stride), (width, width, 3, 1)))


def bottleneck(inputs: int, width: int, stride: int, stride_in: str | None) -> nn.Sequential:
    """1x1 down, 3x3, 1x1 up to four times the width: Figure 5, right."""
    first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
    return nn.Sequential(convolutions((inputs, width, 1, first), (width, width, 3, second), (width, 4 * width, 1, 1)))


BLOCKS = {"basic": (basic, 1), "bottleneck": (bottleneck, 4)}  # Figure 5: outputs per width


def stage(name: str, design: Design, count: int, inputs: int, width: int, stride: int) -> OrderedDict[str, nn.Module]:
    """``count`` blocks called after their stage (conv3_1, conv3_2, ...); the first one has the stride."""
    branch, expansion = BLOCKS[design.block]
    outputs = width * expansion
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        way = branch(inputs, width, stride, design.stride_in)
        if design.shortcut is None:
            block: nn.Module = nn.Sequential(OrderedDict(branch=way, relu=nn.ReLU(inplace=True)))
        else:
            block = Residual(way, connect(design.shortcut, inputs, outputs, stride, projection))
        blocks[f"{name}_{number}"] = block
        inputs, stride = outputs, 1
    return blocks


def choose(name: str, option: str, value: str | None, known: tuple[str, ...]) -> str | None:
    """The paper's value of an option, or the caller's; refuses what the network cannot have."""
    papers: str | None = getattr(VARIANTS[name], option)
    return papers if value is None else one_of(option, value, known if papers else ())


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    shortcut: str | None = None,
    stride_in: str | None = None,
    code: str = "paper",
) -> Network:
    """A network of Table 1 or of 4.2, for images of any size and shape, with He's initial weights (3.4).

    num_classes: 1000, for CIFAR 10, when None; shortcut: "A" pads with zeros, "B" projects where the dimensions
    change, "C" everywhere; stride_in: "1x1" or "3x3", the convolution of a bottleneck that halves the map;
    code: whose biases, eps and max pool, "keras" or "caffe", see READINGS.
    Raises ``UsageError`` for a shortcut in a plain net and for a stride_in without bottlenecks.
    """
    one_of("code", code, ("paper", "keras", "caffe") if VARIANTS[name].stride_in else ("paper",))
    design = VARIANTS[name]._replace(
        shortcut=choose(name, "shortcut", shortcut, OPTIONS),
        stride_in=choose(name, "stride_in", stride_in, ("1x1", "3x3")),
    )
    cifar = len(design.blocks) == 3
    widths = WIDTHS["cifar" if cifar else "imagenet"]
    stem = convolutions((in_channels, widths[0], 3, 1) if cifar else (in_channels, widths[0], 7, 2))
    inputs, stages = widths[0], {}
    for number, (count, width) in enumerate(zip(design.blocks, widths, strict=True), 2):
        blocks = stage(f"conv{number}", design, count, inputs, width, stride=1 if number == 2 else 2)
        if number == 2 and not cifar:
            pool = nn.MaxPool2d(3, 2, ceil_mode=True) if code == "caffe" else nn.MaxPool2d(3, 2, padding=1)
            blocks = OrderedDict(pool=pool, **blocks)
        stages[f"conv{number}_x"] = nn.Sequential(blocks)
        inputs = width * BLOCKS[design.block][1]
    network = Network(
        input_size=(in_channels, 32, 32) if cifar else (in_channels, 224, 224),
        stem=nn.Sequential(OrderedDict(stem, relu1=nn.ReLU(inplace=True))),
        stages=stages,
        head=mean_and_linear(inputs, num_classes or (10 if cifar else 1000)),
    )
    initialise(network, He(fan="in"))
    if code == "keras":
        add_biases(network, eps=1.001e-5, momentum=0.01)
    elif code == "caffe" and name == "resnet50":
        add_biases(network.stem)
    return network


V1_5 = Difference(
    where="conv3_1, conv4_1, conv5_1", source="fb.resnet.torch, torchvision, timm", option="stride_in", value="3x3",
    paper="the first 1x1 convolution halves the map", found="the 3x3 convolution halves the map",
)  # fmt: skip
KERAS = (Difference("every layer", "no bias, eps 1e-5", "bias, eps 1.001e-5, momentum 0.99", "Keras", "code", "keras"),)
CAFFE = (Difference("pool", "a pixel of padding", "none, the last window hangs over", "the authors", "code", "caffe"),)
CAFFE_50 = (*CAFFE, Difference("conv1", "no bias", "a bias", "the authors", "code", "caffe"))
READINGS = {
    "resnet50": {"v1.5": (V1_5,), "keras": KERAS, "caffe": CAFFE_50},
    "resnet1[05][12]": {"v1.5": (V1_5,), "keras": KERAS, "caffe": CAFFE},
}

RECIPE = Recipe(
    name="resnet:paper",
    iterations=600_000,                                                 # 3.4
    batch_size=256,                                                     # 3.4
    optimizer=VelocitySGD(lr=0.1, momentum=0.9, weight_decay=1e-4),     # 3.4; README: in Caffe's form
    schedule=Plateau(factor=0.1, times=3, patience=5),                  # 3.4; ours: how often and how patient
    augment=(
        ShortSide(low=256, high=480),                                   # 3.4
        RandomCrop(size=224),                                           # 3.4
        RandomFlip(p=0.5),                                              # 3.4
        PCAColour(std=0.1),                                             # 3.4: as in AlexNet
    ),
    normalise=PixelMean(),                                              # 3.4
    view=SingleCrop(resize=256, crop=224),                              # README: 1-crop
    init=He(fan="in"),                                                  # 3.4
    exact_statistics=10_240,                                            # README; ours: over how many images
)  # fmt: skip

CIFAR = Recipe(
    name="resnet:cifar",
    iterations=64_000,                                              # 4.2
    batch_size=128,                                                 # 4.2
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4),         # 4.2
    schedule=Steps(at=(32_000, 48_000), factor=0.1),                # 4.2
    augment=PAD_AND_CROP,                                           # 4.2
    normalise=PixelMean(before_crop=True),                          # 4.2
    view=SingleCrop(resize=32, crop=32),                            # 4.2: the single view
    init=He(fan="in"),                                              # 4.2
)  # fmt: skip
CIFAR_110 = replace(
    CIFAR,
    name="resnet:cifar-110",
    schedule=Steps(
        at=(32_000, 48_000), factor=0.1,                            # 4.2
        warmup_lr=0.01, warmup_iterations=400,                      # 4.2: about 400
    ),
)  # fmt: skip

FB = replace(FB_RESNET_TORCH, name="resnet:fb")  # fb.resnet.torch: reading v1.5
FB_SMALL = replace(FB_CIFAR, name="resnet:fb-cifar")  # fb.resnet.torch

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "resnet110_cifar": {"paper": CIFAR_110, "fb": FB_SMALL},
    "*_cifar": {"paper": CIFAR, "fb": FB_SMALL},
    "*": {"paper": RECIPE, "fb": FB},
}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},                                      # 4.2
    "*": {
        "single": SingleCrop(resize=256, crop=224),                                             # README: 1-crop
        "ten-crop": TenCrop(resize=256, crop=224),                                              # 3.4
        "ten-crop-logits": TenCrop(resize=256, crop=224, interpolation="bicubic", logits=True), # fb.resnet.torch
        "dense-multiscale": Dense(scales=(224, 256, 384, 480, 640)),                            # 3.4; ours: mirrored
    },
}  # fmt: skip

PUBLISHED = figures.PUBLISHED

CLAIMS = (
    Claim("degradation", "Plain-34 has a higher training error than plain-18: depth alone makes it worse.", "4.1"),
    Claim("residual-cures", "With shortcuts the deeper network is the better one: 34 layers beat 18.", "4.1, Table 2"),
    Claim("projection-not-essential", "C is a little better than B, B than A; identity is enough.", "4.1, Table 3"),
    Claim("overfitting-at-1202", "1202 layers train below 0.1 % error but test worse than 110.", "4.2, Table 6"),
    Claim("ensemble", "Six networks of different depth reach 3.57 % top-5 error on the test set.", "4.1, Table 5"),
)
