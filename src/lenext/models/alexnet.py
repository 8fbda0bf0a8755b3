"""AlexNet: ImageNet classification with deep convolutional networks (Krizhevsky, Sutskever, Hinton 2012).

The idea: a large convolutional network, ReLU, dropout and two graphics cards, on a million labelled photographs.
Look at: conv2, conv4 and conv5, each of which sees one card's half of the maps; pooling windows that overlap; 59 of the
61 million parameters in three linear layers.

Decided: the image has 224 pixels and conv1's map 55, because the authors' code counts positions with ceil: the last
window hangs 3 pixels over the right and lower edge and sees zeros there. Caffe crops 227 pixels instead.
Decided: alpha multiplies the sum, as 3.3 prints it; the authors' later code divides it by 5 (``lrn="authors"``). Which
of the two the 2012 run had cannot be told. The window crosses from one card's maps to the other's, as Caffe's does.
Decided: Figure 2's 253,440 neurons of conv1 count 48 of its 96 maps; 290,400 give the abstract's 650,000.
Decided: the code of "One weird trick" has 256 kernels in conv4 where its text has 384: readings authors and owt-paper.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from lenext.errors import UsageError
from lenext.facts import Claim, Difference, Paper
from lenext.layers.choice import one_of
from lenext.layers.head import three_layers
from lenext.layers.init import initialise
from lenext.layers.lrn import local_response
from lenext.layers.network import Network
from lenext.models.published import alexnet as figures
from lenext.protocol import SingleCrop, TenCrop
from lenext.recipes import (
    EpochSteps,
    Gaussian,
    Logistic,
    PCAColour,
    PixelMean,
    Plateau,
    RandomCrop,
    RandomFlip,
    Recipe,
    Steps,
    VelocitySGD,
)

PAPER = Paper(
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    authors="A. Krizhevsky, I. Sutskever, G. E. Hinton",
    year=2012,
    venue="NIPS 2012",
    idea="A deep convolutional network, trained on two GPUs with ReLU and dropout, halves the error on ImageNet.",
)


class Tower(NamedTuple):
    kernels: tuple[int, ...]  # of conv1 to conv5
    towers: int  # conv2, conv4 and conv5 see their own tower's maps only
    padding: int | None = None  # of conv1; None: its last window may hang over the edge


VARIANTS = {
    "alexnet":           Tower((96, 256, 384, 384, 256), 2),        # Figure 2
    "alexnet_one_gpu":   Tower((48, 128, 192, 192, 256), 1),        # 3.2: half the kernels, conv5's excepted
    "alexnet_ungrouped": Tower((96, 256, 384, 384, 256), 1),        # ours: Figure 2 on one card
}  # fmt: skip
SINGLE = {
    "owt-paper":   Tower((64, 192, 384, 384, 256), 1),              # 1404.5997, footnote 1
    "owt-code":    Tower((64, 192, 384, 256, 256), 1),              # cuda-convnet2, layers-imagenet-1gpu.cfg
    "torchvision": Tower((64, 192, 384, 256, 256), 1, padding=2),   # torchvision
}  # fmt: skip


class Response(NamedTuple):
    alpha: float  # multiplies the sum
    k: float
    orders: tuple[str, str]  # what follows conv1 and conv2: R for ReLU, L for normalisation, P for pooling


RESPONSES = {
    "paper":    Response(1e-4, 2, ("RLP", "RLP")),      # 3.3, 3.5
    "authors":  Response(2e-5, 2, ("RLP", "RLP")),      # cuda-convnet2, layer.py: scale is divided by size
    "convnet2": Response(2e-5, 2, ("LPR", "RLP")),      # cuda-convnet2, layers-imagenet-1gpu.cfg
    "caffe":    Response(2e-5, 1, ("RLP", "RLP")),      # bvlc_alexnet: 1e-4 is divided by 5, k is the default
    "caffenet": Response(2e-5, 1, ("RPL", "RPL")),      # bvlc_reference_caffenet
    "none":     Response(0, 0, ("RP", "RP")),           # torchvision
}  # fmt: skip
BIASED = ("conv2", "conv4", "conv5", "fc6", "fc7")  # 5: their biases start at 1, so that a ReLU sees positive inputs
INIT = Gaussian(std=0.01, bias=1.0, biased=BIASED)  # 5


def layer(number: int, conv: nn.Conv2d, order: str, lrn: Response, pool: int) -> OrderedDict[str, nn.Module]:
    """conv1 or another with what follows it in ``order``, named as everybody names them: relu1, lrn1, pool1."""
    layers: OrderedDict[str, nn.Module] = OrderedDict({f"conv{number}": conv})
    for letter in order:
        if letter == "R":
            layers[f"relu{number}"] = nn.ReLU(inplace=True)
        elif letter == "L":
            layers[f"lrn{number}"] = local_response(alpha=lrn.alpha, k=lrn.k)
        else:
            layers[f"pool{number}"] = nn.MaxPool2d(pool, 2)
    return layers


def classifier(inputs: int, num_classes: int, head: str) -> dict[str, nn.Module]:
    """fc6 to fc8 (3.5); dropout follows fc6 and fc7 (4.2), in torchvision it precedes them."""
    layers = three_layers(inputs, num_classes)
    if head == "torchvision":
        del layers["drop7"]
        first = {"avgpool": nn.AdaptiveAvgPool2d(6), "flatten": layers.pop("flatten"), "drop5": nn.Dropout(0.5)}
        layers = {**first, **layers}
    return layers


def side(image_size: int, padding: int | None, pool: int) -> int:
    """Side of pool5's map: 11x11 windows at every fourth pixel, then three times pooling at every second."""
    windows = -(-(image_size - 11) // 4) if padding is None else (image_size + 2 * padding - 11) // 4
    pixels = windows + 1
    for _ in range(3):
        pixels = (pixels - pool) // 2 + 1
    return pixels


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: int = 224,
    tower: str | None = None,
    lrn: str = "paper",
    pool: int = 3,
    head: str = "paper",
) -> Network:
    """A network of Figure 2, with the paper's initial weights (5).

    image_size: side of the square input in pixels, at least 64; any other than 224 to 227 is another network, with
    fewer or more weights in fc6. tower: alexnet as one of ``SINGLE``; lrn: one of ``RESPONSES``, where normalisation
    stands and its constants; pool: side of the window, 3 (overlapping) or 2 (3.4); head: "paper" or "torchvision".
    Raises ``UsageError`` for unknown values and for images that are too small.
    """
    design = VARIANTS[name]
    if tower is not None:
        design = SINGLE[one_of("tower", tower, tuple(SINGLE) if name == "alexnet" else ())]
    response = RESPONSES[one_of("lrn", lrn, tuple(RESPONSES))]
    last = side(image_size, design.padding, one_of("pool", pool, (3, 2)))
    if image_size < 64 or last < 1:
        raise UsageError(f"{name} halves its image five times; {image_size} pixels are too few.", "Use 64 or more.")
    widths, groups = design.kernels, design.towers
    over = -(image_size - 11) % 4 if design.padding is None else 0  # 3 pixels at 224
    stem: OrderedDict[str, nn.Module] = OrderedDict({"pad1": nn.ZeroPad2d((0, over, 0, over))} if over else {})
    conv1 = nn.Conv2d(in_channels, widths[0], 11, stride=4, padding=design.padding or 0)
    stem |= layer(1, conv1, response.orders[0], response, pool)
    orders = (response.orders[1], "R", "R", "RP")
    stages = {}
    for number, order in enumerate(orders, 2):
        kernel, split = (5 if number == 2 else 3), (1 if number == 3 else groups)
        inputs, outputs = widths[number - 2 : number]
        convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=split)
        stages[f"conv{number}"] = nn.Sequential(layer(number, convolution, order, response, pool))
    positions = 36 if one_of("head", head, ("paper", "torchvision")) == "torchvision" else last * last
    network = Network(
        input_size=(in_channels, image_size, image_size),
        stem=nn.Sequential(stem),
        stages=stages,
        head=classifier(widths[-1] * positions, num_classes, head),
    )
    initialise(network, INIT)
    return network


TWO = "two towers of 48, 128, 192, 192 and 128 kernels"
CAFFE = (
    # 3.5: 55x55 maps without an overhang
    Difference("input", "224 pixels, the last window of conv1 hangs over", "227 pixels", "Caffe", "image_size", 227),
    Difference("lrn1, lrn2", "k = 2, alpha times the sum", "k = 1, alpha / 5 times the sum", "Caffe", "lrn", "caffe"),
)  # fmt: skip
CAFFENET = (
    CAFFE[0],
    Difference(
        "lrn1, lrn2", "k = 2, alpha times the sum, before pooling", "k = 1, alpha / 5 times the sum, after pooling",
        "Caffe", "lrn", "caffenet",
    ),
)  # fmt: skip
ONE = "one tower of 64, 192, 384, {} and 256 kernels"
OWT_PAPER = (Difference("conv1 to conv5", TWO, ONE.format(384), "1404.5997, footnote 1", "tower", "owt-paper"),)
AUTHORS = (
    Difference("conv1 to conv5", TWO, ONE.format(256), "cuda-convnet2", "tower", "owt-code"),
    Difference(
        "lrn1, lrn2", "alpha times the sum; ReLU, normalisation, pooling",
        "alpha / 5 times the sum; after conv1 normalisation, pooling, ReLU", "cuda-convnet2", "lrn", "convnet2",
    ),
)  # fmt: skip
TORCHVISION = (
    Difference("conv1 to conv5", TWO, ONE.format(256), "torchvision", "tower", "torchvision"),
    Difference(
        "conv1", "the last window hangs over", "2 pixels of zeros on each side", "torchvision", "tower", "torchvision",
    ),
    Difference("lrn1, lrn2", "local response normalisation", "none", "torchvision", "lrn", "none"),
    Difference("head", "no pooling before fc6", "adaptive pooling to 6x6", "torchvision", "head", "torchvision"),
    Difference(
        "head", "dropout of the outputs of fc6 and fc7", "of their inputs", "torchvision", "head", "torchvision",
    ),
)  # fmt: skip
READINGS: Mapping[str, Mapping[str, tuple[Difference, ...]]] = {
    "alexnet": {
        "authors": AUTHORS,
        "owt-code": AUTHORS,
        "owt-paper": OWT_PAPER,
        "caffe": CAFFE,
        "caffenet": CAFFENET,
        "torchvision": TORCHVISION,
    },
}

RECIPE = Recipe(
    name="alexnet:paper",
    epochs=90,                                                          # 5
    batch_size=128,                                                     # 5
    optimizer=VelocitySGD(lr=0.01, momentum=0.9, weight_decay=5e-4),    # 5
    schedule=Plateau(factor=0.1, times=3, patience=5),                  # 5; ours: how patient
    augment=(
        SingleCrop(resize=256, crop=256),                               # 2
        RandomCrop(size=224),                                           # 4.1
        RandomFlip(p=0.5),                                              # 4.1
        PCAColour(std=0.1, size="deviation"),                           # 4.1; cuda-convnet2: deviations
    ),
    normalise=PixelMean(before_crop=True, side=256),                    # 2
    view=SingleCrop(resize=256, crop=224),                              # Table 1, footnote
    init=INIT,
)  # fmt: skip
LOGISTIC = replace(
    RECIPE,
    name="alexnet:one-weird-trick",
    loss=Logistic(),                                                    # 1404.5997
    schedule=EpochSteps(at=(22.5, 45, 67.5), factor=250 ** (-1 / 3)),   # 1404.5997: at 25, 50 and 75 %
)  # fmt: skip
BVLC = replace(
    RECIPE,
    name="alexnet:caffe",
    epochs=None,
    iterations=450_000,                                                         # README: bvlc_alexnet
    batch_size=256,                                                             # README: bvlc_alexnet
    optimizer=VelocitySGD(
        lr=0.01, momentum=0.9, weight_decay=5e-4, bias_rate=2.0, spared=("biases",),        # README: bvlc_alexnet
    ),
    schedule=Steps(at=(100_000, 200_000, 300_000, 400_000), factor=0.1),        # README: bvlc_alexnet
    augment=(
        SingleCrop(resize=256, crop=256, squash=True),                          # ours: Caffe's create_imagenet.sh
        RandomCrop(size=227),                                                   # README: bvlc_alexnet
        RandomFlip(p=0.5),                                                      # README: bvlc_alexnet, no colour noise
    ),
    view=SingleCrop(resize=256, crop=227, squash=True),                         # README: bvlc_alexnet, centre crop
    init=Gaussian(std=0.01, bias=0.1, biased=BIASED, apart=(("fc6", 0.005), ("fc7", 0.005))),  # README: bvlc_alexnet
)  # fmt: skip
CONVNET2 = replace(
    RECIPE,                                                             # cuda-convnet2: reading authors
    name="alexnet:cuda-convnet2",
    optimizer=VelocitySGD(
        lr=0.01, momentum=0.9, weight_decay=5e-4,                               # cuda-convnet2: epsW, momW, wc
        bias_rate=2.0, bias_schedule=EpochSteps(at=(45,), factor=0.1),          # cuda-convnet2: epsB
        spared=("biases",),                                                     # cuda-convnet2: layer.cu
    ),
    schedule=EpochSteps(at=(22.5, 45, 67.5), factor=250 ** (-1 / 3)),   # cuda-convnet2: epsW, in 4 steps
    augment=(*RECIPE.augment[:3], PCAColour(std=0.1, shrink=True)),     # cuda-convnet2: convdata.py
    normalise=PixelMean(),                                              # cuda-convnet2: the middle's, wherever cut
    init=replace(
        INIT,
        apart=(("conv3", 0.03), ("conv4", 0.03), ("conv5", 0.03)),      # cuda-convnet2: initW
        biases_apart=(("fc8", -7.0),),                                  # cuda-convnet2: initB
    ),
)  # fmt: skip
CAFFENET_INIT = Gaussian(std=0.01, biased=BIASED, apart=(("fc6", 0.005), ("fc7", 0.005)))  # README: CaffeNet

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "alexnet": {
        "paper": RECIPE, "one-weird-trick": LOGISTIC, "cuda-convnet2": CONVNET2, "caffe": BVLC,
        "caffenet": replace(BVLC, name="alexnet:caffenet", init=CAFFENET_INIT),
    },
    "*": {"paper": RECIPE},
}  # fmt: skip

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {
        "single": SingleCrop(resize=256, crop=224),                     # Table 1, footnote
        "ten-crop": TenCrop(resize=256, crop=224, square=True),         # 4.1: corners and centre of the square of 2
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("relu-is-faster", "ReLU reaches 25 % training error on CIFAR-10 six times faster than tanh.", "3.1"),
    Claim("two-towers", "Two towers have 1.7 % (1.2 %) less top-1 (top-5) error than one of half the maps.", "3.2"),
    Claim("lrn-helps", "Local response normalisation lowers the errors by 1.4 % and 1.2 %.", "3.3"),
    Claim("overlap-helps", "Windows of 3 at a step of 2 lower the errors by 0.4 % and 0.3 %.", "3.4"),
    Claim("colour-noise-helps", "Noise along the principal axes of colour lowers the top-1 error by over 1 %.", "4.1"),
    Claim("depth-matters", "Removing any middle layer costs about 2 % of top-1.", "7"),
)
