"""EfficientNet: rethinking model scaling for convolutional neural networks (Tan, Le 2019).

The idea: depth, width and resolution of one searched network grow together, so that none of them saturates.
Look at: ``ROWS``, seven rows that are all of B0; ``scaled``, which with a ``ceil`` makes B7 of it; ``MBConv``, which
widens, looks around, weighs its channels and narrows again, with nothing after the narrow end.

Decided: 3.3's constants 1.2, 1.1, 1.15 are ``compound``, for new networks. B1 to B7 are not one phi each: the released
code's table of coefficients, ``VARIANTS``, is what gives Table 2's counts. B4 and B5 count 4 % over Table 2.
Decided: the last block is dropped with 0.2 (N - 1) / N, as the code computes it. B8 is AdvProp's (1911.09665), L2 is
Noisy Student's (1911.04252), Lite0 the authors' later one: ReLU6, no squeeze-excitation, stem and head never scaled.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.facts import Claim, Difference, Paper
from lenext.layers.drop_path import DropPath
from lenext.layers.head import mean_and_linear
from lenext.layers.init import draw
from lenext.layers.network import Network
from lenext.layers.padding import convolution
from lenext.layers.squeeze_excite import SqueezeExcite
from lenext.models.published import efficientnet as figures
from lenext.protocol import SingleCrop
from lenext.recipes import (
    AutoAugment,
    Average,
    CrossEntropy,
    Decay,
    He,
    RandAugment,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    RMSProp,
)
from lenext.recipes.standard import IMAGENET

PAPER = Paper(
    title="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    authors="M. Tan, Q. V. Le",
    year=2019,
    venue="ICML 2019",
    arxiv="1905.11946",
    idea="One compound coefficient scales depth, width and resolution of a searched network in balance.",
)


class Design(NamedTuple):
    width: float
    depth: float
    image_size: int
    dropout: float
    lite: bool = False  # no squeeze and excitation, ReLU6 for swish, stem and head as in B0


VARIANTS = {
    "efficientnet_b0":    Design(1.0, 1.0, 224, 0.2),           # Table 1; README
    "efficientnet_b1":    Design(1.0, 1.1, 240, 0.2),           # README
    "efficientnet_b2":    Design(1.1, 1.2, 260, 0.3),           # README
    "efficientnet_b3":    Design(1.2, 1.4, 300, 0.3),           # README
    "efficientnet_b4":    Design(1.4, 1.8, 380, 0.4),           # README
    "efficientnet_b5":    Design(1.6, 2.2, 456, 0.4),           # README
    "efficientnet_b6":    Design(1.8, 2.6, 528, 0.5),           # README
    "efficientnet_b7":    Design(2.0, 3.1, 600, 0.5),           # README
    "efficientnet_b8":    Design(2.2, 3.6, 672, 0.5),           # README: of AdvProp, 1911.09665
    "efficientnet_l2":    Design(4.3, 5.3, 800, 0.5),           # 1911.04252: Table 7
    "efficientnet_lite0": Design(1.0, 1.0, 224, 0.2, True),     # README: lite
}  # fmt: skip


class Row(NamedTuple):
    expand: int
    kernel: int
    stride: int  # of the first block
    channels: int
    blocks: int


# Table 1: stages 2 to 8. Its column of resolutions is that of each stage's input.
ROWS = (
    Row(1, 3, 1, 16, 1), Row(6, 3, 2, 24, 2), Row(6, 5, 2, 40, 2), Row(6, 3, 2, 80, 3),
    Row(6, 5, 1, 112, 3), Row(6, 5, 2, 192, 4), Row(6, 3, 1, 320, 1),
)  # fmt: skip
STEM, HEAD = 32, 1280  # Table 1: stages 1 and 9


def compound(phi: float) -> tuple[float, float, float]:
    """Depth, width and resolution relative to B0 for about 2^phi times its cost (Eq. 3 with the constants of 4)."""
    return 1.2**phi, 1.1**phi, 1.15**phi


def scaled(channels: int, width: float) -> int:
    """The multiple of 8 nearest to ``width`` times ``channels`` that does not lose a tenth of them."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class Shape(NamedTuple):
    """How every layer is built."""

    padding: str
    norm: tuple[float, float]
    lite: bool

    def activation(self) -> nn.Module:
        return nn.ReLU6(inplace=True) if self.lite else nn.SiLU(inplace=True)

    def layers(self, name: str, inputs: int, outputs: int, kernel: int, **how: int) -> OrderedDict[str, nn.Module]:
        """A convolution and its normalisation; ``how``: stride and groups, 1 each unless given."""
        eps, momentum = self.norm
        how = {"stride": 1, **how}
        conv = convolution(inputs, outputs, kernel, padding=self.padding, **how)
        return OrderedDict({f"{name}_conv": conv, f"{name}_bn": nn.BatchNorm2d(outputs, eps, momentum)})


class MBConv(nn.Module):
    """Widen, look around, weigh the channels, narrow; with a shortcut where the ends are alike (1801.04381)."""

    def __init__(self, inputs: int, outputs: int, row: Row, shape: Shape, drop: float) -> None:
        super().__init__()
        width = inputs * row.expand
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if row.expand != 1:
            layers |= shape.layers("expand", inputs, width, 1)
            layers["expand_act"] = shape.activation()
        layers |= shape.layers("depthwise", width, width, row.kernel, stride=row.stride, groups=width)
        layers["depthwise_act"] = shape.activation()
        if not shape.lite:
            layers["se"] = SqueezeExcite(width, max(1, int(0.25 * inputs)), shape.activation)
        layers |= shape.layers("project", width, outputs, 1)
        self.branch = nn.Sequential(layers)
        self.drop = DropPath(drop) if row.stride == 1 and inputs == outputs else None

    def forward(self, x: Tensor) -> Tensor:  # N inputs H W -> N outputs H/stride W/stride
        y: Tensor = self.branch(x)
        return y if self.drop is None else x + self.drop(y)


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float | None = None,
    depth: float | None = None,
    drop_path: float = 0.2,
    padding: str = "same",
    norm: tuple[float, float] = (1e-3, 0.01),
) -> Network:
    """B0 of Table 1, widened and deepened, for images of any size and shape.

    width, depth: the coefficients, by default the network's own; drop_path: block i of N is left out with i / N of it;
    padding: "same" or "symmetric"; norm: eps and momentum of the normalisation (TensorFlow's 0.99 is torch's 0.01).
    Stage 9 is split: its convolution ends the features, its pooling and classifier are the head.
    """
    design = VARIANTS[name]
    wide, deep = width or design.width, depth or design.depth
    shape = Shape(padding, norm, design.lite)
    inputs, last = (STEM, HEAD) if design.lite else (scaled(STEM, wide), scaled(HEAD, wide))
    counts = [math.ceil(deep * row.blocks) for row in ROWS]
    if design.lite:
        counts[0], counts[-1] = ROWS[0].blocks, ROWS[-1].blocks
    number, stem = 0, shape.layers("stem", in_channels, inputs, 3, stride=2)
    stages: dict[str, nn.Module] = {}
    for stage, (first, count) in enumerate(zip(ROWS, counts, strict=True), 2):
        row, outputs = first, scaled(first.channels, wide)
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for position in range(1, count + 1):
            drop = drop_path * number / sum(counts)
            blocks[f"mbconv{stage}_{position}"] = MBConv(inputs, outputs, row, shape, drop)
            inputs, row, number = outputs, row._replace(stride=1), number + 1
        stages[f"stage{stage}"] = nn.Sequential(blocks)
    stages["stage9"] = nn.Sequential(OrderedDict(shape.layers("head", inputs, last, 1), head_act=shape.activation()))
    network = Network(
        input_size=(in_channels, design.image_size, design.image_size),
        stem=nn.Sequential(OrderedDict(stem, stem_act=shape.activation())),
        stages=stages,
        head=mean_and_linear(last, num_classes, drop=nn.Dropout(design.dropout)),
    )
    network.apply(initialise)
    return network


def initialise(module: nn.Module) -> None:
    """The authors' code: N(0, sqrt(2 / (k k outputs))), where a depthwise kernel's last axis is 1; FC U(1/sqrt(n))."""
    if isinstance(module, nn.Conv2d):
        draw(module.weight, He(fan="out" if module.groups == 1 else "in"))
    elif isinstance(module, nn.Linear) and not module.weight.is_meta:
        bound = module.out_features**-0.5
        nn.init.uniform_(module.weight, -bound, bound)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        module.bias.detach().zero_()


def in_torch(source: str) -> tuple[Difference, Difference]:
    """Padding and normalisation of those who did not take TensorFlow's."""
    far, equal = "SAME padding, on even maps one more pixel at the far edges", "equal padding on every side"
    papers, found = "eps 0.001, momentum 0.99", "eps 0.00001, momentum 0.9"
    return (
        Difference("convolutions of stride 2", far, equal, source, "padding", "symmetric"),
        Difference("every normalisation", papers, found, source, "norm", (1e-5, 0.1)),
    )


def dropping(source: str, rate: float) -> Difference:
    papers, found = (f"block i of N dropped with {share:g} i / N" for share in (0.2, rate))
    return Difference("every shortcut", papers, found, source, "drop_path", rate)


TIMM = (*in_torch("timm"), dropping("timm", 0.0))
TORCHVISION = in_torch("torchvision")  # B5 to B7, the authors' weights: the first only
BLOCKS = {"b0": 16, "b1": 23, "b2": 23, "b3": 26, "b4": 32, "b5": 39, "b6": 45, "b7": 55}  # Table 1, as scaled

READINGS = {
    **{name: {"timm": TIMM} for name in ("efficientnet_b8", "efficientnet_l2", "efficientnet_lite0")},
    **{
        f"efficientnet_{size}": {
            "timm": TIMM,
            "torchvision": TORCHVISION[:1] if size in ("b5", "b6", "b7") else TORCHVISION,
            "keras_applications": (dropping("keras-applications", 0.2 * blocks / 16),),  # ours: N of B0, whatever N
        }
        for size, blocks in BLOCKS.items()
    },
}


def recipe(size: int) -> Recipe:
    """At a network's own image size; eps and what is spared from weight decay are the released code's."""
    return Recipe(
        name="efficientnet:paper",
        epochs=350,                                                                                 # README
        batch_size=4096,                                                                            # README
        optimizer=RMSProp(
            lr=0.256, decay=0.9, momentum=0.9, weight_decay=1e-5,                                   # 5.2
            eps=1e-3, spared=("norms",),                                                            # README
        ),
        schedule=Decay(factor=0.97, every=2.4, warmup=5),                                           # 5.2; README
        normalise=IMAGENET,                                                                         # README
        augment=(
            RandomResizedCrop(
                size=size, area=(0.08, 1.0), interpolation="bicubic", drawn="efficientnet",         # README
            ),
            RandomFlip(p=0.5),                                                                      # README
            AutoAugment(policy="v0", fill=128),                                                     # 5.2; README
        ),
        view=SingleCrop(resize=size + 32, crop=size, crop_first=True, interpolation="bicubic"),     # README
        loss=CrossEntropy(label_smoothing=0.1),                                                     # README
        average=Average(decay=0.9999, rising=True),                                                 # README
        drop_path=0.2,                                                                              # 5.2: keeps 0.8
    )  # fmt: skip


def other(size: int, *policy: RandAugment, name: str) -> Recipe:
    """The README's other trainings: RandAugment in place of AutoAugment, or nothing ("ResNet preprocessing")."""
    papers = recipe(size)
    return replace(papers, name=name, augment=(*papers.augment[:2], *policy))  # README


RAND_17 = RandAugment(
    operations=2, magnitude=17, std=0, p=1, fill=(128, 128, 128), interpolation="nearest", code="tpu",  # README
)  # fmt: skip
RAND_28 = replace(RAND_17, magnitude=28)  # README

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "efficientnet_b0": {"paper": recipe(224), "baseline": other(224, name="efficientnet:baseline")},    # README
    "efficientnet_b1": {"paper": recipe(240), "baseline": other(240, name="efficientnet:baseline")},    # README
    "efficientnet_b2": {"paper": recipe(260), "baseline": other(260, name="efficientnet:baseline")},    # README
    "efficientnet_b3": {"paper": recipe(300), "baseline": other(300, name="efficientnet:baseline")},    # README
    "efficientnet_b4": {"paper": recipe(380), "baseline": other(380, name="efficientnet:baseline")},    # README
    "efficientnet_b5": {
        "paper": recipe(456), "baseline": other(456, name="efficientnet:baseline"),                     # README
        "randaugment": other(456, RAND_17, name="efficientnet:rand17"),                            # README
    },
    "efficientnet_b6": {"paper": recipe(528)},                                                          # README
    "efficientnet_b7": {"paper": recipe(600), "randaugment": other(600, RAND_28, name="efficientnet:rand28")},  # README
    "efficientnet_b8": {"randaugment": other(672, RAND_28, name="efficientnet:rand28")},           # README
}  # fmt: skip

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    **{name: {"single": recipe(design.image_size).view} for name, design in VARIANTS.items()},
    "efficientnet_l2": {"single": recipe(800).view, "single475": recipe(475).view},  # README: Noisy Student
}

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("compound-beats-single", "Compound scaling of B0 beats depth, width or resolution alone.", "5.3, Table 7"),
    Claim("one-dimension-saturates", "Scaling one dimension alone saturates at about 80 %.", "3.2, Figure 3"),
    Claim("scaling-helps-others", "Compound scaling also improves MobileNets and ResNet-50.", "5.1, Table 3"),
)
