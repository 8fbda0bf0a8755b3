"""How a network is trained, as frozen values: printable, comparable, changed by ``replace`` or ``--set``.

Nothing here computes; ``training/`` and ``data/`` read these values. A recipe stands in its paper's model file, where
every line carries its address in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError
from lenext.protocol import SingleCrop

# ---------------------------------------------------------------- optimisers


@dataclass(frozen=True, kw_only=True)
class SGD:
    """v <- momentum v + gradient + weight_decay w;  w <- w - lr v  (``nesterov`` looks one step ahead)."""

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay; ``decay_norms`` says whether biases and normalisation decay too."""

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decay_norms: bool = False


# ---------------------------------------------------------------- schedules of the learning rate


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The optimiser's rate from the first step to the last."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Rate times ``factor`` at each of ``at`` (iterations); before ``warmup_iterations`` the rate is ``warmup_lr``."""

    at: tuple[int, ...]
    factor: float = 0.1
    warmup_lr: float = 0.0
    warmup_iterations: int = 0


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Rate times ``factor`` when validation accuracy has not improved for ``patience`` epochs; ``times`` at most."""

    factor: float = 0.1
    times: int = 3
    patience: int = 5


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Linear rise over ``warmup`` (a fraction of the run), then half a cosine down to ``final`` times the rate."""

    warmup: float = 0.0
    final: float = 0.0


# ---------------------------------------------------------------- losses


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Multinomial logistic regression; ``label_smoothing`` mixes the target with the uniform distribution."""

    label_smoothing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RubbishClass:
    """LeNet's Eq. 9: cross-entropy with one more competitor of constant penalty ``j``, which keeps the others large."""

    j: float


# ---------------------------------------------------------------- augmentation, in the order of application


@dataclass(frozen=True, kw_only=True)
class ShortSide:
    """Isotropic scaling: the shorter side becomes a whole number of pixels, uniform in [low, high]."""

    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class RandomCrop:
    """A ``size`` x ``size`` square at a uniform place, after ``pad`` pixels of ``fill`` on each side."""

    size: int
    pad: int = 0
    fill: int = 0


@dataclass(frozen=True, kw_only=True)
class RandomResizedCrop:
    """A rectangle of ``area`` (share) and ``aspect`` (log-uniform), scaled to ``size`` x ``size``; 10 tries."""

    size: int
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)


@dataclass(frozen=True, kw_only=True)
class RandomFlip:
    """Mirror left and right with probability ``p``."""

    p: float = 0.5


@dataclass(frozen=True, kw_only=True)
class RandomAffine:
    """Planar affine map about the centre, each part uniform within +- its bound; outside the image is ``fill``.

    degrees: rotation; shift: share of the side; scale: relative size; shear: horizontal, as a slope.
    """

    degrees: float = 0.0
    shift: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    fill: int = 0


@dataclass(frozen=True, kw_only=True)
class PCAColour:
    """AlexNet's colour noise: along each principal axis of the data's RGB values, N(0, std) times its deviation."""

    std: float = 0.1


Augmentation = ShortSide | RandomCrop | RandomResizedCrop | SingleCrop | RandomFlip | RandomAffine | PCAColour

# ---------------------------------------------------------------- what is subtracted from the input


@dataclass(frozen=True, kw_only=True)
class FixedScale:
    """input = (pixel / 255 - mean) / std, the same constants in every channel."""

    mean: float
    std: float


@dataclass(frozen=True, kw_only=True)
class ChannelMean:
    """Mean of each channel over the training set; with ``unit_variance`` divided by its deviation, else in 0..255."""

    unit_variance: bool = True


@dataclass(frozen=True, kw_only=True)
class PixelMean:
    """Mean of every pixel of the test view over the training set (an image), subtracted in units of 0..255.

    ``before_crop``: subtracted before the random crop pads, so that the padding stands for the mean (CIFAR).
    """

    before_crop: bool = False


# ---------------------------------------------------------------- initial weights


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """Convolution and linear weights N(0, std), biases 0."""

    std: float


@dataclass(frozen=True, kw_only=True)
class He:
    """Convolution and linear weights N(0, sqrt(2 / fan)), biases 0; ``fan`` is "in" or "out"."""

    fan: str = "in"

    def __post_init__(self) -> None:
        if self.fan not in {"in", "out"}:
            raise UsageError(f"He's fan is {self.fan!r}.", "Give in or out.")


@dataclass(frozen=True, kw_only=True)
class Glorot:
    """Convolution and linear weights uniform with variance 2 / (fan_in + fan_out), biases 0."""


# ---------------------------------------------------------------- the whole


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One way to train. Exactly one of ``epochs`` and ``iterations`` is set."""

    name: str
    batch_size: int
    optimizer: SGD | AdamW
    schedule: Constant | Steps | Plateau | Cosine
    augment: tuple[Augmentation, ...]
    normalise: FixedScale | ChannelMean | PixelMean
    view: SingleCrop  # the test view that validation during training uses
    loss: CrossEntropy | RubbishClass = CrossEntropy()
    init: Gaussian | He | Glorot | None = None  # None: as the network's own file builds it
    epochs: int | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        if (self.epochs is None) == (self.iterations is None):
            raise UsageError(
                f"Recipe {self.name!r} must say either epochs or iterations.", "Set one of them to a whole number."
            )
