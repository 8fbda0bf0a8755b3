"""LeNet-5: gradient-based learning from pixels to classes (LeCun, Bottou, Bengio, Haffner 1998).

The idea: convolutions with shared weights, sub-sampling and one loss replace hand-made features.
Look at: the connection table of C3, which breaks the symmetry between feature maps; sub-sampling that has a trainable
coefficient and bias; an output that measures distances to drawn characters, so that the smallest penalty wins.

Decided: the paper draws its output codes as 7x12 pictures and prints no table, so the ten glyphs below are ours; other
numbers of classes get random codes of the same length. Logits are minus the penalties: the largest wins here too.
Decided: the paper prints initial bounds of 2.4 / F, and as its reason that all weighted sums should start with the same
deviation, which takes the root of F. The network has the bounds as printed; the recipe ``paper`` has 1 / sqrt(F), from
which the second derivatives start in the range that the paper reports, and a fifth of the printed rates: at the printed
ones the first pass ends with a quarter of the digits wrong (``docs/log.md``, 2026-11-26).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.facts import Claim, Paper
from lenext.layers import one_sample
from lenext.layers.chain import ChainLayer, Squash, WeightedSum
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.models.published import lenet as figures
from lenext.protocol import SingleCrop
from lenext.recipes import AdamW, Cosine, DiagonalLM, EpochRates, FanIn, FixedScale, RandomAffine, Recipe, RubbishClass

PAPER = Paper(
    title="Gradient-Based Learning Applied to Document Recognition",
    authors="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    year=1998,
    venue="Proceedings of the IEEE 86(11), 2278-2324",
    idea="A convolutional network trained end to end by gradient descent reads characters without hand-made features.",
)

VARIANTS = {"lenet5": 10}  # Figure 2: ten classes

# Table I, row by row: the maps of S2 that each map of C3 sees.
C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),                              # 3 contiguous
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),            # 4 contiguous
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),                                                      # 4 with a gap
    (0, 1, 2, 3, 4, 5),                                                                            # all
)  # fmt: skip

# ours: Figure 3 is only a picture. Twelve rows of seven pixels a digit, one hexadecimal byte a row, left pixel first.
GLYPHS = (
    "1C3663636363636363361C00", "0C1C3C0C0C0C0C0C0C0C3F00", "3E630303060C183060607F00",  # 0 1 2
    "7F03060C1E03030363633E00", "02060E1E36667F0606060600", "7F6060607E63030363633E00",  # 3 4 5
    "1E3060606E73636363361C00", "7F630306060C0C1818181800", "3E636363361C366363633E00",  # 6 7 8
    "1C36636363673B0303063C00",  # 9
)  # fmt: skip


class ScaledTanh(Squash):
    """f(a) = 1.7159 tanh(2a/3), so that f(1) = 1 and f(-1) = -1 (Appendix A).

    Training computes tanh(b) = 2 sigmoid(2b) - 1, for which torch's CPU code takes a quarter of the time.
    """

    # On the CPU also where this file is first imported with another device as the default, as "meta" is for a while.
    low = torch.tensor(-1.7159, dtype=torch.float64, device="cpu")  # without dimensions it takes part in any precision

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return 1.7159 * torch.tanh(x * (2 / 3))
        return torch.add(self.low, torch.sigmoid(x * (4 / 3)), alpha=2 * 1.7159)

    def one_sample(self, shape: one_sample.Shape) -> one_sample.Layer:
        return one_sample.Tanh(1.7159, 2 / 3, shape)


class Subsampling(WeightedSum):
    """The sum of each 2x2 square, times one coefficient and plus one bias per map (II.B)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:  # N C H W -> N C H/2 W/2
        sums = F.avg_pool2d(x, 2) * 4
        return sums * self.weight[:, None, None] + self.bias[:, None, None]

    def fans(self) -> list[tuple[Tensor, Tensor]]:
        four = torch.full((len(self.weight),), 4.0)
        return [(self.weight, four), (self.bias, four)]

    def convolution(self) -> tuple[Tensor, Tensor, int]:
        apart = self.weight * torch.eye(len(self.weight), device=self.weight.device)
        return apart[:, :, None, None].expand(-1, -1, 2, 2), self.bias, 2

    def one_sample(self, shape: one_sample.Shape) -> one_sample.Layer:
        return one_sample.Subsampling(self.weight, self.bias, shape)


class TableConv(WeightedSum):
    """A convolution in which each output map sees only the input maps of its row in ``table``.

    ``weight`` holds one kernel per connection and nothing else: absent connections have no parameter.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        pairs = [(row, column) for row, columns in enumerate(table) for column in columns]
        self.shape = (len(table), 1 + max(column for _, column in pairs), kernel, kernel)
        self.register_buffer("rows", torch.tensor([row for row, _ in pairs]), persistent=False)
        self.register_buffer("columns", torch.tensor([column for _, column in pairs]), persistent=False)
        self.inputs = torch.tensor([float(len(columns) * kernel * kernel) for columns in table])  # of each map's units
        self.density = len(pairs) / (self.shape[0] * self.shape[1])  # multiply-adds that are really there
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel, kernel))
        self.bias = nn.Parameter(torch.empty(len(table)))

    def forward(self, x: Tensor) -> Tensor:  # N 6 14 14 -> N 16 10 10
        weight, bias, _ = self.convolution()
        return F.conv2d(x, weight, bias)

    def convolution(self) -> tuple[Tensor, Tensor, int]:
        dense = self.weight.new_zeros(self.shape).index_put((self.rows, self.columns), self.weight)
        return dense, self.bias, 1

    def fans(self) -> list[tuple[Tensor, Tensor]]:
        return [(self.weight, self.inputs[self.rows.to(self.inputs.device)]), (self.bias, self.inputs)]

    def one_sample(self, shape: one_sample.Shape) -> one_sample.Layer:
        pairs = self.rows * self.shape[1] + self.columns
        return one_sample.Convolution(self.weight, self.bias, shape, pairs.numpy())


class EuclideanRBF(ChainLayer):
    """Minus the squared distance of the input to each class's fixed code of +1 and -1: N 84 -> N classes (II.B)."""

    codes: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.register_buffer("codes", output_codes(in_features, out_features))

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, None, :] - self.codes).square().sum(2)

    def one_sample(self, _: one_sample.Shape) -> one_sample.Layer:
        return one_sample.Distances(self.codes.numpy())


def output_codes(length: int, classes: int) -> Tensor:  # classes length
    """The ten digits as drawn characters; for other numbers of classes random codes, the same at every call."""
    if classes == len(GLYPHS) and length == 84:
        rows = np.array([list(bytes.fromhex(glyph)) for glyph in GLYPHS], dtype=np.uint8)
        bits = np.unpackbits(rows[:, :, None], axis=2)[:, :, 1:].reshape(classes, length)
    else:
        words = np.random.Philox(key=1998).random_raw(classes * length)
        bits = (words >> np.uint64(63)).reshape(classes, length)
    return torch.tensor(2.0 * bits - 1.0, dtype=torch.float32)


def build(name: str, *, num_classes: int | None = None, in_channels: int = 1) -> Network:
    """LeNet-5 for 32x32 images (Figure 2), with the paper's uniform initial weights (Appendix A)."""
    network = Network(
        input_size=(in_channels, 32, 32),                                          # Figure 2
        stem=nn.Sequential(nn.Conv2d(in_channels, 6, 5), ScaledTanh()),            # C1: 6 maps of 28x28
        stages={
            "s2": nn.Sequential(Subsampling(6), ScaledTanh()),                     # 6 of 14x14
            "c3": nn.Sequential(TableConv(C3_TABLE, 5), ScaledTanh()),             # 16 of 10x10
            "s4": nn.Sequential(Subsampling(16), ScaledTanh()),                    # 16 of 5x5
            "c5": nn.Sequential(nn.Conv2d(16, 120, 5), ScaledTanh()),              # 120 of 1x1
        },
        head={
            "flatten": nn.Flatten(),
            "f6": nn.Linear(120, 84),
            "tanh": ScaledTanh(),
            "output": EuclideanRBF(84, num_classes or VARIANTS[name]),
        },
    )  # fmt: skip
    initialise(network, FanIn(gain=2.4))  # Appendix A: +-2.4 / F
    return network


# ours: mini-batches in place of the paper's one sample a step with diagonal Levenberg-Marquardt. Gives the same network
# in minutes; every line that is the paper's says where it stands.
PRACTICAL = Recipe(
    name="lenet5:practical",
    epochs=20,                                                          # III.B: 20 passes
    batch_size=128,                                                     # ours: a step costs little more than one sample
    optimizer=AdamW(lr=0.005),                                          # ours: a rate for each weight, as in Appendix C
    schedule=Cosine(warmup=0.05),                                       # ours: no drop points to choose
    loss=RubbishClass(j=1.0),                                           # Eq. 9; ours: the value of j is not printed
    augment=(
        SingleCrop(resize=28, crop=32),                                 # III.A: 28x28 in 32x32
        RandomAffine(degrees=5, shift=0.05, scale=0.1, shear=0.1),      # ours: III.B names the maps, not their range
    ),
    normalise=FixedScale(mean=0.1 / 1.275, std=1 / 1.275),              # II.B: background -0.1, ink 1.175
    view=SingleCrop(resize=28, crop=32),                                # III.A
)  # fmt: skip

PAPER_RECIPE = Recipe(
    name="lenet5:paper",
    epochs=20,                                                          # III.B: 20 passes
    batch_size=1,                                                       # III.B: an update after every sample
    optimizer=DiagonalLM(lr=0.0001, mu=0.02, samples=500),              # III.B, Appendix C; ours: a fifth of the rate
    schedule=EpochRates(
        until=(2, 5, 8, 12, 20),                                        # III.B
        rates=(0.0001, 0.00004, 0.00002, 0.00001, 0.000002),            # III.B; ours: a fifth of each, see above
    ),
    loss=RubbishClass(j=10.0),                                          # Eq. 9; ours: the value of j is not printed
    init=FanIn(gain=1.0, power=0.5),                                    # Appendix A; ours: 1 / sqrt(F), see above
    augment=(SingleCrop(resize=28, crop=32),),                          # III.A: 28x28 in 32x32
    normalise=FixedScale(mean=0.1 / 1.275, std=1 / 1.275),              # II.B: background -0.1, ink 1.175
    view=SingleCrop(resize=28, crop=32),                                # III.A
)  # fmt: skip

# ours: 40 passes over the 60,000 images, each distorted anew every time: a fifth of what 20 passes over the paper's
# 600,000 show, and the times of the schedule as many passes later. It names the maps, not their range.
DISTORTIONS = replace(
    PAPER_RECIPE,
    name="lenet5:distortions",
    epochs=40,                                                          # ours: see above
    schedule=EpochRates(
        until=(4, 10, 16, 24, 40),                                      # ours: twice III.B's
        rates=(0.0001, 0.00004, 0.00002, 0.00001, 0.000002),            # III.B; ours: a fifth of each, see above
    ),
    augment=(
        SingleCrop(resize=28, crop=32),                                 # III.A
        RandomAffine(shift=0.05, scale=0.1, squeeze=0.1, shear=0.1),    # III.B: translation, scale, squeeze, shear
    ),
)  # fmt: skip

RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "*": {"paper": PAPER_RECIPE, "distortions": DISTORTIONS, "practical": PRACTICAL},
}

PROTOCOLS: Mapping[str, Mapping[str, Any]] = {"*": {"single": SingleCrop(resize=28, crop=32)}}  # III.A

PUBLISHED, REMARKS = figures.PUBLISHED, figures.REMARKS

CLAIMS = (
    Claim("distortions-help", "Training on distorted digits lowers the test error from 0.95 % to 0.8 %.", "III.B"),
)
