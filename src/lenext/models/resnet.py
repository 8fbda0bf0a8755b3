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

from lenext.facts import Claim, Difference, Paper, Published, Reported, results
from lenext.layers.bias import add_biases
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.residual import OPTIONS, Residual, connect
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
    iterations=600_000, batch_size=256,                             # 3.4
    optimizer=VelocitySGD(lr=0.1, momentum=0.9, weight_decay=1e-4),     # 3.4; README: in Caffe's form
    schedule=Plateau(factor=0.1, times=3, patience=5),              # 3.4; ours: how often and how patient
    augment=(
        ShortSide(low=256, high=480),                               # 3.4
        RandomCrop(size=224), RandomFlip(p=0.5),                    # 3.4
        PCAColour(std=0.1),                                         # 3.4: as in AlexNet
    ),
    normalise=PixelMean(),                                          # 3.4
    view=SingleCrop(resize=256, crop=224), init=He(fan="in"),       # README: 1-crop; 3.4
    exact_statistics=10_240,                                        # README; ours: over how many images
)  # fmt: skip

CIFAR = Recipe(
    name="resnet:cifar",
    iterations=64_000, batch_size=128,                              # 4.2
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4),         # 4.2
    schedule=Steps(at=(32_000, 48_000), factor=0.1),                # 4.2
    augment=PAD_AND_CROP,                                           # 4.2
    normalise=PixelMean(before_crop=True),                          # 4.2
    view=SingleCrop(resize=32, crop=32), init=He(fan="in"),         # 4.2: the single view
)  # fmt: skip
WARM_UP = Steps(at=(32_000, 48_000), factor=0.1, warmup_lr=0.01, warmup_iterations=400)  # 4.2: about 400
FB_SMALL = replace(FB_CIFAR, name="resnet:fb-cifar")  # fb.resnet.torch

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "resnet110_cifar": {"paper": replace(CIFAR, name="resnet:cifar-110", schedule=WARM_UP), "fb": FB_SMALL},
    "*_cifar": {"paper": CIFAR, "fb": FB_SMALL},
    "*": {"paper": RECIPE, "fb": replace(FB_RESNET_TORCH, name="resnet:fb")},       # fb.resnet.torch: reading v1.5
}  # fmt: skip

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},          # 4.2
    "*": {"single": SingleCrop(resize=256, crop=224), "ten-crop": TenCrop(resize=256, crop=224),   # README: 1-crop; 3.4
          "ten-crop-logits": TenCrop(resize=256, crop=224, interpolation="bicubic", logits=True),      # fb.resnet.torch
          "dense-multiscale": Dense(scales=(224, 256, 384, 480, 640))},         # 3.4; ours: mirrored, as VGG's
}  # fmt: skip

# The test and its address: top-1 (and top-5) error in per cent, on ILSVRC-2012 validation or CIFAR-10 test.
RESULTS: Reported = {
    ("10-crop, option A", "Tables 2, 3"): {"resnet18": (27.88,), "resnet34": (25.03, 7.76)},
    ("10-crop, option C", "Table 3"): {"resnet34": (24.19, 7.40)},
    ("10-crop", "Tables 2, 3"): {
        "plain18": (27.94,), "plain34": (28.54, 10.02), "resnet34": (24.52, 7.46),                      # Tables 2, 3
        "resnet50": (22.85, 6.71), "resnet101": (21.75, 6.05), "resnet152": (21.43, 5.71),              # Table 3
    },
    ("multi-scale dense, option C", "Table 4"): {"resnet34": (21.53, 5.60)},
    ("multi-scale dense", "Table 4"): {
        "resnet34": (21.84, 5.71),                                                                      # Table 4
        "resnet50": (20.74, 5.25), "resnet101": (19.87, 4.60), "resnet152": (19.38, 4.49),              # Table 4
    },
    ("1-crop", "README"): {"resnet50": (24.7, 7.8), "resnet101": (23.6, 7.1), "resnet152": (23.0, 6.7)},
    ("1-crop, v1.5", "fb.resnet.torch"): {
        "resnet18": (30.43, 10.76), "resnet34": (26.73, 8.74),                                   # fb.resnet.torch
        "resnet50": (24.01, 7.02), "resnet101": (22.44, 6.21), "resnet152": (22.16, 6.16),       # fb.resnet.torch
    },
    ("10-crop, logits summed, v1.5", "fb.resnet.torch"): {
        "resnet18": (28.22, 9.42), "resnet34": (24.76, 7.35),                                    # fb.resnet.torch
        "resnet50": (22.24, 6.08), "resnet101": (21.08, 5.35), "resnet152": (20.69, 5.21),       # fb.resnet.torch
    },
    ("1-crop at 320", "1603.05027, Table 5"): {"resnet152": (21.3, 5.5), "resnet200": (21.8, 6.0)},
    ("single view, mean of 5", "Table 6"): {"resnet110_cifar": (6.61,)},
    ("single view", "Table 6"): {
        "resnet20_cifar": (8.75,), "resnet32_cifar": (7.51,), "resnet44_cifar": (7.17,),                # Table 6
        "resnet56_cifar": (6.97,), "resnet110_cifar": (6.43,), "resnet1202_cifar": (7.93,),             # Table 6
    },
}  # fmt: skip

STAGES = ("stem", "conv2_x", "conv3_x", "conv4_x", "conv5_x")
BASIC = ((64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7))  # Table 1: 18, 34
BOTTLENECK = ((64, 112, 112), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))  # Table 1: 50 and more
SMALL = ((16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8))  # 4.2


def published(name: str, maps: tuple[tuple[int, int, int], ...], params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts, the paper's words for them, and its row of ``RESULTS``."""
    shapes = dict(zip(STAGES, maps, strict=False))
    found = results(RESULTS, name, data="CIFAR-10 test" if maps is SMALL else "ILSVRC-2012 val")
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=found)


# Counted; the words are Table 1's FLOPs (multiply-adds) and Table 6's parameters.
PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "plain18":          (BASIC, 11_515_688, 1_794_805_760, "1.8e9 FLOPs"),          # Table 1
        "resnet18":         (BASIC, 11_689_512, 1_814_073_344, "1.8e9 FLOPs"),          # Table 1
        "plain34":          (BASIC, 21_623_848, 3_644_493_824, "3.6e9 FLOPs"),          # Table 1
        "resnet34":         (BASIC, 21_797_672, 3_663_761_408, "3.6e9 FLOPs"),          # Table 1
        "resnet50":         (BOTTLENECK, 25_557_032, 3_857_973_248, "3.8e9 FLOPs"),     # Table 1
        "resnet101":        (BOTTLENECK, 44_549_160, 7_570_194_432, "7.6e9 FLOPs"),     # Table 1
        "resnet152":        (BOTTLENECK, 60_192_808, 11_282_415_616, "11.3e9 FLOPs"),   # Table 1
        "resnet200":        (BOTTLENECK, 64_673_832, 15_007_481_856, "15.0e9 FLOPs"),   # 2201.03545, Table 11
        "resnet20_cifar":   (SMALL, 269_722, 40_551_040, "0.27M parameters"),           # Table 6
        "resnet32_cifar":   (SMALL, 464_154, 68_862_592, "0.46M parameters"),           # Table 6
        "resnet44_cifar":   (SMALL, 658_586, 97_174_144, "0.66M parameters"),           # Table 6
        "resnet56_cifar":   (SMALL, 853_018, 125_485_696, "0.85M parameters"),          # Table 6
        "resnet110_cifar":  (SMALL, 1_727_962, 252_887_680, "1.7M parameters"),         # Table 6
        "resnet1202_cifar": (SMALL, 19_421_274, 2_829_238_912, "19.4M parameters"),     # Table 6
    }.items()
}  # fmt: skip
for depth in (20, 32, 44, 56, 110):  # 4.2: plain nets count as much as their twins
    PUBLISHED[f"plain{depth}_cifar"] = replace(PUBLISHED[f"resnet{depth}_cifar"], results=())
CLAIMS = (
    Claim("degradation", "Plain-34 has a higher training error than plain-18: depth alone makes it worse.", "4.1"),
    Claim("residual-cures", "With shortcuts the deeper network is the better one: 34 layers beat 18.", "4.1, Table 2"),
    Claim("projection-not-essential", "C is a little better than B, B than A; identity is enough.", "4.1, Table 3"),
    Claim("overfitting-at-1202", "1202 layers train below 0.1 % error but test worse than 110.", "4.2, Table 6"),
    Claim("ensemble", "Six networks of different depth reach 3.57 % top-5 error on the test set.", "4.1, Table 5"),
)
