"""Pre-activation ResNet: identity mappings in deep residual networks (He, Zhang, Ren, Sun 2016).

The idea: where nothing stands between one addition and the next, a signal runs unhindered through a thousand layers.
Look at: ``Unit``, which normalises before it convolves and leaves the sum alone; the activation after the last sum.

Decided: the ImageNet networks normalise before the max pool, start their first unit bare and halve the map in the 3x3,
as fb.resnet.torch. The CIFAR networks follow resnet-1k-layers: no normalisation between conv1 and the first unit's own,
and bottlenecks that halve the map in the first 1x1.
Decided: Table 3's "10.2M" for 1001 layers counts the weights of convolutions and of the classifier only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.facts import Claim, Paper
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.residual import connect
from lenext.models.published import preresnet as figures
from lenext.protocol import SingleCrop, TenCrop
from lenext.recipes import (
    SGD,
    EpochSteps,
    He,
    PCAColour,
    PixelMean,
    RandomCrop,
    RandomFlip,
    Recipe,
    ShortSide,
    Steps,
)
from lenext.recipes.standard import IMAGENET, PAD_AND_CROP, SCALE_AND_ASPECT

PAPER = Paper(
    title="Identity Mappings in Deep Residual Networks",
    authors="K. He, X. Zhang, S. Ren, J. Sun",
    year=2016,
    venue="ECCV 2016",
    arxiv="1603.05027",
    idea="A residual unit whose shortcut and sum are both identity trains at a depth of a thousand layers.",
)


class Design(NamedTuple):
    kernels: str  # of the unit's convolutions
    units: tuple[int, ...]  # in each stage; the networks of three stages are for CIFAR
    shortcut: str  # option A or B of 1512.03385
    halves: int  # which convolution of the unit has the stride


VARIANTS = {
    "preresnet50":         Design("131", (3, 4, 6, 3),    "B", 2),      # fb.resnet.torch
    "preresnet101":        Design("131", (3, 4, 23, 3),   "B", 2),      # fb.resnet.torch
    "preresnet152":        Design("131", (3, 8, 36, 3),   "B", 2),      # Table 5
    "preresnet200":        Design("131", (3, 24, 36, 3),  "B", 2),      # Table 5
    "preresnet110_cifar":  Design("33",  (18, 18, 18),    "A", 1),      # Table 3
    "preresnet164_cifar":  Design("131", (18, 18, 18),    "B", 1),      # Table 3: 9n + 2
    "preresnet1001_cifar": Design("131", (111, 111, 111), "B", 1),      # Table 3: 9n + 2
}  # fmt: skip
WIDTHS = {"imagenet": (64, 128, 256, 512), "cifar": (16, 32, 64)}  # 1512.03385, Table 1 and 4.2
EXPANSION = {"33": 1, "131": 4}  # 1512.03385, Figure 5


class Unit(nn.Module):
    """x + F(ReLU(BN(x))): Figure 4 (e). A shortcut of its own starts after the ReLU, as where dimensions change."""

    def __init__(self, activation: nn.Module, branch: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.activation, self.branch, self.shortcut = activation, branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        active = self.activation(x)
        y: Tensor = self.branch(active) + (x if self.shortcut is None else self.shortcut(active))
        return y


def activation(channels: int, number: str = "") -> OrderedDict[str, nn.Module]:
    """Batch normalisation and ReLU: the pre-activation."""
    return OrderedDict({f"bn{number}": nn.BatchNorm2d(channels), f"relu{number}": nn.ReLU(inplace=True)})


def branch(inputs: int, width: int, stride: int, design: Design) -> nn.Sequential:
    """F without its first activation: convolutions with BN and ReLU between them."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, kernel in enumerate(map(int, design.kernels), 1):
        last = number == len(design.kernels)
        outputs = width * EXPANSION[design.kernels] if last else width
        step = stride if number == design.halves else 1
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel, step, kernel // 2, bias=False)
        if not last:
            layers |= activation(outputs, str(number + 1))
        inputs = outputs
    return nn.Sequential(layers)


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """A bare 1x1 convolution, unlike the first paper's."""
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


def stage(name: str, design: Design, count: int, inputs: int, width: int, stride: int) -> OrderedDict[str, nn.Module]:
    """``count`` units called after their stage (conv3_1, conv3_2, ...); the first one has the stride.

    The first unit of all shares its activation with its shortcut (appendix); after conv1's own it needs none.
    """
    outputs = width * EXPANSION[design.kernels]
    units: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        place = f"{name}_{number}"
        before: nn.Module = nn.Sequential(activation(inputs, "1"))
        if place == "conv2_1" and len(design.units) == 4:
            before = nn.Identity()
        own = place == "conv2_1" or inputs != outputs
        shortcut = connect(design.shortcut, inputs, outputs, stride, projection) if own else None
        units[place] = Unit(before, branch(inputs, width, stride, design), shortcut)
        inputs, stride = outputs, 1
    return units


def build(name: str, *, num_classes: int | None = None, in_channels: int = 3) -> Network:
    """A pre-activation network for images of any size and shape, with He's initial weights.

    num_classes: 1000, for CIFAR 10, when None. The last stage ends in the activation that follows the last sum.
    """
    design = VARIANTS[name]
    cifar = len(design.units) == 3
    widths = WIDTHS["cifar" if cifar else "imagenet"]
    inputs, stages = widths[0], {}
    for number, (count, width) in enumerate(zip(design.units, widths, strict=True), 2):
        units = stage(f"conv{number}", design, count, inputs, width, stride=1 if number == 2 else 2)
        inputs = width * EXPANSION[design.kernels]
        if number == 2 and not cifar:
            units = OrderedDict(pool=nn.MaxPool2d(3, 2, padding=1), **units)
        if width == widths[-1]:
            units |= activation(inputs)
        stages[f"conv{number}_x"] = nn.Sequential(units)
    conv1: dict[str, nn.Module] = {"conv1": nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)}
    if not cifar:
        conv1 = {"conv1": nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False), **activation(64, "1")}
    network = Network(
        input_size=(in_channels, 32, 32) if cifar else (in_channels, 224, 224),
        stem=nn.Sequential(OrderedDict(conv1)),
        stages=stages,
        head=mean_and_linear(inputs, num_classes or (10 if cifar else 1000)),
    )
    initialise(network, He(fan="in"))
    return network


RECIPE = Recipe(
    name="preresnet:paper",
    epochs=90,                                                      # ours: not printed, fb.resnet.torch's
    batch_size=256,                                                 # Appendix
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4),         # Appendix
    schedule=EpochSteps(at=(30, 60), factor=0.1),                   # Appendix
    augment=(
        ShortSide(low=256, high=480),                               # Table 5: scale
        RandomCrop(size=224),                                       # Table 5: scale
        RandomFlip(p=0.5),                                          # Appendix: as in 1512.03385
        PCAColour(std=0.1),                                         # Appendix: as in 1512.03385, 3.4
    ),
    normalise=IMAGENET,                                             # ours: not printed, fb.resnet.torch's
    view=SingleCrop(resize=256, crop=224),                          # ours: cheaper than the 320 pixels of Table 5
    init=He(fan="in"),                                              # 1512.03385, 3.4
)  # fmt: skip

ASPECT = replace(
    RECIPE,
    name="preresnet:aspect",
    augment=(SCALE_AND_ASPECT[0], *RECIPE.augment[2:]),  # Table 5: scale+asp ratio, fb.resnet.torch's
)

CIFAR = Recipe(
    name="preresnet:cifar",
    iterations=64_000,                                              # 1512.03385, 4.2
    batch_size=128,                                                 # Appendix: as in 1512.03385
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4),         # Appendix
    schedule=Steps(
        at=(32_000, 48_000), factor=0.1,                            # Appendix
        warmup_lr=0.01, warmup_iterations=400,                      # Appendix: warm-up for every network
    ),
    augment=PAD_AND_CROP,                                           # Appendix: translation and flipping
    normalise=PixelMean(before_crop=True),                          # 1512.03385, 4.2
    view=SingleCrop(resize=32, crop=32),                            # 1512.03385, 4.2
    init=He(fan="in"),                                              # Appendix
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "preresnet1001_cifar": {
        "paper": CIFAR,
        "batch64": replace(CIFAR, name="preresnet:batch64", batch_size=64),     # Table 4
    },
    "*_cifar": {"paper": CIFAR},
    "*": {"paper": RECIPE, "aspect": ASPECT},
}  # fmt: skip

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},          # 1512.03385, 4.2
    "*": {
        "single": SingleCrop(resize=256, crop=224),                 # ours: the usual one
        "single320": SingleCrop(resize=320, crop=320),              # Table 5
        "ten-crop-logits": TenCrop(resize=256, crop=224, interpolation="bicubic", logits=True),     # fb.resnet.torch
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("identity-is-best", "Scaling, gating or convolving the shortcut raises ResNet-110's error.", "3, Table 1"),
    Claim("pre-activation-helps", "Activation before the weights lowers the error, most at 1001.", "4.1, Table 3"),
    Claim("depth-pays-again", "A thousand layers beat 164 once they are pre-activated.", "4.2, Table 3"),
    Claim("normalised-branches", "Batch normalisation after the sum hinders the signal and raises the error.", "4.1"),
)
