"""Losses on logits (N, classes), averaged over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.recipes import CrossEntropy, RubbishClass


def loss_of(value: CrossEntropy | RubbishClass, logits: Tensor, labels: Tensor) -> Tensor:
    """The recipe's loss, a scalar."""
    match value:
        case CrossEntropy():
            return F.cross_entropy(logits, labels, label_smoothing=value.label_smoothing)
        case RubbishClass():
            # LeNet Eq. 9 with logits = -penalties: y_D + log(exp(-j) + sum exp(-y)).
            rubbish = logits.new_full((len(logits), 1), -value.j)
            return F.cross_entropy(torch.cat([logits, rubbish], 1), labels)
