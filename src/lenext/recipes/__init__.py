"""How a network is trained, as frozen values: printable, comparable, changed by ``replace`` or ``--set``.

Nothing here computes; ``training/`` and ``data/`` read these values. A recipe stands in its paper's model file, where
every line carries its address in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError
from lenext.protocol import SingleCrop
from lenext.recipes.augmentations import (
    Augmentation,
    AutoAugment,
    ColourJitter,
    Mixing,
    PCAColour,
    RandAugment,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    ShortSide,
    TensorFlowColour,
)
from lenext.recipes.balance import Balance, BalancedSampling, ClassWeights
from lenext.recipes.initial import FanIn, Gaussian, Glorot, He, Inherit, Init, TruncatedNormal
from lenext.recipes.inputs import ChannelMean, FixedChannels, FixedScale, Normalise, PixelMean
from lenext.recipes.losses import BinaryCrossEntropy, CrossEntropy, Logistic, Loss, RubbishClass, TruePenalty
from lenext.recipes.optimizers import SGD, AdamW, Average, DiagonalLM, Optimizer, RMSProp, VelocitySGD
from lenext.recipes.schedules import (
    Constant,
    Cosine,
    Decay,
    EpochRates,
    EpochSteps,
    Inverse,
    Plateau,
    Polynomial,
    Schedule,
    Steps,
)
from lenext.recipes.transfer import Transfer

__all__ = [
    "SGD",
    "AdamW",
    "Augmentation",
    "AutoAugment",
    "Average",
    "Balance",
    "BalancedSampling",
    "BinaryCrossEntropy",
    "ChannelMean",
    "ClassWeights",
    "ColourJitter",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Decay",
    "DiagonalLM",
    "EpochRates",
    "EpochSteps",
    "FanIn",
    "FixedChannels",
    "FixedScale",
    "Gaussian",
    "Glorot",
    "He",
    "Inherit",
    "Init",
    "Inverse",
    "Logistic",
    "Loss",
    "Mixing",
    "Normalise",
    "Optimizer",
    "PCAColour",
    "PixelMean",
    "Plateau",
    "Polynomial",
    "RMSProp",
    "RandAugment",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "Recipe",
    "RubbishClass",
    "Schedule",
    "ShortSide",
    "SingleCrop",
    "Steps",
    "TensorFlowColour",
    "Transfer",
    "TruePenalty",
    "TruncatedNormal",
    "VelocitySGD",
]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to train. Exactly one of ``epochs`` and ``iterations`` is set.

    view: the test view that validation during training uses; auxiliary: weight of each auxiliary head's loss;
    mixing: of images within a batch; init: None is as the network's own file builds it; inherit: layers that come
    from another network where one is given; average: the weights that are tested; clip: largest norm of the gradient;
    dropout, drop_path: the network's rates, None is as its file builds it; exact_statistics: training images over
    which the statistics of batch normalisation are taken anew before a test, 0 for the running means; transfer: how a
    run goes on from trained weights, None where it trains as from random ones; balance: of classes of unequal size;
    patience: epochs without a better validation after which a run ends before its time.
    """

    name: str
    batch_size: int
    optimizer: Optimizer
    schedule: Schedule
    augment: tuple[Augmentation, ...]
    normalise: Normalise
    view: SingleCrop
    loss: Loss = CrossEntropy()  # noqa: RUF009 - frozen
    auxiliary: float = 0.0
    mixing: Mixing | None = None
    init: Init | None = None
    inherit: Inherit | None = None
    average: Average | None = None
    clip: float | None = None
    dropout: float | None = None
    drop_path: float | None = None
    exact_statistics: int = 0
    transfer: Transfer | None = None
    balance: Balance | None = None
    patience: int | None = None
    epochs: int | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.iterations is None):
            raise UsageError(
                f"Recipe {self.name!r} must say either epochs or iterations.", "Set one of them to a whole number."
            )
