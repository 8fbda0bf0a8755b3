"""Early stopping: a run ends when its validation has not become better for some epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Waiting:
    """Counts epochs without a better validation; part of a checkpoint."""

    best: float = -math.inf
    epochs: int = 0

    def see(self, score: float) -> None:
        """Note the score of an epoch; equal is not better."""
        if score > self.best:
            self.best, self.epochs = score, 0
        else:
            self.epochs += 1

    def over(self, patience: int | None) -> bool:
        """Whether a recipe's patience is at its end; None never is."""
        return patience is not None and self.epochs >= patience
