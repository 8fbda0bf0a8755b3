"""Schedules of the learning rate, as values: epochs where a paper counts epochs, iterations where it counts those."""

from __future__ import annotations

from dataclasses import dataclass


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
class EpochSteps:
    """Rate times ``factor`` when each of ``at`` (epochs, fractions allowed) is over."""

    at: tuple[float, ...]
    factor: float = 0.1


@dataclass(frozen=True, kw_only=True)
class EpochRates:
    """``rates``, in order, each up to the end of the epoch of the same place in ``until``; the last one stays.

    LeNet-5's table of global rates. They stand for the optimiser's rate, whose own value is that of the first epoch.
    """

    until: tuple[int, ...]
    rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Decay:
    """Rate times ``factor`` each time another ``every`` epochs are over (a staircase).

    Over the first ``warmup`` epochs the rate rises in a straight line from 0; epochs are counted from the start.
    """

    factor: float
    every: float
    warmup: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Inverse:
    """Rate times (1 + ``gamma`` iterations) ** -``power`` after so many iterations: Caffe's "inv"."""

    gamma: float
    power: float


@dataclass(frozen=True, kw_only=True)
class Polynomial:
    """Rate times (1 - share of the run that is done) ** ``power``."""

    power: float


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


Schedule = Constant | Steps | EpochSteps | EpochRates | Decay | Inverse | Polynomial | Plateau | Cosine
