"""The learning rate of a step, as a function of the schedule, the step and how often a plateau was met."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lenext.recipes import (
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


def learning_rate(  # noqa: C901, PLR0911 - one case for each kind of schedule
    schedule: Schedule, base: float, step: float, total: int, drops: int, steps_per_epoch: float
) -> float:
    """Rate of step ``step`` (from 0, whole but in a run that was shortened) of ``total``.

    drops: the count of plateaus so far.
    """
    epochs = step / steps_per_epoch  # done, with their fraction
    match schedule:
        case Constant():
            return base
        case Steps():
            if step < schedule.warmup_iterations:
                return schedule.warmup_lr
            return base * schedule.factor ** sum(step >= drop for drop in schedule.at)
        case EpochSteps():
            return base * schedule.factor ** sum(step >= round(drop * steps_per_epoch) for drop in schedule.at)
        case EpochRates():
            return schedule.rates[min(sum(epochs >= end for end in schedule.until), len(schedule.rates) - 1)]
        case Decay():
            if epochs < schedule.warmup:
                return base * epochs / schedule.warmup
            stairs = step // (schedule.every * steps_per_epoch)  # as TensorFlow rounds
            return base * math.pow(schedule.factor, stairs)
        case Inverse():
            return base * math.pow(1 + schedule.gamma * step, -schedule.power)
        case Polynomial():
            return base * math.pow(1 - step / total, schedule.power)
        case Plateau():
            return base * schedule.factor**drops
        case Cosine():
            return base * cosine(schedule, step, total)


def cosine(schedule: Cosine, step: float, total: int) -> float:
    """The share of the rate at a step; the first step of the rise is above 0."""
    rise = schedule.warmup * total
    if step < rise:
        return (step + 1) / (math.floor(rise) + 1)
    done = (step - rise) / max(1.0, total - rise)
    return schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass
class PlateauWatch:
    """Counts epochs without improvement; part of a checkpoint."""

    best: float = -math.inf
    waited: int = 0
    drops: int = 0

    def see(self, schedule: Schedule, accuracy: float) -> None:
        """Note the validation accuracy of an epoch; a drop is due after ``patience`` epochs without a better one."""
        if accuracy > self.best:
            self.best, self.waited = accuracy, 0
            return
        self.waited += 1
        if isinstance(schedule, Plateau) and self.waited >= schedule.patience and self.drops < schedule.times:
            self.drops, self.waited = self.drops + 1, 0
