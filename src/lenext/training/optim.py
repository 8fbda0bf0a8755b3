"""Optimisers from their recipe values."""

from __future__ import annotations

import torch
from torch import nn

from lenext.errors import UsageError
from lenext.recipes import SGD, AdamW


def build_optimizer(value: SGD | AdamW, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser over the parameters that want a gradient; the rate is set at each step.

    Fused: one pass over memory in place of ten (a fifth of LeNet-5's step on a CPU).

    Raises UsageError for settings that the optimiser refuses (a negative rate, Nesterov without momentum).
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    try:
        return sgd(value, parameters) if isinstance(value, SGD) else adamw(value, parameters)
    except ValueError as error:
        raise UsageError(
            f"{type(value).__name__} cannot work with its settings: {error}.",
            "Change them in the recipe, or with --set optimizer.lr=0.01 and the like.",
        ) from None


def sgd(value: SGD, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        parameters,
        lr=value.lr,
        momentum=value.momentum,
        weight_decay=value.weight_decay,
        nesterov=value.nesterov,
        fused=True,
    )


def adamw(value: AdamW, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Without ``decay_norms``, what has one dimension does not decay: biases and the scales of normalisation."""
    decay = {True: value.weight_decay, False: value.weight_decay if value.decay_norms else 0.0}
    groups = [
        {"params": [p for p in parameters if (p.dim() > 1) == wide], "weight_decay": decay[wide]}
        for wide in (True, False)
    ]
    return torch.optim.AdamW(groups, lr=value.lr, betas=value.betas, eps=value.eps, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
