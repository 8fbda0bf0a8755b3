"""The learning rate of a step, as a function of the schedule, the step and how often a plateau was met."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lenext.recipes import Constant, Cosine, Plateau, Steps

Schedule = Constant | Steps | Plateau | Cosine


def learning_rate(schedule: Schedule, base: float, step: int, total: int, drops: int) -> float:
    """Rate of step ``step`` (from 0) of ``total``; ``drops`` is the count of plateaus so far."""
    match schedule:
        case Constant():
            return base
        case Steps():
            if step < schedule.warmup_iterations:
                return schedule.warmup_lr
            return base * schedule.factor ** sum(step >= drop for drop in schedule.at)
        case Plateau():
            return base * schedule.factor**drops
        case Cosine():
            rise = schedule.warmup * total
            if step < rise:
                return base * (step + 1) / (math.floor(rise) + 1)
            done = (step - rise) / max(1.0, total - rise)
            return base * (schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * done)))


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
