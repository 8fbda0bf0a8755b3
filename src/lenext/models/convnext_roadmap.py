"""The way from ResNet to ConvNeXt, each step as a network of its own (Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022).

The idea: a ResNet becomes ConvNeXt in twelve small steps, each known before, and each step can be measured alone.
Look at: ``STEPS``, which is section 2 of the paper, one line for each network; ``convolutions``, the four blocks.
convnext_roadmap_resnet50_13 is convnext_tiny, convnext_roadmap_resnet200_13 is convnext_base.

Decided: Table 10's last two rows print 4.46 and 4.49 GFLOPs; normalisation costs no multiply-adds and Table 11 agrees,
so they are read as 4.15 and 4.46.
Decided, where the paper is silent: the patch stem has ResNet's BN and ReLU; the step to one activation and the step to
one normalisation in each block take away the stem's and the projection's too; a convolution has a bias where no batch
normalisation follows, which would subtract it; layer scale comes with the last step (``layer_scale=1e-6``: before).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.facts import Claim, Paper
from lenext.layers.drop_path import DropPath
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.layer_scale import LayerScale
from lenext.layers.network import Network
from lenext.layers.norm import LayerNorm2d
from lenext.layers.residual import connect
from lenext.models.published import convnext_roadmap as figures
from lenext.protocol import SingleCrop
from lenext.recipes import AdamW, Cosine, CrossEntropy, Mixing, Recipe, TruncatedNormal
from lenext.recipes.standard import IMAGENET, RAND_AUGMENT_AND_ERASING

PAPER = Paper(
    title="A ConvNet for the 2020s",
    authors="Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie",
    year=2022,
    venue="CVPR 2022",
    arxiv="2201.03545",
    idea="A ResNet modernised step by step, with nothing but convolutions, is as accurate as a Swin Transformer.",
)


class Step(NamedTuple):
    title: str
    blocks: str  # how many in each stage: a row of ``BLOCKS``
    width: tuple[int, int]  # of the first stage, on the way from ResNet-50 and from ResNet-200
    stem: str  # "conv": 7x7 and a pool; "patch": 4x4
    block: str  # one of ``convolutions``
    kernel: int  # of the convolution that is not 1x1
    act: str  # the activation
    acts: str  # "all": after every normalisation and sum; "one": between the block's two 1x1 convolutions
    norm: str  # the normalisation
    norms: str  # "all": after every convolution; "one": after the block's depthwise convolution
    halving: str  # "in": the map is halved in the first block of a stage; "own": in a layer of its own before it


# Section 2 and Tables 10 and 11, row by row.
STEPS = {
    1:  Step("ResNet",                "resnet", (64, 64),  "conv",  "plain",     3, "ReLU", "all", "BN", "all", "in"),
    2:  Step("stage ratio",           "swin",   (64, 84),  "conv",  "plain",     3, "ReLU", "all", "BN", "all", "in"),
    3:  Step("patchify stem",         "swin",   (64, 84),  "patch", "plain",     3, "ReLU", "all", "BN", "all", "in"),
    4:  Step("depthwise conv",        "swin",   (64, 84),  "patch", "depthwise", 3, "ReLU", "all", "BN", "all", "in"),
    5:  Step("width",                 "swin",   (96, 128), "patch", "depthwise", 3, "ReLU", "all", "BN", "all", "in"),
    6:  Step("inverted bottleneck",   "swin",   (96, 128), "patch", "inverted",  3, "ReLU", "all", "BN", "all", "in"),
    7:  Step("move up depthwise",     "swin",   (96, 128), "patch", "moved up",  3, "ReLU", "all", "BN", "all", "in"),
    8:  Step("kernel 7",              "swin",   (96, 128), "patch", "moved up",  7, "ReLU", "all", "BN", "all", "in"),
    9:  Step("ReLU -> GELU",          "swin",   (96, 128), "patch", "moved up",  7, "GELU", "all", "BN", "all", "in"),
    10: Step("fewer activations",     "swin",   (96, 128), "patch", "moved up",  7, "GELU", "one", "BN", "all", "in"),
    11: Step("fewer norms",           "swin",   (96, 128), "patch", "moved up",  7, "GELU", "one", "BN", "one", "in"),
    12: Step("BN -> LN",              "swin",   (96, 128), "patch", "moved up",  7, "GELU", "one", "LN", "one", "in"),
    13: Step("separate downsampling", "swin",   (96, 128), "patch", "moved up",  7, "GELU", "one", "LN", "one", "own"),
}  # fmt: skip
WAYS = ("resnet50", "resnet200")
VARIANTS = {f"convnext_roadmap_{way}_{number:02}": (way, number) for way in WAYS for number in STEPS}
BLOCKS = {
    ("resnet50", "resnet"): (3, 4, 6, 3),   ("resnet200", "resnet"): (3, 24, 36, 3),    # Table 9; 1603.05027, Table 5
    ("resnet50", "swin"):   (3, 3, 9, 3),   ("resnet200", "swin"):   (3, 3, 27, 3),     # 2.2; Appendix C
}  # fmt: skip
DROP_PATH = {"resnet50": 0.1, "resnet200": 0.5}  # Table 5: ConvNeXt-T; ours: not printed, ConvNeXt-B's
STD = 0.02  # ours: Table 5 prints 0.2, the authors' code has 0.02

NORMS: Mapping[str, Callable[[int], nn.Module]] = {"BN": nn.BatchNorm2d, "LN": LayerNorm2d}
ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {"ReLU": partial(nn.ReLU, inplace=True), "GELU": nn.GELU}
EXPANSION = 4  # 2.4; Table 9: outputs of ResNet's block per width
WIDE = ("plain", "depthwise")  # the blocks whose outputs are wide, not their middle


class Residual(nn.Module):
    """y = f(F(x) + shortcut(x)), where f is the activation, or nothing from step 10 on."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module, after: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut, self.after = branch, shortcut, after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.after(self.branch(x) + self.shortcut(x))
        return y


def convolutions(block: str, inputs: int, width: int) -> tuple[tuple[int, int, str], ...]:
    """The three convolutions of a block, as (inputs, outputs, kind)."""
    wide = EXPANSION * width
    return {
        "plain":     ((inputs, width, "1x1"),        (width, width, "full"),      (width, wide, "1x1")),    # Table 9
        "depthwise": ((inputs, width, "1x1"),        (width, width, "depthwise"), (width, wide, "1x1")),    # 2.3
        "inverted":  ((inputs, wide, "1x1"),         (wide, wide, "depthwise"),   (wide, width, "1x1")),    # Figure 3b
        "moved up":  ((inputs, inputs, "depthwise"), (inputs, wide, "1x1"),       (wide, width, "1x1")),    # Figure 3c
    }[block]  # fmt: skip


def convolve(step: Step, inputs: int, outputs: int, stride: int, kind: str) -> tuple[nn.Module, ...]:
    """One convolution, with its normalisation if this step has one here."""
    kernel = 1 if kind == "1x1" else step.kernel
    groups = inputs if kind == "depthwise" else 1
    normed = step.norms == "all" or kind == "depthwise"
    bias = not (normed and step.norm == "BN")
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
    return (conv, NORMS[step.norm](outputs)) if normed else (conv,)


def branch(step: Step, inputs: int, width: int, stride: int) -> OrderedDict[str, nn.Module]:
    """F: the stride is in the convolution that is not 1x1."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (ins, outs, kind) in enumerate(convolutions(step.block, inputs, width), 1):
        parts = convolve(step, ins, outs, 1 if kind == "1x1" else stride, kind)
        layers |= zip((f"conv{number}", f"norm{number}"), parts, strict=False)
        if number == 2 or (number == 1 and step.acts == "all"):
            layers[f"act{number}"] = ACTIVATIONS[step.act]()
    return layers


def projection(step: Step, inputs: int, outputs: int, stride: int) -> nn.Module:
    """The shortcut where the dimensions change: a 1x1 convolution."""
    return nn.Sequential(*convolve(step, inputs, outputs, stride, "1x1"))


def stage(
    step: Step, name: str, inputs: int, width: int, rates: list[float], layer_scale: float
) -> OrderedDict[str, nn.Module]:
    """A block for each of ``rates``, called after the stage (res3_1, res3_2, ...); res2 does not halve the map."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    outputs = EXPANSION * width if step.block in WIDE else width
    stride = 1 if name == "res2" else 2
    if step.halving == "own" and stride == 2:
        layers["downsample"] = nn.Sequential(OrderedDict(norm=LayerNorm2d(inputs), conv=nn.Conv2d(inputs, width, 2, 2)))
        inputs, stride = width, 1
    for number, rate in enumerate(rates, 1):
        way = branch(step, inputs, width, stride)
        if layer_scale:
            way["scale"] = LayerScale(outputs, layer_scale)
        way["drop_path"] = DropPath(rate)
        shortcut = connect("B", inputs, outputs, stride, partial(projection, step))
        after = ACTIVATIONS[step.act]() if step.acts == "all" else nn.Identity()
        layers[f"{name}_{number}"] = Residual(nn.Sequential(way), shortcut, after)
        inputs, stride = outputs, 1
    return layers


def stem(step: Step, inputs: int, width: int) -> OrderedDict[str, nn.Module]:
    """Four times smaller: 7x7 and a pool, or patches of 4x4 pixels."""
    bias = not (step.norms == "all" and step.norm == "BN")
    kernel, stride, padding = (7, 2, 3) if step.stem == "conv" else (4, 4, 0)
    conv = nn.Conv2d(inputs, width, kernel, stride, padding, bias=bias)
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv)
    if step.norms == "all" or step.halving == "own":
        layers["norm"] = NORMS[step.norm](width)
    if step.acts == "all":
        layers["act"] = ACTIVATIONS[step.act]()
    if step.stem == "conv":
        layers["pool"] = nn.MaxPool2d(3, 2, padding=1)
    return layers


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    kernel_size: int | None = None,
    layer_scale: float | None = None,
    drop_path: float | None = None,
) -> Network:
    """One step of the way, for images of any size and shape, with truncated normal initial weights.

    kernel_size: of the depthwise convolutions from step 8 on, odd (2.5 tries 3, 5, 7, 9, 11); layer_scale: initial
    factor of every branch, 0 for none; drop_path: how often training leaves out the last block; the paper's when None.
    Raises ``UsageError`` for an even kernel_size, and for any before step 8.
    """
    way, number = VARIANTS[name]
    step = STEPS[number]
    if kernel_size is not None:
        if number < 8 or kernel_size < 1 or kernel_size % 2 == 0:
            hint = "Choose an odd one: 3, 5, 7, 9, 11." if number >= 8 else "Leave kernel_size out before step 08."
            raise UsageError(f"{name} has no kernel_size {kernel_size}.", hint)
        step = step._replace(kernel=kernel_size)
    layer_scale = (1e-6 if number == 13 else 0.0) if layer_scale is None else layer_scale  # Table 5
    last = DROP_PATH[way] if drop_path is None else drop_path
    counts, width = BLOCKS[way, step.blocks], step.width[WAYS.index(way)]
    start, inputs, done, stages = stem(step, in_channels, width), width, 0, {}
    for place, count in enumerate(counts):
        rates = [last * position / (sum(counts) - 1) for position in range(done, done + count)]
        layers = stage(step, f"res{place + 2}", inputs, width << place, rates, layer_scale)
        stages[f"res{place + 2}"] = nn.Sequential(layers)  # Table 9
        inputs, done = (width << place) * (EXPANSION if step.block in WIDE else 1), done + count
    norm = {"norm": nn.LayerNorm(inputs, eps=1e-6)} if step.halving == "own" else {}
    network = Network(
        input_size=(in_channels, 224, 224),
        stem=nn.Sequential(start),
        stages=stages,
        head=mean_and_linear(inputs, num_classes, **norm),
    )
    initialise(network, TruncatedNormal(std=STD))
    return network


RECIPE = Recipe(
    name="convnext_roadmap:paper",
    epochs=300,                                                             # Table 5
    batch_size=4096,                                                        # Table 5
    optimizer=AdamW(lr=4e-3, betas=(0.9, 0.999), weight_decay=0.05),        # Table 5
    schedule=Cosine(warmup=20 / 300, final=1e-6 / 4e-3),                    # Table 5; ours: the code's end
    augment=RAND_AUGMENT_AND_ERASING,                                       # Table 5
    normalise=IMAGENET,                                                     # ours: as the authors' code
    view=SingleCrop(resize=256, crop=224, interpolation="bicubic"),         # ours: as the authors' code
    loss=CrossEntropy(label_smoothing=0.1),                                 # Table 5
    mixing=Mixing(mixup=0.8, cutmix=1.0),                                   # Table 5
    init=TruncatedNormal(std=STD),                                          # Table 5 (prints 0.2; code 0.02)
    average=None,                                                           # Appendix: an average hurts BN
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*": {"paper": RECIPE}}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {"*": {"single": RECIPE.view}}

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("training-matters", "The modern recipe alone lifts ResNet-50 from 76.1 to 78.8 %.", "2.1, Table 10"),
    Claim("saturates-at-7x7", "Larger depthwise kernels help up to 7x7 (ResNet-200: 5x5).", "2.5, Tables 10, 11"),
    Claim("fewer-is-better", "One activation and one norm in a block beat one after each layer.", "2.6, Table 10"),
    Claim("layer-norm", "Once modernised, the network is as good with LN as with BN, or better.", "2.6, Table 10"),
    Claim("norms-where-it-shrinks", "Separate 2x2 downsampling diverges unless normalised there.", "2.6"),
)
