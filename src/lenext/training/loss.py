"""Losses on logits (N, classes), averaged over the batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.recipes import BinaryCrossEntropy, CrossEntropy, Logistic, Loss, RubbishClass, TruePenalty


def loss_of(value: Loss, logits: Tensor, targets: Tensor, reduction: str = "mean") -> Tensor:
    """The recipe's loss, a scalar; with the reduction "none" that of every image (N,).

    targets: labels (N,), whole numbers, or the share of each class (N, classes), as mixed images have them.
    """
    match value:
        case CrossEntropy():
            return F.cross_entropy(logits, targets, label_smoothing=value.label_smoothing, reduction=reduction)
        case BinaryCrossEntropy():
            return reduced(binary_cross_entropy(value, logits, shares(targets, logits)), reduction)
        case Logistic():
            how = "none" if reduction == "none" else "sum"
            total = F.binary_cross_entropy_with_logits(logits, shares(targets, logits), reduction=how)
            return total.sum(1) if reduction == "none" else total / len(logits)
        case TruePenalty():
            if targets.dim() == 1:
                return F.nll_loss(logits, targets, reduction=reduction)
            return reduced(-(logits * targets).sum(1), reduction)
        case RubbishClass():
            # LeNet Eq. 9 with logits = -penalties: y_D + log(exp(-j) + sum exp(-y)).
            rubbish = logits.new_full((len(logits), 1), -value.j)
            wider = targets if targets.dim() == 1 else F.pad(targets, (0, 1))  # no image shows rubbish
            return F.cross_entropy(torch.cat([logits, rubbish], 1), wider, reduction=reduction)


def binary_cross_entropy(
    value: BinaryCrossEntropy, logits: Tensor, targets: Tensor, weights: Tensor | None = None
) -> Tensor:  # N
    """The loss of every image: the mean over its labels; weights: (K,) of the labels that an image has."""
    even = targets * (1 - value.label_smoothing) + value.label_smoothing / 2
    return F.binary_cross_entropy_with_logits(logits, even, pos_weight=weights, reduction="none").mean(1)


def reduced(each: Tensor, reduction: str) -> Tensor:
    return each if reduction == "none" else each.mean()


def shares(targets: Tensor, logits: Tensor) -> Tensor:
    """The share of each class (N, classes) where ``targets`` are labels; shares as they are."""
    if targets.dim() == logits.dim():
        return targets.to(logits.dtype)
    return F.one_hot(targets, logits.shape[1]).to(logits.dtype)
