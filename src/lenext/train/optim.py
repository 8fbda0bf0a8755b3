"""Optimisers from their recipe values."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from lenext.recipe import SGD, AdamW


def build_optimizer(value: SGD | AdamW, network: nn.Module) -> torch.optim.Optimizer:
    """The recipe's optimiser over the parameters that want a gradient; the rate is set at each step."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    match value:
        case SGD():
            return torch.optim.SGD(
                parameters,
                lr=value.lr,
                momentum=value.momentum,
                weight_decay=value.weight_decay,
                nesterov=value.nesterov,
            )
        case AdamW():
            groups: list[dict[str, Any]] = [{"params": parameters, "weight_decay": value.weight_decay}]
            if not value.decay_norms:
                groups = [
                    {"params": [p for p in parameters if p.dim() > 1], "weight_decay": value.weight_decay},
                    {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
                ]
            return torch.optim.AdamW(groups, lr=value.lr, betas=value.betas, eps=value.eps)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
