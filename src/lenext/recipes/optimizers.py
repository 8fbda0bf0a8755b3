"""Optimisers in the form of the papers, and averages of weights, as values; ``training/`` computes them."""

from __future__ import annotations

from dataclasses import dataclass

from lenext.errors import UsageError
from lenext.recipes.schedules import Schedule

# What a paper may spare from weight decay; "vectors" is everything of one dimension: biases, norms, layer scales.
SPARED = ("biases", "norms", "vectors", "depthwise")


def _check(spared: tuple[str, ...]) -> None:
    for kind in spared:
        if kind not in SPARED:
            raise UsageError(f"Weight decay cannot spare {kind!r}.", f"Give some of {', '.join(SPARED)}.")


@dataclass(frozen=True, kw_only=True)
class SGD:
    """v <- momentum v + gradient + weight_decay w;  w <- w - lr v  (``nesterov`` looks one step ahead).

    spared: kinds of parameters without weight decay.
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    spared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.spared)


@dataclass(frozen=True, kw_only=True)
class VelocitySGD:
    """v <- momentum v - lr (gradient + weight_decay w);  w <- w + v: AlexNet's and Caffe's form.

    The rate is inside the velocity, so after a drop the old steps go on at the old rate. ``bias_rate`` multiplies the
    rate of biases (Caffe's 2), which with a ``bias_schedule`` then follows it instead of the recipe's (cuda-convnet2).
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    bias_rate: float = 1.0
    bias_schedule: Schedule | None = None
    spared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.spared)


@dataclass(frozen=True, kw_only=True)
class RMSProp:
    """TensorFlow's: s <- decay s + (1 - decay) g^2;  v <- momentum v + lr g / sqrt(s + eps);  w <- w - v.

    ``eps`` is inside the root, s starts at 1, and the rate is inside the velocity; g = gradient + weight_decay w.
    """

    lr: float
    decay: float = 0.9
    momentum: float = 0.0
    eps: float = 1e-10
    weight_decay: float = 0.0
    spared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.spared)


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Adam with decoupled weight decay.

    ``layer_decay``: the rate of each group of layers is that of the group above it times this, from the head down.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    spared: tuple[str, ...] = ("vectors",)
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        _check(self.spared)


@dataclass(frozen=True, kw_only=True)
class DiagonalLM:
    """LeCun's stochastic diagonal Levenberg-Marquardt: w <- w - lr / (mu + h) gradient, a rate for each weight.

    h: Gauss-Newton estimate of the weight's second derivative, its mean over ``samples`` images, taken anew before
    every epoch.
    """

    lr: float
    mu: float = 0.02
    samples: int = 500


Optimizer = SGD | VelocitySGD | RMSProp | AdamW | DiagonalLM


@dataclass(frozen=True, kw_only=True)
class Average:
    """Exponential moving average of weights and statistics, which is then tested in place of the last weights.

    a <- d a + (1 - d) w after every step; with ``rising`` d is at most (1 + t) / (10 + t) at step t (TensorFlow).
    """

    decay: float = 0.9999
    rising: bool = False
