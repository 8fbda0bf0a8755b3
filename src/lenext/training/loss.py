"""Losses on logits (N, classes), averaged over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.recipes import CrossEntropy, Logistic, Loss, RubbishClass, TruePenalty


def loss_of(value: Loss, logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """The recipe's loss, a scalar; with the reduction "none" that of every image (N,).

    targets: labels (N,), whole numbers, or the share of each class (N, classes), as mixed images have them.
    """
    match value:
        case CrossEntropy():
            return F.cross_entropy(logits, targets, label_smoothing=value.label_smoothing, reduction=reduction)
        case Logistic():
            if reduction == "none":
                return F.binary_cross_entropy_with_logits(logits, shares(targets, logits), reduction="none").sum(1)
            total = F.binary_cross_entropy_with_logits(logits, shares(targets, logits), reduction="sum")
            return total / len(logits)
        case TruePenalty():
            if targets.dim() == 1:
                return F.nll_loss(logits, targets, reduction=reduction)
            each = -(logits * targets).sum(1)
            return each if reduction == "none" else each.mean()
        case RubbishClass():
            # LeNet Eq. 9 with logits = -penalties: y_D + log(exp(-j) + sum exp(-y)).
            rubbish = logits.new_full((len(logits), 1), -value.j)
            wider = targets if targets.dim() == 1 else F.pad(targets, (0, 1))  # no image shows rubbish
            return F.cross_entropy(torch.cat([logits, rubbish], 1), wider, reduction=reduction)


def shares(targets: Tensor, logits: Tensor) -> Tensor:
    """The share of each class (N, classes) where ``targets`` are labels; shares as they are."""
    if targets.dim() == logits.dim():
        return targets.to(logits.dtype)
    return F.one_hot(targets, logits.shape[1]).to(logits.dtype)
