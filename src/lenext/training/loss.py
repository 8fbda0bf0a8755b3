"""Losses on logits (N, classes), averaged over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.recipes import CrossEntropy, Logistic, Loss, RubbishClass, TruePenalty


def loss_of(value: Loss, logits: Tensor, targets: Tensor) -> Tensor:
    """The recipe's loss, a scalar.

    targets: labels (N,), whole numbers, or the share of each class (N, classes), as mixed images have them.
    """
    match value:
        case CrossEntropy():
            return F.cross_entropy(logits, targets, label_smoothing=value.label_smoothing)
        case Logistic():
            each = F.binary_cross_entropy_with_logits(logits, shares(targets, logits), reduction="sum")
            return each / len(logits)
        case TruePenalty():
            return F.nll_loss(logits, targets) if targets.dim() == 1 else -(logits * targets).sum(1).mean()
        case RubbishClass():
            # LeNet Eq. 9 with logits = -penalties: y_D + log(exp(-j) + sum exp(-y)).
            rubbish = logits.new_full((len(logits), 1), -value.j)
            wider = targets if targets.dim() == 1 else F.pad(targets, (0, 1))  # no image shows rubbish
            return F.cross_entropy(torch.cat([logits, rubbish], 1), wider)


def shares(targets: Tensor, logits: Tensor) -> Tensor:
    """The share of each class (N, classes) where ``targets`` are labels; shares as they are."""
    if targets.dim() == logits.dim():
        return targets.to(logits.dtype)
    return F.one_hot(targets, logits.shape[1]).to(logits.dtype)
