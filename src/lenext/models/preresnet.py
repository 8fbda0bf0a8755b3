"""Pre-activation ResNet: identity mappings in deep residual networks (He, Zhang, Ren, Sun 2016).

The idea: where nothing stands between one addition and the next, a signal runs unhindered through a thousand layers.
Look at: ``UNITS``, Figure 4 as a table, whose last row leaves the sum alone; ``SHORTCUTS``, Table 1, where all but the
first hinder the signal; the activation after the last sum.

Decided: the ImageNet networks normalise before the max pool, start their first unit bare and halve the map in the 3x3,
as fb.resnet.torch. The CIFAR networks follow resnet-1k-layers: no normalisation between conv1 and the first unit's own,
and bottlenecks that halve the map in the first 1x1.
Decided: Table 3's "10.2M" for 1001 layers counts the weights of convolutions and of the classifier only.
Decided: a projection is normalised where F ends in a normalisation, a gate is not; it has one value for each channel
and pixel of the sum. Dropout doubles what it keeps, as Caffe's and torch's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from torch import nn

from lenext.errors import UsageError
from lenext.facts import Claim, Difference, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.highway import Gate, WeighedUnit
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.preactivation import Unit
from lenext.layers.residual import connect
from lenext.models.published import preresnet as figures
from lenext.protocol import SingleCrop, TenCrop
from lenext.recipes import SGD, He, PCAColour, PixelMean, RandomCrop, RandomFlip, Recipe, ShortSide, Steps, VelocitySGD
from lenext.recipes.standard import FB_RESNET_TORCH, PAD_AND_CROP

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
    unit: str = "full"  # one of UNITS
    weighing: str = "identity"  # one of SHORTCUTS
    gate_bias: float = -6.0  # 3.1: the best value
    code: str = "paper"  # or whose ImageNet networks, see READINGS


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
EXPANSION = {"3": 1, "33": 1, "131": 4}  # 4.1; 1512.03385, Figure 5

# Before the convolutions, after them, after the addition: batch normalisation (B), ReLU (R). Between convolutions: BR.
UNITS = {
    "original":    ("",   "B",  "R"),           # Figure 4 (a): 1512.03385
    "bn-after":    ("",   "",   "BR"),          # Figure 4 (b)
    "relu-before": ("",   "BR", ""),            # Figure 4 (c)
    "relu-only":   ("R",  "B",  ""),            # Figure 4 (d)
    "full":        ("BR", "",   ""),            # Figure 4 (e)
}  # fmt: skip
# By what the shortcut and F of the original unit are multiplied; g is a gate.
SHORTCUTS = {
    "identity":        ("1", "1"),      # Figure 2 (a)
    "zero":            ("0", "1"),      # Figure 2 (b), Table 1: a plain net
    "half":            ("0.5", "1"),    # Figure 2 (b)
    "frozen-gates":    ("0.5", "0.5"),  # Figure 2 (b)
    "exclusive-gates": ("1-g", "g"),    # Figure 2 (c)
    "shortcut-gates":  ("1-g", "1"),    # Figure 2 (d)
    "conv":            ("1", "1"),      # Figure 2 (e): after a projection, option C of 1512.03385
    "dropout":         ("1", "1"),      # Figure 2 (f): after dropout of 0.5
}  # fmt: skip


def activation(letters: str, channels: int, numbers: Iterable[object] = ("", "")) -> OrderedDict[str, nn.Module]:
    """Batch normalisation and ReLU; this works in place where nobody else sees what it changes."""
    return OrderedDict(
        (f"bn{number}", nn.BatchNorm2d(channels)) if letter == "B" else (f"relu{number}", nn.ReLU("B" in letters))
        for letter, number in zip(letters, numbers, strict=False)
    )


def branch(inputs: int, width: int, stride: int, design: Design) -> nn.Sequential:
    """F without its first activation: convolutions with what stands between and after them."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    before, after, _ = UNITS[design.unit]
    for number, kernel in enumerate(map(int, design.kernels), 1):
        last = number == len(design.kernels)
        outputs = width * EXPANSION[design.kernels] if last else width
        step = stride if number == design.halves else 1
        layers[f"conv{number}"] = nn.Conv2d(
            inputs, outputs, kernel, step, kernel // 2, bias=last and design.code == "keras"
        )
        letters = after if last else "BR"
        layers |= activation(letters, outputs, [number + (letter in before) for letter in letters])
        inputs = outputs
    return nn.Sequential(layers)


def projection(inputs: int, outputs: int, stride: int, *, normed: bool, bias: bool = False) -> nn.Module:
    """A 1x1 convolution: bare before a sum that nobody normalises, in the older units normalised."""
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=bias)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs))) if normed else conv


def stage(name: str, design: Design, count: int, inputs: int, width: int, stride: int) -> OrderedDict[str, nn.Module]:
    """``count`` units called after their stage (conv3_1, conv3_2, ...); the first has the stride, the last in Keras.

    The first unit of all shares its activation with its shortcut (appendix); after conv1's own it needs none.
    """
    outputs, (before, last, after) = width * EXPANSION[design.kernels], UNITS[design.unit]
    project = partial(projection, normed="B" in last, bias=design.code == "keras")
    units: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(1, count + 1):
        step = stride if number == (count if design.code == "keras" else 1) else 1
        place, residual = f"{name}_{number}", branch(inputs, width, step, design)
        if design.weighing != "identity":
            units[place] = weighed(residual, design, inputs, step)
        else:
            bare = place == "conv2_1" and len(design.units) == 4 and design.code == "paper"
            first = nn.Identity() if bare else nn.Sequential(activation(before, inputs, (1, 1)))
            own = place == "conv2_1" or inputs != outputs
            shortcut = connect(design.shortcut, inputs, outputs, step, project) if own else None
            end = nn.Sequential(activation(after, outputs)) if after else None
            units[place] = Unit(first, residual, shortcut, end, nn.MaxPool2d(1, step) if step > 1 and not own else None)
        inputs = outputs
    return units


def weighed(residual: nn.Module, design: Design, inputs: int, stride: int) -> WeighedUnit:
    """The unit of ResNet-110 with a shortcut of Table 1."""
    outputs, factors = inputs * stride, SHORTCUTS[design.weighing]  # 1512.03385, 4.2: a smaller map has more channels
    option = "C" if design.weighing == "conv" else design.shortcut
    shortcut = connect(option, inputs, outputs, stride, partial(projection, normed=True))
    if design.weighing == "dropout":
        shortcut = nn.Sequential(shortcut, nn.Dropout(0.5))  # 3.1
    gate = Gate(inputs, outputs, stride, design.gate_bias) if "1-g" in factors else None
    return WeighedUnit(residual, shortcut, factors, gate)


def decide(name: str, unit: str, shortcut: str, gate_bias: float, skip: int | None, code: str) -> Design:
    """The paper's design with the caller's options; refuses what the paper does not try."""
    design = VARIANTS[name]
    one_of("code", code, ("paper", "timm", "keras") if len(design.units) == 4 else ("paper",))
    large = ("full", "original", "bn-after") if code == "paper" else ("full",)  # 5
    one_of("unit", unit, tuple(UNITS) if len(design.units) == 3 else large)
    tried = unit == "original" and design.shortcut == "A"
    if skip is not None and one_of("skip", skip, (2, 1) if design.shortcut == "A" else ()) == 1:
        design, tried = design._replace(kernels="3", units=tuple(2 * count for count in design.units)), False
    one_of("shortcut", shortcut, tuple(SHORTCUTS) if tried else ("identity",))
    if type(gate_bias) not in (int, float):
        raise UsageError(f"{name} cannot have the gate_bias {gate_bias!r}.", "Give a number: Table 1 has -6, -7 and 0.")
    return design._replace(unit=unit, weighing=shortcut, gate_bias=float(gate_bias), code=code)


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    unit: str = "full",
    shortcut: str = "identity",
    gate_bias: float = -6.0,
    skip: int | None = None,
    code: str = "paper",
) -> Network:
    """A pre-activation network for images of any size and shape, with He's initial weights.

    num_classes: 1000, for CIFAR 10, when None; unit: one of ``UNITS``, for ImageNet (a), (b) or (e); shortcut: one of
    ``SHORTCUTS``, for preresnet110_cifar with the original unit; gate_bias: what the gates' b begins with; skip: how
    many layers its shortcuts skip, 2 or 1 (Table 3); code: whose ImageNet network, "timm" or "keras", see READINGS.
    The last stage ends in the activation that follows the last sum.
    Raises ``UsageError`` for other values.
    """
    design = decide(name, unit, shortcut, gate_bias, skip, code)
    cifar, before = len(design.units) == 3, UNITS[unit][0]
    widths = WIDTHS["cifar" if cifar else "imagenet"]
    inputs, stages = widths[0], {}
    for number, (count, width) in enumerate(zip(design.units, widths, strict=True), 2):
        stride = 1 if number == (5 if code == "keras" else 2) else 2
        units = stage(f"conv{number}", design, count, inputs, width, stride)
        inputs = width * EXPANSION[design.kernels]
        if number == 2 and not cifar:
            zeros = nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 2))
            units = OrderedDict(pool=zeros if code == "keras" else nn.MaxPool2d(3, 2, padding=1), **units)
        if width == widths[-1]:
            units |= activation(before, inputs)
        stages[f"conv{number}_x"] = nn.Sequential(units)
    kernel, step = (3, 1) if cifar else (7, 2)
    conv1 = nn.Conv2d(in_channels, widths[0], kernel, step, kernel // 2, bias=code == "keras")
    # Appendix: of the first activation what stands before the first convolution belongs to the first unit
    first = "BR".removesuffix(before) if cifar else "BR" if code == "paper" else ""
    network = Network(
        input_size=(in_channels, 32, 32) if cifar else (in_channels, 224, 224),
        stem=nn.Sequential(OrderedDict(conv1=conv1, **activation(first, widths[0], (1, 1)))),
        stages=stages,
        head=mean_and_linear(inputs, num_classes or (10 if cifar else 1000)),
    )
    initialise(network, He(fan="in"))
    if code == "keras":
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eps, part.momentum = 1.001e-5, 0.01
    return network


TIMM = Difference(
    where="stem, pool", source="timm", option="code", value="timm",
    paper="batch normalisation and ReLU before the max pool", found="after it, in the first unit",
)  # fmt: skip
KERAS = tuple(
    Difference(where, paper, found, "Keras", "code", "keras")
    for where, paper, found in (
        ("stem, pool", TIMM.paper, "after it, in the first unit; zeros around what is pooled"),
        ("conv2_x to conv5_x", "the first unit of conv3_x to conv5_x halves the map", "the last of conv2_x to conv4_x"),
        ("shortcuts that halve", "a projection", "every second pixel"),
        ("conv1, projections, last convolutions", "no bias", "a bias"),
        ("normalisation", "eps 1e-5, momentum 0.9", "eps 1.001e-5, momentum 0.99"),
    )
)
READINGS = {name: {"timm": (TIMM,), "keras": KERAS} for name in ("preresnet50", "preresnet1[05][12]")}

RECIPE = replace(
    FB_RESNET_TORCH,                                # Appendix: batches of 256, drops at 30 and 60; ours: of 90 epochs
    name="preresnet:paper",
    optimizer=VelocitySGD(lr=0.1, momentum=0.9, weight_decay=1e-4), # Appendix; Table 5: the code of 1512.03385, Caffe
    augment=(
        ShortSide(low=256, high=480),                               # Table 5: scale
        RandomCrop(size=224),                                       # Table 5: scale
        RandomFlip(p=0.5),                                          # Appendix: as in 1512.03385
        PCAColour(std=0.1),                                         # Appendix: as in 1512.03385, 3.4
    ),
    normalise=PixelMean(),                                          # Appendix: as in 1512.03385, 3.4
    view=SingleCrop(resize=256, crop=224),                          # ours: cheaper than the 320 pixels of Table 5
    init=He(fan="in"),                                              # 1512.03385, 3.4
    exact_statistics=10_240,                                        # README of 1512.03385; ours: of how many images
)  # fmt: skip

ASPECT = replace(FB_RESNET_TORCH, name="preresnet:aspect")  # Table 5, note: fb.resnet.torch's code and model

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
