"""ResNeXt: aggregated residual transformations (Xie, Girshick, Dollar, Tu, He 2016).

The idea: a residual branch splits into C paths of one shape whose outputs are added up; C, the cardinality, is a better
use of the same cost than width or depth.
Look at: the three forms of Figure 3, which are one function written thrice, and ``other_form``, which carries the
weights of (c) to the others; the row from 1x64d to 32x4d, of equal cost and falling error.

Decided: form (c), a grouped convolution, is the one that was trained and released; (a) and (b) are built from the same
draws, so that a seed gives one function in every form. (a) normalises the sum of its paths once, not each path.
Decided: initial weights are the released code's, fb.resnet.torch's: He's with the fan out, Torch's in the classifier.
Not the paper's: ``resnext101_32x8d``, of the same authors' laboratory, as torchvision and timm have it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.facts import Claim, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.residual import Residual, connect
from lenext.models.published import resnext as figures
from lenext.protocol import Dense, SingleCrop
from lenext.recipes import SGD, ChannelMean, EpochSteps, He, Recipe
from lenext.recipes.standard import FB_RESNET_TORCH, PAD_AND_CROP

PAPER = Paper(
    title="Aggregated Residual Transformations for Deep Neural Networks",
    authors="S. Xie, R. Girshick, P. Dollar, Z. Tu, K. He",
    year=2016,
    venue="CVPR 2017",
    arxiv="1611.05431",
    idea="More parallel paths in a residual branch gain more than wider or deeper ones of the same cost.",
)


class Design(NamedTuple):
    blocks: tuple[int, ...]  # in each stage; the networks of three stages are for CIFAR
    cardinality: int  # C: paths of a block
    width: int  # d: channels of a path in the first stage, doubled by each later one


VARIANTS = {
    "resnext50_32x4d":       Design((3, 4, 6, 3),  32, 4),       # Table 1
    "resnext101_32x4d":      Design((3, 4, 23, 3), 32, 4),       # Table 3
    "resnext101_64x4d":      Design((3, 4, 23, 3), 64, 4),       # Table 4
    "resnext101_32x8d":      Design((3, 4, 23, 3), 32, 8),       # torchvision: not the paper's
    "resnext50_1x64d":       Design((3, 4, 6, 3),  1,  64),      # Tables 2, 3: this is ResNet-50
    "resnext50_2x40d":       Design((3, 4, 6, 3),  2,  40),      # Tables 2, 3
    "resnext50_4x24d":       Design((3, 4, 6, 3),  4,  24),      # Tables 2, 3
    "resnext50_8x14d":       Design((3, 4, 6, 3),  8,  14),      # Tables 2, 3
    "resnext29_8x64d_cifar":  Design((3, 3, 3),    8,  64),      # Table 7
    "resnext29_16x64d_cifar": Design((3, 3, 3),    16, 64),      # Table 7
}  # fmt: skip
STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")  # Table 1; Appendix A has the first three
OUTPUTS = (256, 512, 1024, 2048)  # Table 1
FORMS = ("a", "b", "c")  # Figure 3


class Paths(nn.Module):
    """The same small network ``cardinality`` times, side by side; ``merge`` adds up or concatenates what they give."""

    def __init__(self, paths: list[nn.Module], merge: str) -> None:
        super().__init__()
        self.paths, self.merge = nn.ModuleList(paths), merge

    def forward(self, x: Tensor) -> Tensor:
        outputs = [path(x) for path in self.paths]
        return torch.cat(outputs, 1) if self.merge == "concatenate" else reduce(torch.add, outputs)

    def extra_repr(self) -> str:
        return f"merge={self.merge}"


def transformation(inputs: int, width: int, stride: int, groups: int = 1) -> OrderedDict[str, nn.Module]:
    """1x1 down, then the 3x3 with the stride, each with batch normalisation and ReLU (4): T_i without its last 1x1."""
    return OrderedDict(
        conv1=nn.Conv2d(inputs, width, 1, bias=False),
        bn1=nn.BatchNorm2d(width),
        relu1=nn.ReLU(inplace=True),
        conv2=nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False),
        bn2=nn.BatchNorm2d(width),
        relu2=nn.ReLU(inplace=True),
    )


def branch(form: str, inputs: int, width: int, cardinality: int, outputs: int, stride: int) -> nn.Sequential:
    """F of a block with paths of ``width`` channels, in one of the three forms of Figure 3."""
    whole = width * cardinality
    layers: OrderedDict[str, nn.Module]
    if form == "c":
        layers = transformation(inputs, whole, stride, groups=cardinality)
    else:
        paths = [transformation(inputs, width, stride) for _ in range(cardinality)]
        if form == "a":
            for path in paths:
                path["conv3"] = nn.Conv2d(width, outputs, 1, bias=False)
        merge = "sum" if form == "a" else "concatenate"
        layers = OrderedDict(split=Paths([nn.Sequential(path) for path in paths], merge))
    if form != "a":
        layers["conv3"] = nn.Conv2d(whole, outputs, 1, bias=False)
    return nn.Sequential(OrderedDict(layers, bn3=nn.BatchNorm2d(outputs)))


def other_form(state: Mapping[str, Tensor], form: str, cardinality: int) -> dict[str, Tensor]:
    """The state of a network in form (c) as the state of the same function in ``form``.

    Path i has the i-th part of the first 1x1's outputs, of the groups of the 3x3 and of the last 1x1's inputs.
    """
    changed: dict[str, Tensor] = {}
    for key, value in state.items():
        block, _, part = key.partition(".branch.")
        layer = part.partition(".")[0]
        split = {"conv1", "bn1", "conv2", "bn2"} | ({"conv3"} if form == "a" else set())
        if form == "c" or layer not in split:
            changed[key] = value
            continue
        parts = value.chunk(cardinality, int(layer == "conv3")) if value.dim() else (value,) * cardinality  # a counter
        for path, own in enumerate(parts):
            changed[f"{block}.branch.split.paths.{path}.{part}"] = own
    return changed


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    """The 1x1 convolution of a shortcut that changes dimensions, option B of 1512.03385 (4)."""
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(inputs, outputs, 1, stride, bias=False), bn=nn.BatchNorm2d(outputs))
    )


def stage(
    name: str, count: int, inputs: int, design: Design, form: str, *, residual: bool
) -> OrderedDict[str, nn.Module]:
    """``count`` blocks called after their stage (conv3_1, conv3_2, ...); all but the first stage halve the map."""
    number = int(name[4:-2]) - 2  # conv2_x is the first
    outputs, width, stride = OUTPUTS[number], design.width * 2**number, 1 if number == 0 else 2
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    for place in range(1, count + 1):
        way = branch(form, inputs, width, design.cardinality, outputs, stride)
        block: nn.Module = nn.Sequential(OrderedDict(branch=way, relu=nn.ReLU(inplace=True)))  # as a plain net's
        if residual:
            block = Residual(way, connect("B", inputs, outputs, stride, projection))
        blocks[f"{name[:-2]}_{place}"] = block
        inputs, stride = outputs, 1
    return blocks


def assemble(design: Design, form: str, classes: int, channels: int, *, residual: bool) -> Network:
    """The network, its weights as torch draws them."""
    cifar = len(design.blocks) == 3
    kernel, step = (3, 1) if cifar else (7, 2)  # Appendix A; Table 1
    inputs, stages = 64, dict[str, nn.Module]()  # Table 1
    for count, outputs, name in zip(design.blocks, OUTPUTS, STAGES, strict=False):
        blocks = stage(name, count, inputs, design, form, residual=residual)
        if name == "conv2_x" and not cifar:
            blocks = OrderedDict(pool=nn.MaxPool2d(3, 2, padding=1), **blocks)
        stages[name] = nn.Sequential(blocks)
        inputs = outputs
    stem = OrderedDict(
        conv1=nn.Conv2d(channels, 64, kernel, step, kernel // 2, bias=False),
        bn1=nn.BatchNorm2d(64),
        relu1=nn.ReLU(inplace=True),
    )
    return Network(
        input_size=(channels, 32, 32) if cifar else (channels, 224, 224),
        stem=nn.Sequential(stem),
        stages=stages,
        head=mean_and_linear(inputs, classes),
    )


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    form: str = "c",
    cardinality: int | None = None,
    width: int | None = None,
    residual: bool = True,
) -> Network:
    """A network of Table 1 or of Appendix A, for images of any size and shape, with He's initial weights.

    num_classes: 1000, for CIFAR 10, when None; form: "a", "b" or "c" of Figure 3, equal as functions;
    cardinality, width: another C and d than the name's; residual: with shortcuts, or without (5.1).
    Raises ``UsageError`` for other forms and for counts below 1.
    """
    design = VARIANTS[name]
    design = design._replace(
        cardinality=design.cardinality if cardinality is None else cardinality,
        width=design.width if width is None else width,
    )
    one_of("form", form, FORMS)
    for option, value in (("cardinality", design.cardinality), ("width", design.width)):
        if type(value) is not int or value < 1:
            raise UsageError(f"{name} cannot have the {option} {value!r}.", "Give a whole number, 1 or more.")
    classes = num_classes or (10 if len(design.blocks) == 3 else 1000)
    network = assemble(design, "c", classes, in_channels, residual=residual)
    initialise(network, He(fan="out", linear=False))
    if form != "c":
        trained_form, network = network, assemble(design, form, classes, in_channels, residual=residual)
        network.load_state_dict(other_form(trained_form.state_dict(), form, design.cardinality))
    return network


RECIPE = replace(
    FB_RESNET_TORCH,                                                # 4: its augmentation, schedule and batches of 256
    name="resnext:paper",
    epochs=100,                                                     # ours: the released code's
    schedule=EpochSteps(at=(30, 60, 90), factor=0.1),               # 4: three times; ours: the released code's epochs
)  # fmt: skip

CIFAR = Recipe(
    name="resnext:cifar",
    epochs=300,                                                     # Appendix A
    batch_size=128,                                                 # Appendix A
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),      # Appendix A; fb.resnet.torch: nesterov
    schedule=EpochSteps(at=(150, 225), factor=0.1),                 # Appendix A
    augment=PAD_AND_CROP,                                           # Appendix A
    normalise=ChannelMean(),                                        # fb.resnet.torch
    view=SingleCrop(resize=32, crop=32),                            # Appendix A: the original image
    init=He(fan="out", linear=False),                               # fb.resnet.torch
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*_cifar": {"paper": CIFAR}, "*": {"paper": RECIPE}}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},          # Appendix A
    "*": {
        "single": SingleCrop(resize=256, crop=224),                 # 5.1
        "single320": SingleCrop(resize=320, crop=320),              # Table 5
        "dense-multiscale": Dense(scales=(224, 256, 384, 480, 640)),  # ours: ResNet's scales; 5.1 names the test
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("three-equal-forms", "Adding paths, concatenating them and grouping channels are one function.", "3.3"),
    Claim("cardinality-pays", "At equal cost the error falls as the cardinality grows from 1 to 32.", "5.1, Table 3"),
    Claim("better-than-deeper", "At twice the cost cardinality gains more than depth or width.", "5.1, Table 4"),
    Claim("residual-still-needed", "Without shortcuts ResNeXt-50 falls from 22.2 to 26.1 % error.", "5.1"),
    Claim("more-data-more-gain", "On ImageNet-5K ResNeXt is ahead of ResNet by more than on 1K.", "5.2, Table 6"),
)
