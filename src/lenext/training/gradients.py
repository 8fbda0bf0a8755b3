"""The gradient of a whole batch, in one pass or in several that fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor

from lenext.evaluation.inference import Compute
from lenext.training.goal import OneClass
from lenext.training.objective import Objective
from lenext.training.scaling import Unscaled


@dataclass(frozen=True)
class Gradients:
    """Adds the gradient of the objective's mean over a batch to the parameters.

    hits: counts the right answers, from logits and labels. Several passes add up to the gradient of one, except that
    batch normalisation takes its statistics pass by pass and that dropout draws in another order.
    """

    objective: Objective
    compute: Compute
    micro_batch: int | None = None
    scaling: Unscaled = field(default_factory=Unscaled)
    hits: Callable[[Tensor, Tensor], Tensor] = field(default_factory=lambda: OneClass().hits)

    def __call__(self, inputs: Tensor, targets: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean loss and number of right answers: scalars on the device, without a gradient."""
        batch = len(labels)
        if self.micro_batch is None or batch <= self.micro_batch:
            return self.of_pass(inputs, targets, labels, 1.0)
        found = [
            self.of_pass(inputs[part], targets[part], labels[part], (part.stop - part.start) / batch)
            for part in passes(batch, self.micro_batch)
        ]
        losses, hits = zip(*found, strict=True)
        return sum(losses[1:], losses[0]), sum(hits[1:], hits[0])

    def of_pass(self, inputs: Tensor, targets: Tensor, labels: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """One forward and backward pass over ``share`` of the batch; the loss is that share of the batch's."""
        with self.compute.autocast():
            logits = self.objective.heads(inputs)
        loss = self.objective(logits, targets)
        if share != 1:
            loss = loss * share
        self.scaling.backward(loss)
        return loss.detach(), self.hits(logits[0].detach(), labels)


def passes(images: int, most: int | None) -> list[slice]:
    """Parts of a batch, of at most so many images each and nearly equal; None: the batch as a whole."""
    number = 1 if most is None else math.ceil(images / most)
    cuts = [images * part // number for part in range(number + 1)]
    return [slice(start, stop) for start, stop in pairwise(cuts)]
