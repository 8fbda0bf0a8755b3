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
from lenext.facts import ACCURACIES, Claim, Paper, Published, Reported, results
from lenext.layers.drop_path import DropPath
from lenext.layers.head import mean_and_linear
from lenext.layers.init import initialise
from lenext.layers.layer_scale import LayerScale
from lenext.layers.network import Network
from lenext.layers.norm import LayerNorm2d
from lenext.layers.residual import connect
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
    epochs=300, batch_size=4096,                                            # Table 5
    optimizer=AdamW(lr=4e-3, betas=(0.9, 0.999), weight_decay=0.05),        # Table 5
    schedule=Cosine(warmup=20 / 300, final=1e-6 / 4e-3),                    # Table 5; ours: the code's end
    augment=RAND_AUGMENT_AND_ERASING, normalise=IMAGENET,                   # Table 5
    view=SingleCrop(resize=256, crop=224, interpolation="bicubic"),         # ours: as the authors' code
    loss=CrossEntropy(label_smoothing=0.1), mixing=Mixing(mixup=0.8, cutmix=1.0),   # Table 5
    init=TruncatedNormal(std=STD), average=None,                            # Table 5; Appendix: an average hurts BN
)  # fmt: skip
RECIPES: Mapping[str, Mapping[str, Recipe]] = {"*": {"paper": RECIPE}}
PROTOCOLS: Mapping[str, Mapping[str, Any]] = {"*": {"single": RECIPE.view}}


def along(way: str, *accuracies: float) -> dict[str, float]:
    """The accuracies of all steps from the first on, by name."""
    return {f"convnext_roadmap_{way}_{number:02}": value for number, value in enumerate(accuracies, 1)}


# The recipe and its address: top-1 accuracy in per cent on ILSVRC-2012 validation. ResNet-50's are means of three runs.
RESULTS: Reported = {
    ("1-crop, torchvision's weights", "Table 10"): along("resnet50", 76.13),
    ("1-crop, torchvision's weights", "Table 11"): along("resnet200", 78.20),
    ("1-crop, mean of 3", "Table 10"): along(
        "resnet50",
        78.82, 79.36, 79.51, 78.28, 80.50, 80.64, 79.92, 80.57, 80.62, 81.27, 81.41, 81.47, 81.97,      # Table 10
    ),
    ("1-crop", "Table 11"): along(
        "resnet200",
        81.14, 81.33, 81.59, 80.54, 81.85, 82.64, 82.04, 82.30, 82.19, 82.71, 83.17, 83.35, 83.60,      # Table 11
    ),
    ("1-crop, mean of 3, kernel_size 5", "Table 10"): {"convnext_roadmap_resnet50_08": 80.35},
    ("1-crop, mean of 3, kernel_size 9", "Table 10"): {"convnext_roadmap_resnet50_08": 80.57},
    ("1-crop, mean of 3, kernel_size 11", "Table 10"): {"convnext_roadmap_resnet50_08": 80.47},
    ("1-crop, kernel_size 5", "Table 11"): {"convnext_roadmap_resnet200_08": 82.32},
    ("1-crop, kernel_size 9", "Table 11"): {"convnext_roadmap_resnet200_08": 82.27},
    ("1-crop, kernel_size 11", "Table 11"): {"convnext_roadmap_resnet200_08": 82.18},
}  # fmt: skip


def published(way: str, number: int, params: int, macs: int, flops: float) -> Published:
    """The figures of one step: exact counts, its title and the paper's FLOPs, its column of ``RESULTS``."""
    name, step = f"convnext_roadmap_{way}_{number:02}", STEPS[number]
    width = step.width[WAYS.index(way)]
    wide = width * (EXPANSION if step.block in WIDE else 1)
    maps = {f"res{place + 2}": (wide << place, 56 >> place, 56 >> place) for place in range(4)}  # Table 9
    words, found = f"{step.title}: {flops:.2f} GFLOPs", results(RESULTS, name, ACCURACIES)
    return Published(params=params, macs=macs, shapes={"stem": (width, 56, 56), **maps}, printed=words, results=found)


# Counted, for ResNet-50 and ResNet-200. The words are the tables' FLOPs (multiply-adds); two are slips: see above.
PUBLISHED = {
    f"convnext_roadmap_{way}_{number:02}": published(way, number, *figures)
    for number, both in {
        1:  ((25_557_032, 4_089_184_256, 4.09),  (64_673_832, 15_007_481_856, 15.01)),  # Tables 10, 11
        2:  ((28_628_520, 4_525_916_160, 4.53),  (83_066_332, 14_518_404_096, 14.52)),  # Tables 10, 11
        3:  ((28_622_184, 4_417_536_000, 4.42),  (83_058_016, 14_376_155_136, 14.38)),  # Tables 10, 11
        4:  ((15_722_664, 2_349_507_072, 2.35),  (42_585_556, 7_234_368_288, 7.23)),    # Tables 10, 11
        5:  ((33_761_032, 5_267_976_960, 5.27),  (96_526_696, 16_763_933_696, 16.76)),  # Tables 10, 11
        6:  ((25_851_496, 4_644_406_272, 4.64),  (83_700_200, 15_679_418_368, 15.68)),  # Tables 10, 11
        7:  ((25_625_512, 4_065_080_448, 4.07),  (83_094_760, 14_627_001_856, 14.63)),  # Tables 10, 11
        8:  ((25_863_592, 4_145_612_928, 4.15),  (83_780_840, 14_806_631_936, 14.81)),  # Tables 10, 11
        9:  ((25_863_592, 4_145_612_928, 4.15),  (83_780_840, 14_806_631_936, 14.81)),  # Tables 10, 11
        10: ((25_863_592, 4_145_612_928, 4.15),  (83_780_840, 14_806_631_936, 14.81)),  # Tables 10, 11
        11: ((25_829_032, 4_145_612_928, 4.15),  (83_688_680, 14_806_631_936, 14.81)),  # Tables 10, 11
        12: ((25_834_984, 4_145_612_928, 4.46),  (83_705_832, 14_806_631_936, 14.81)),  # Tables 10, 11
        13: ((28_589_128, 4_455_531_264, 4.49),  (88_591_464, 15_354_729_472, 15.35)),  # Tables 10, 11
    }.items()
    for way, figures in zip(WAYS, both, strict=True)
}  # fmt: skip
REMARKS = {
    "*resnet50_12": "Table 10 prints 4.46; LayerNorm for BatchNorm costs no multiply-add: 4.15, as before it.",
    "*resnet50_13": "Table 10 prints 4.49; this network, ConvNeXt-T, has 4.46.",
}
CLAIMS = (
    Claim("training-matters", "The modern recipe alone lifts ResNet-50 from 76.1 to 78.8 %.", "2.1, Table 10"),
    Claim("saturates-at-7x7", "Larger depthwise kernels help up to 7x7 (ResNet-200: 5x5).", "2.5, Tables 10, 11"),
    Claim("fewer-is-better", "One activation and one norm in a block beat one after each layer.", "2.6, Table 10"),
    Claim("layer-norm", "Once modernised, the network is as good with LN as with BN, or better.", "2.6, Table 10"),
    Claim("norms-where-it-shrinks", "Separate 2x2 downsampling diverges unless normalised there.", "2.6"),
)
