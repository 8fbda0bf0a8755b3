"""Optimisers from their recipe values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from lenext.errors import UsageError
from lenext.recipes import SGD, AdamW, DiagonalLM, Optimizer, RMSProp, VelocitySGD
from lenext.training import updates
from lenext.training.groups import parameter_groups


def build_optimizer(value: Optimizer, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser over the parameters that want a gradient; the rate is set at each step.

    Fused: one pass over memory in place of ten (a fifth of LeNet-5's step on a CPU).

    Raises UsageError for settings that the optimiser refuses (a negative rate, Nesterov without momentum).
    """
    try:
        return optimizer_of(value, parameter_groups(value, network))
    except ValueError as error:
        raise UsageError(
            f"{type(value).__name__} cannot work with its settings: {error}.",
            "Change them in the recipe, or with --set optimizer.lr=0.01 and the like.",
        ) from None


def optimizer_of(value: Optimizer, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """torch's own where it has the paper's form."""
    settings = {key: number for key, number in asdict(value).items() if key not in OF_GROUPS}
    match value:
        case SGD():
            return torch.optim.SGD(groups, **settings, fused=True)
        case AdamW():
            return torch.optim.AdamW(groups, **settings, fused=True)
        case VelocitySGD():
            return updates.VelocitySGD(groups, **settings)
        case RMSProp():
            return updates.RMSProp(groups, **settings)
        case DiagonalLM():
            return updates.DiagonalLM(groups, lr=value.lr, mu=value.mu)


OF_GROUPS = ("weight_decay", "spared", "bias_rate", "bias_schedule", "layer_decay")  # what each group has for itself


def set_rate(optimizer: torch.optim.Optimizer, rate: float, bias_rate: float | None = None) -> None:
    """The rate of the next step, and that of biases which have a schedule of their own; each group takes its share."""
    for group in optimizer.param_groups:
        own = bias_rate is not None and group.get("own_schedule")
        group["lr"] = (bias_rate if own else rate) * group["scale"]
