"""ConvNeXt: a ConvNet for the 2020s (Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022).

The idea: a residual network that takes over the design of vision Transformers, but not their attention, matches them.
Look at: ``Block``, which has one normalisation, one activation and a 7x7 depthwise convolution; the layer
normalisations wherever the map shrinks, without which training diverges. The way from ResNet is in convnext_roadmap.

Decided: initial weights have a deviation of 0.02, as in the authors' code; the 0.2 that Table 5 prints is a slip.
Decided: a 1x1 convolution is a linear layer over the channels of a map with channels last, as in the authors' code.
Decided: layer scale is off in the isotropic S and B and on in L (Appendix A.1); ``layer_scale=0`` leaves it out.
torchvision, timm and the authors build the same networks, so there are no readings; timm has no isotropic ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from lenext.models.published import convnext as figures
from lenext.protocol import SingleCrop
from lenext.recipes import AdamW, Average, Cosine, CrossEntropy, Mixing, RandomResizedCrop, Recipe, TruncatedNormal
from lenext.recipes.standard import IMAGENET, RAND_AUGMENT_AND_ERASING

PAPER = Paper(
    title="A ConvNet for the 2020s",
    authors="Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie",
    year=2022,
    venue="CVPR 2022",
    arxiv="2201.03545",
    idea="A ResNet modernised step by step, with nothing but convolutions, is as accurate as a Swin Transformer.",
)


class Design(NamedTuple):
    widths: tuple[int, ...]  # C of section 3, in each stage; a network of one stage is isotropic
    blocks: tuple[int, ...]  # B of section 3
    layer_scale: float  # initial value; 0: none
    drop_path: float  # of the last block


VARIANTS = {
    "convnext_tiny":            Design((96, 192, 384, 768),    (3, 3, 9, 3),  1e-6, 0.1),   # 3; Table 5
    "convnext_small":           Design((96, 192, 384, 768),    (3, 3, 27, 3), 1e-6, 0.4),   # 3; Table 5
    "convnext_base":            Design((128, 256, 512, 1024),  (3, 3, 27, 3), 1e-6, 0.5),   # 3; Table 5
    "convnext_large":           Design((192, 384, 768, 1536),  (3, 3, 27, 3), 1e-6, 0.5),   # 3; Table 5
    "convnext_xlarge":          Design((256, 512, 1024, 2048), (3, 3, 27, 3), 1e-6, 0.2),   # 3; Table 5: ImageNet-22K
    "convnext_isotropic_small": Design((384,),                 (18,),         0.0,  0.1),   # 3.3; Appendix A.1
    "convnext_isotropic_base":  Design((768,),                 (18,),         0.0,  0.2),   # 3.3; Appendix A.1
    "convnext_isotropic_large": Design((1024,),                (36,),         1e-6, 0.5),   # 3.3; Appendix A.1
}  # fmt: skip
PATCH = {"stages": 4, "isotropic": 16}  # 2.2; 3.3
STD = 0.02  # ours: Table 5 prints 0.2, the authors' code has 0.02
EPS = 1e-6  # ours: not printed, the authors' code has it so


class Block(nn.Module):
    """x + F(x): Figure 4, right. F sees 7x7 pixels of each channel, then mixes the channels at each pixel."""

    def __init__(self, width: int, *, kernel_size: int, layer_scale: float, drop_path: float) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, kernel_size, padding=kernel_size // 2, groups=width)
        self.norm = nn.LayerNorm(width, EPS)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU()
        self.pwconv2 = nn.Linear(4 * width, width)
        self.scale = LayerScale(width, layer_scale) if layer_scale else nn.Identity()
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H W
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))  # N H W C
        y = self.pwconv2(self.gelu(self.pwconv1(y))).permute(0, 3, 1, 2)
        out: Tensor = x + self.drop_path(self.scale(y))
        return out


def downsample(inputs: int, width: int) -> nn.Sequential:
    """Half the map, as a layer of its own between two stages (2.6)."""
    return nn.Sequential(OrderedDict(norm=LayerNorm2d(inputs, EPS), conv=nn.Conv2d(inputs, width, 2, 2)))


def drop_rates(blocks: tuple[int, ...], last: float) -> Iterator[float]:
    """The rate of every block: from 0 in the first to ``last`` in the last, in equal steps."""
    count = sum(blocks)
    return (last * number / (count - 1) for number in range(count))


def build(
    name: str,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    kernel_size: int = 7,
    layer_scale: float | None = None,
    drop_path: float | None = None,
) -> Network:
    """A network of section 3, for images of any size and shape, with truncated normal initial weights.

    kernel_size: of the depthwise convolutions, odd; layer_scale: initial factor of every branch, 0 for none;
    drop_path: how often training leaves out the last block; both are the paper's when None.
    Raises ``UsageError`` for an even kernel_size.
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise UsageError(f"{name} has no kernel_size {kernel_size}.", "Choose an odd one: 3, 5, 7, 9, 11.")
    design = VARIANTS[name]
    scale = design.layer_scale if layer_scale is None else layer_scale
    rates = drop_rates(design.blocks, design.drop_path if drop_path is None else drop_path)
    isotropic = len(design.blocks) == 1
    patch = PATCH["isotropic" if isotropic else "stages"]
    stem: dict[str, nn.Module] = {"conv": nn.Conv2d(in_channels, design.widths[0], patch, patch)}
    if not isotropic:
        stem["norm"] = LayerNorm2d(design.widths[0], EPS)
    inputs, stages = design.widths[0], {}
    for number, (count, width) in enumerate(zip(design.blocks, design.widths, strict=True), 2):
        stage = "blocks" if isotropic else f"res{number}"  # Table 9
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if number > 2:
            layers["downsample"] = downsample(inputs, width)
        for position in range(1, count + 1):
            rate = next(rates)
            block = Block(width, kernel_size=kernel_size, layer_scale=scale, drop_path=rate)
            layers[f"block_{position}" if isotropic else f"{stage}_{position}"] = block
        stages[stage] = nn.Sequential(layers)
        inputs = width
    network = Network(
        input_size=(in_channels, 224, 224),
        stem=nn.Sequential(OrderedDict(stem)),
        stages=stages,
        head=mean_and_linear(inputs, num_classes, norm=nn.LayerNorm(inputs, EPS)),
    )
    initialise(network, TruncatedNormal(std=STD))
    return network


RECIPE = Recipe(
    name="convnext:paper",
    epochs=300,                                                                     # Table 5
    batch_size=4096,                                                                # Table 5
    optimizer=AdamW(lr=4e-3, betas=(0.9, 0.999), weight_decay=0.05),                # Table 5
    schedule=Cosine(warmup=20 / 300, final=1e-6 / 4e-3),                            # Table 5; ours: the code's end
    augment=RAND_AUGMENT_AND_ERASING,                                               # Table 5
    normalise=IMAGENET,
    view=SingleCrop(resize=256, crop=224, interpolation="bicubic"),                 # ours: as in PROTOCOLS
    loss=CrossEntropy(label_smoothing=0.1),                                         # Table 5
    mixing=Mixing(mixup=0.8, cutmix=1.0),                                           # Table 5
    init=TruncatedNormal(std=0.02),                                                 # Table 5 (prints 0.2; code 0.02)
    average=Average(decay=0.9999),                                                  # Table 5
)  # fmt: skip

ISOTROPIC = replace(
    RECIPE,
    name="convnext:isotropic",
    schedule=Cosine(warmup=50 / 300, final=1e-6 / 4e-3),                            # 3.3; ours: the code's end
)  # fmt: skip

PRETRAINING = replace(  # 14 million images of 21,841 classes
    RECIPE,
    name="convnext:22k",
    epochs=90,                                                                      # Table 5
    schedule=Cosine(warmup=5 / 90, final=1e-6 / 4e-3),                              # Table 5; ours: the code's end
    average=None,                                                                   # Table 5
)  # fmt: skip

# From the weights of another run. The networks of 384 pixels see the image scaled to 384 x 384, or crops of that size.
TUNING = replace(
    RECIPE,
    name="convnext:finetune",
    epochs=30,                                                                      # Table 6
    batch_size=512,                                                                 # Table 6
    optimizer=AdamW(lr=5e-5, weight_decay=1e-8, layer_decay=0.8),                   # Table 6: from 22K
    schedule=Cosine(final=1e-6 / 5e-5),                                             # Table 6; ours: the code's end
    mixing=None,                                                                    # Table 6
    init=TruncatedNormal(std=0.02, classifier=0.001),                               # Table 6: of a fresh classifier
    average=None,                                                                   # Table 6
)  # fmt: skip
TUNING384 = replace(
    TUNING,
    name="convnext:finetune-384",
    augment=(RandomResizedCrop(size=384, interpolation="bicubic"), *RECIPE.augment[1:]),    # 3.1: at 384
    view=SingleCrop(resize=384, crop=384, squash=True, interpolation="bicubic"),    # ours: as in PROTOCOLS
)  # fmt: skip
TUNING384_1K = replace(
    TUNING384, name="convnext:finetune-384-1k",
    optimizer=AdamW(lr=5e-5, weight_decay=1e-8, layer_decay=0.7),                   # Table 6: from 1K
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "convnext_isotropic_*": {"paper": ISOTROPIC},
    "convnext_tiny": {
        "paper": RECIPE,                                                            # Table 5
        "22k": replace(PRETRAINING, drop_path=0.0),                                 # Table 5
        "finetune": replace(TUNING, drop_path=0.0),                                 # Table 6
        "finetune-384": replace(TUNING384, drop_path=0.0),                          # Table 6
    },
    "convnext_small": {
        "paper": RECIPE,                                                            # Table 5
        "22k": replace(PRETRAINING, drop_path=0.0),                                 # Table 5
        "finetune": replace(TUNING, drop_path=0.1),                                 # Table 6
        "finetune-384": replace(TUNING384, drop_path=0.1),                          # Table 6
    },
    "convnext_base": {
        "paper": RECIPE,                                                            # Table 5
        "22k": replace(PRETRAINING, drop_path=0.1),                                 # Table 5
        "finetune": replace(TUNING, drop_path=0.2),                                 # Table 6
        "finetune-384": replace(TUNING384, drop_path=0.2),                          # Table 6
        "finetune-384-1k": replace(TUNING384_1K, drop_path=0.8),                    # Table 6
    },
    "convnext_large": {
        "paper": RECIPE,                                                            # Table 5
        "22k": replace(PRETRAINING, drop_path=0.1),                                 # Table 5
        "finetune": replace(TUNING, drop_path=0.3),                                 # Table 6
        "finetune-384": replace(TUNING384, drop_path=0.3),                          # Table 6
        "finetune-384-1k": replace(TUNING384_1K, drop_path=0.95),                   # Table 6
    },
    "convnext_xlarge": {
        "paper": replace(PRETRAINING, drop_path=0.2),                               # Table 5: on 22K only
        "22k": replace(PRETRAINING, drop_path=0.2),                                 # Table 5
        "finetune": replace(TUNING, drop_path=0.4, average=RECIPE.average),         # Table 6
        "finetune-384": replace(TUNING384, drop_path=0.4, average=RECIPE.average),  # Table 6
    },
}  # fmt: skip

# ours: not printed; the authors' code has a crop ratio of 0.875, but none from 384 on, and is bicubic.
PROTOCOLS: Mapping[str, Mapping[str, Any]] = {
    "*": {
        "single": SingleCrop(resize=256, crop=224, interpolation="bicubic"),                        # ours: as above
        "single384": SingleCrop(resize=384, crop=384, squash=True, interpolation="bicubic"),        # ours: as above
    },
}  # fmt: skip

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("matches-swin", "Tiny, small and base beat the Swin Transformer of the same cost.", "3.2, Table 1"),
    Claim(
        "large-scale-too", "Pre-trained on ImageNet-22K, a ConvNet does not fall behind Transformers.", "3.2, Table 1"
    ),
    Claim("isotropic", "Without any downsampling the block is still as good as a ViT's.", "3.3, Table 2"),
    Claim(
        "robust", "Without special modules, it generalises to corrupted, adversarial and sketched images.", "Table 8"
    ),
)
