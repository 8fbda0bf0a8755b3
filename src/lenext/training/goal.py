"""What a run is to learn, chosen once: how right answers are counted, what is validated, and how a head is fitted.

The loop, the gradients and the first phase ask the goal; none of them knows how many classes an image has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lenext.evaluation import label_metrics
from lenext.evaluation.metrics import Doubles, Floats, Ints, cross_entropy, top_k_correct
from lenext.protocol import ACTIVATIONS, MULTICLASS, MULTILABEL
from lenext.recipes import Transfer
from lenext.training import label_heads, linear


@dataclass(frozen=True)
class OneClass:
    """Every image is of one class; an answer is the most probable one.

    train, val: names, in the log, of the share of right answers in training and of the figure that chooses.
    """

    task: str = MULTICLASS
    train: str = "train_top1"
    val: str = "val_top1"

    def hits(self, logits: Tensor, labels: Tensor) -> Tensor:  # N K, N
        """How many images of a batch were answered rightly, a scalar on the device."""
        return (logits.argmax(1) == labels).sum()

    def validated(self, probabilities: Floats, labels: Ints) -> dict[str, float]:
        """``val_loss`` and the figures of answers N x K, by their names in the log; among them ``val``."""
        accuracy = float(np.mean(top_k_correct(probabilities, labels, 1)))
        return {"val_loss": cross_entropy(probabilities, labels), self.val: accuracy}

    def fit(self, features: Doubles, labels: Ints, classes: int, value: Transfer) -> linear.Linear:
        """A linear model of features (views, images, width)."""
        return linear.fit_linear(features, labels, classes, value)

    def judged(self, logits: Doubles, labels: Ints) -> tuple[float, float]:
        """Mean loss and share of right answers of logits (views, images, K)."""
        highest = logits.max(2, keepdims=True)
        logs = logits - highest - np.log(np.exp(logits - highest).sum(2, keepdims=True))
        rows = np.arange(len(labels))
        return float(-logs[:, rows, labels].mean()), float((logits.argmax(2) == labels).mean())


@dataclass(frozen=True)
class AnyLabels:
    """Every image has any number of labels; an answer is right where it names them all and no other.

    The mean average precision chooses: it asks how well images are ranked for each label, and needs no threshold.
    """

    task: str = MULTILABEL
    train: str = "train_exact"
    val: str = "val_map"

    def hits(self, logits: Tensor, labels: Tensor) -> Tensor:  # N K, N K
        return ((logits >= 0) == (labels > 0)).all(1).sum()

    def validated(self, probabilities: Floats, labels: Ints) -> dict[str, float]:
        return {
            "val_loss": float(label_metrics.surprises(probabilities, labels).mean()),
            self.val: label_metrics.mean_average_precision(probabilities, labels),
            "val_exact": float(label_metrics.exact(probabilities >= 0.5, labels).mean()),
        }

    def fit(self, features: Doubles, labels: Ints, classes: int, value: Transfer) -> linear.Linear:  # noqa: ARG002
        return label_heads.fit_labels(features, labels, value)

    def judged(self, logits: Doubles, labels: Ints) -> tuple[float, float]:
        losses = np.logaddexp(0.0, logits) - logits * labels
        return float(losses.mean()), float(((logits >= 0) == (labels > 0)).all(2).mean())


Goal = OneClass | AnyLabels


def goal_of(task: str) -> Goal:
    """The goal of a task."""
    return AnyLabels() if task == MULTILABEL else OneClass()


def activation(goal: Goal) -> str:
    """What makes probabilities of the logits of a network with this goal."""
    return ACTIVATIONS[goal.task]
