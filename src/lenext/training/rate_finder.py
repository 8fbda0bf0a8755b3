"""A learning rate from a short sweep (arXiv 1506.01186, 3.3): the rate grows from step to step until the loss explodes.

The sweep trains what it is given; give it a copy. It is a function of the seed, like all training.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.errors import Failed
from lenext.training.task import Batch, Task

LOW, HIGH = 1e-6, 10.0  # ours: below, nothing moves; above, nothing of the line learns
STEPS = 100  # ours: a seventh of a decade each
WORSE = 4.0  # ours: a loss of so many times the lowest one explodes
WIDTH = 2.0  # ours: steps over which the curve is smoothed (the deviation of a Gaussian)


@dataclass(frozen=True)
class Sweep:
    """The rate and the loss of every step, and the rate that is suggested: where the loss falls most steeply."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    found: float


def find_rate(task: Task, steps: int = STEPS) -> Sweep:
    """Sweep the rates on the task's network. Raises Failed when the loss never falls."""
    rates: list[float] = []
    losses: list[float] = []
    task.train()
    for step, (batch, at) in zip(range(steps), batches(task), strict=False):
        rate = LOW * (HIGH / LOW) ** (step / (steps - 1))
        loss = float(task.learn(batch, (step, *at), rate)[0])
        if not math.isfinite(loss) or loss > WORSE * min(losses, default=math.inf):
            break
        rates.append(rate)
        losses.append(loss)
    return Sweep(tuple(rates), tuple(losses), steepest(np.array(rates), np.array(losses)))


def batches(task: Task) -> Iterator[tuple[Batch, tuple[int, int]]]:
    """The batches of one epoch after the other, each with its epoch and its position."""
    epoch = 0
    while True:
        task.begin_epoch(epoch)
        found = task.batches(epoch, task.order(epoch), task.cuts)
        for position, batch in zip(task.cuts, found, strict=False):
            yield batch, (epoch, position)
        epoch += 1


def steepest(rates: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    """The rate at which the smoothed loss falls most for its logarithm, before the loss is lowest."""
    if len(losses) >= 3:
        smooth = smoothed(losses)
        lowest = int(smooth.argmin())
        slopes = np.gradient(smooth, np.log(rates))[: max(1, lowest)]
        if slopes.min() < 0:
            rate = float(rates[int(slopes.argmin())])
            return float(f"{rate:.2g}")  # two digits: more would feign a precision that a sweep does not have
    raise Failed(
        "No learning rate was found: the loss of the sweep never falls.",
        "Look at the data with `lenext check`, or train with the recipe's own rate (without --find-rate).",
    )


def smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each loss as the mean of its neighbours under a Gaussian."""
    places = np.arange(len(losses))
    weights = np.exp(-0.5 * ((places[:, None] - places) / WIDTH) ** 2)
    means: NDArray[np.float64] = weights @ losses / weights.sum(1)
    return means
