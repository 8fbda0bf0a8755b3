"""DenseNet: densely connected convolutional networks (Huang, Liu, van der Maaten, Weinberger 2016).

The idea: every layer sees the maps of all layers before it, so that k new ones each, the growth rate, are enough.
Look at: ``DenseLayer``, which appends and never replaces; the bottleneck of 4k maps, which widens the first layers of
a block and narrows only those that see more; the few parameters that all this costs.

Decided: a transition begins with batch normalisation and ReLU, as Table 1's note and the code; 3's text has no ReLU.
Decided: CIFAR networks without bottlenecks begin with 16 maps, those with them with 2k, as 3 says; the released code
always takes 2k (reading "authors"). Depth L counts convolutions and the classifier; "264" has 265 of them.
Decided: initial weights are the released code's: He's with the fan out, Torch's in the classifier.
Not in the printed tables: ``densenet161``, which is the repository's, the earlier versions' and torchvision's, and the
repository's Wide-DenseNet-BC, ``densenet_bc40``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.facts import Claim, Difference, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.layers.recompute import recompute
from lenext.models.published import densenet as figures
from lenext.protocol import SingleCrop, TenCrop
from lenext.recipes import SGD, ChannelMean, Cosine, EpochSteps, FixedScale, He, Recipe
from lenext.recipes.standard import FB_RESNET_TORCH, PAD_AND_CROP

PAPER = Paper(
    title="Densely Connected Convolutional Networks",
    authors="G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger",
    year=2016,
    venue="CVPR 2017",
    arxiv="1608.06993",
    idea="Layers that see the maps of all layers before them reuse features and need few of their own.",
)


class Design(NamedTuple):
    layers: tuple[int, ...]  # in each dense block; the networks of three blocks are for CIFAR and SVHN
    growth: int  # k
    bottleneck: bool  # B: a 1x1 convolution to 4k maps before each 3x3
    compression: float  # theta: the share of the maps that a transition keeps; C where it is under 1


VARIANTS = {
    "densenet121":             Design((6, 12, 24, 16), 32, True,  0.5),     # Table 1
    "densenet161":             Design((6, 12, 36, 24), 48, True,  0.5),     # README
    "densenet169":             Design((6, 12, 32, 32), 32, True,  0.5),     # Table 1
    "densenet201":             Design((6, 12, 48, 32), 32, True,  0.5),     # Table 1
    "densenet264":             Design((6, 12, 64, 48), 32, True,  0.5),     # Table 1
    "densenet40_k12_cifar":    Design((12, 12, 12),    12, False, 1.0),     # Table 2: (L - 4) / 3 layers
    "densenet100_k12_cifar":   Design((32, 32, 32),    12, False, 1.0),     # Table 2
    "densenet100_k24_cifar":   Design((32, 32, 32),    24, False, 1.0),     # Table 2
    "densenet_bc100_k12_cifar": Design((16, 16, 16),   12, True,  0.5),     # Table 2: (L - 4) / 6 layers
    "densenet_bc250_k24_cifar": Design((41, 41, 41),   24, True,  0.5),     # Table 2
    "densenet_bc190_k40_cifar": Design((31, 31, 31),   40, True,  0.5),     # Table 2
    "densenet_bc40_k36_cifar": Design((6, 6, 6),       36, True,  0.5),     # README: Wide-DenseNet-BC
    "densenet_bc40_k48_cifar": Design((6, 6, 6),       48, True,  0.5),     # README: Wide-DenseNet-BC
    "densenet_bc40_k60_cifar": Design((6, 6, 6),       60, True,  0.5),     # README: Wide-DenseNet-BC
}  # fmt: skip
Norm = tuple[float, float]  # eps, and what torch calls momentum: one less Keras's
NORMS: dict[str, Norm] = {"paper": (1e-5, 0.1), "authors": (1e-5, 0.1), "keras": (1.001e-5, 0.01)}  # READINGS


def unit(inputs: int, outputs: int, kernel: int, dropout: float, norm: Norm) -> nn.Sequential:
    """A convolution with batch normalisation and ReLU before it, and dropout after it (3, 4.2)."""
    return nn.Sequential(
        OrderedDict(
            bn=nn.BatchNorm2d(inputs, *norm),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            dropout=nn.Dropout(dropout),
        )
    )


class DenseLayer(nn.Module):
    """H of Eq. 2: all maps before it -> k new ones, by one 3x3 convolution, with bottleneck by a 1x1 and the 3x3.

    memory_efficient: the backward pass computes the concatenation and all up to the first convolution again, and the
    forward pass keeps none of it (1707.06990).
    """

    def __init__(self, inputs: int, design: Design, dropout: float, norm: Norm, *, memory_efficient: bool) -> None:
        super().__init__()
        middle = 4 * design.growth if design.bottleneck else inputs  # 3: Bottleneck layers
        self.squeeze = unit(inputs, middle, 1, dropout, norm) if design.bottleneck else None
        self.new = unit(middle, design.growth, 3, dropout, norm)
        self.memory_efficient = memory_efficient

    def forward(self, *maps: Tensor) -> Tensor:  # N k_0 H W, N k H W, N k H W ... -> N k H W
        first = self.new if self.squeeze is None else self.squeeze

        def begin(*maps: Tensor) -> Any:
            return first(torch.cat(maps, 1))

        efficient = self.memory_efficient and torch.is_grad_enabled()
        x: Tensor = recompute(begin, maps, first) if efficient else begin(*maps)
        return x if self.squeeze is None else self.new(x)


class DenseBlock(nn.Sequential):
    """Layers that each see the block's input and the maps of all layers before them: Figure 1."""

    def forward(self, x: Tensor) -> Tensor:  # N k_0 H W -> N k_0+layers*k H W
        maps = [x]
        for layer in self:
            maps.append(layer(*maps))
        return torch.cat(maps, 1)


def stem(channels: int, outputs: int, norm: Norm, *, cifar: bool) -> nn.Sequential:
    """All before the first block: on ImageNet with normalisation and max pooling (Table 1), on CIFAR a convolution."""
    kernel, step = (3, 1) if cifar else (7, 2)
    layers: dict[str, nn.Module] = {"conv": nn.Conv2d(channels, outputs, kernel, step, kernel // 2, bias=False)}
    if not cifar:
        layers |= {"bn": nn.BatchNorm2d(outputs, *norm), "relu": nn.ReLU(inplace=True)}
        layers["pool"] = nn.MaxPool2d(3, 2, padding=1)
    return nn.Sequential(OrderedDict(layers))


def decide(name: str, growth: int | None, compression: float | None, code: str) -> Design:
    """The paper's design with the caller's options; refuses what cannot be."""
    asked: dict[str, Any] = {"growth": growth, "compression": compression}
    design = VARIANTS[name]._replace(**{option: value for option, value in asked.items() if value is not None})
    if type(design.growth) is not int or design.growth < 1:
        raise UsageError(f"{name} cannot have the growth {growth!r}.", "Give a whole number, 1 or more.")
    if not isinstance(design.compression, int | float) or not 0 < design.compression <= 1:
        raise UsageError(f"{name} cannot have the compression {compression!r}.", "Give a share, above 0 and up to 1.")
    one_of("code", code, NORMS)
    return design


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    growth: int | None = None,
    compression: float | None = None,
    dropout: float = 0.0,
    memory_efficient: bool = False,
    code: str = "paper",
) -> Network:
    """A network of Table 1 or 2, for images of any size and shape, with He's initial weights.

    num_classes: 1000, for CIFAR 10, when None; growth: k; compression: theta, in (0, 1]; dropout: share that training
    drops after every convolution but the first, 0.2 where data are not augmented (4.2); memory_efficient: see
    ``DenseLayer``; code: whose constants, "authors" (2k first maps always) or "keras" (normalisation), see READINGS.
    Raises ``UsageError`` for values that cannot be.
    """
    design = decide(name, growth, compression, code)
    cifar, norm = name.endswith("_cifar"), NORMS[code]
    first = channels = 2 * design.growth if design.bottleneck or code == "authors" else 16  # 3: Implementation Details
    stages: dict[str, nn.Module] = {}
    for number, count in enumerate(design.layers, 1):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for layer in range(1, count + 1):
            layers[f"layer{layer}"] = DenseLayer(channels, design, dropout, norm, memory_efficient=memory_efficient)
            channels += design.growth
        stages[f"dense_block{number}"] = block = DenseBlock(layers)
        if number < len(design.layers):
            kept = max(1, int(design.compression * channels))
            halved = OrderedDict(unit=unit(channels, kept, 1, dropout, norm), pool=nn.AvgPool2d(2, 2))
            stages[f"transition{number}"] = nn.Sequential(halved)
            channels = kept
    last = OrderedDict(block=block, bn=nn.BatchNorm2d(channels, *norm), relu=nn.ReLU(inplace=True))  # 3
    stages[f"dense_block{len(design.layers)}"] = nn.Sequential(last)
    network = Network(
        input_size=(in_channels, 32, 32) if cifar else (in_channels, 224, 224),
        stem=stem(in_channels, first, norm, cifar=cifar),
        stages=stages,
        head=mean_and_linear(channels, num_classes or (10 if cifar else 1000)),
    )
    initialise(network, He(fan="out", linear=False))
    return network


AUTHORS = Difference("stem", "16 maps without bottlenecks", "twice the growth rate", "their code", "code", "authors")
KERAS = Difference("normalisation", "eps 1e-5, momentum 0.9", "eps 1.001e-5, momentum 0.99", "keras", "code", "keras")
READINGS = {
    "densenet40_k12_cifar": {"authors": (AUTHORS,)},
    "densenet100_k*_cifar": {"authors": (AUTHORS,)},
    **{f"densenet{depth}": {"keras": (KERAS,)} for depth in (121, 169, 201)},  # ours: what Keras has
}

CIFAR = Recipe(
    name="densenet:cifar",
    epochs=300,                                                     # 4.2
    batch_size=64,                                                  # 4.2
    optimizer=SGD(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),      # 4.2
    schedule=EpochSteps(at=(150, 225), factor=0.1),                 # 4.2: at 50 % and 75 %
    augment=PAD_AND_CROP,                                           # 4.1: shifting and mirroring, "+"
    normalise=ChannelMean(),                                        # 4.1
    view=SingleCrop(resize=32, crop=32),                            # 4.1: the test image as it is
    init=He(fan="out", linear=False),                               # 4.2; the code: not in the classifier
)  # fmt: skip

PLAIN = replace(
    CIFAR,
    name="densenet:plain",
    augment=(CIFAR.view,),                                          # 4.1: without "+"
    dropout=0.2,                                                    # 4.2
)  # fmt: skip

SVHN = replace(
    PLAIN,
    name="densenet:svhn",
    epochs=40,                                                      # 4.2
    schedule=EpochSteps(at=(20, 30), factor=0.1),                   # 4.2: at 50 % and 75 %
    normalise=FixedScale(mean=0.0, std=1.0),                        # 4.1: divided by 255
)  # fmt: skip

RECIPE = replace(FB_RESNET_TORCH, name="densenet:paper")  # 4.1, 4.2: batches of 256, 90 epochs, drops at 30, 60

COSINE = replace(
    RECIPE,
    name="densenet:cosine",
    epochs=100,                                                     # 1707.06990; ours: how long
    schedule=Cosine(),                                              # 1707.06990
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "*_cifar": {"paper": CIFAR, "plain": PLAIN, "svhn": SVHN},
    "*": {"paper": RECIPE, "cosine": COSINE},
}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*_cifar": {"single": SingleCrop(resize=32, crop=32)},          # 4.1
    "*": {
        "single": SingleCrop(resize=256, crop=224),                 # 4.1, Table 3
        "ten-crop": TenCrop(resize=256, crop=224),                  # 4.1, Table 3
        "ten-crop-logits": TenCrop(resize=256, crop=224, interpolation="bicubic", logits=True),     # fb.resnet.torch
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("parameter-efficiency", "DenseNet-BC needs a third of ResNet's parameters for its error.", "5, Figure 4"),
    Claim("growth-pays", "The error falls as depth and growth rate grow, without overfitting.", "4.3, Table 2"),
    Claim("bc-is-best", "Of DenseNet, -B, -C and -BC the last needs the fewest parameters.", "5, Figure 4"),
    Claim("less-overfitting", "Without augmentation the gain over earlier networks is the largest.", "4.3, Table 2"),
    Claim("features-are-reused", "Layers spread their weights over many earlier layers of their block.", "5, Figure 5"),
    Claim("memory-for-time", "Computing concatenations again saves memory and costs a little time.", "1707.06990"),
)
