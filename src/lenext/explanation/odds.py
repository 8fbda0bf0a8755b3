"""How sure an answer is, on a scale without an end: near 1, a probability in 32 bits no longer says."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lenext.protocol import SIGMOID


def log_odds(logits: Tensor, class_: int) -> Tensor:  # N K -> N
    """log(p / (1 - p)) of a class's probability p, in nats, from logits of two classes or more."""
    others = torch.cat([logits[:, :class_], logits[:, class_ + 1 :]], dim=1)
    return (logits[:, class_] - others.logsumexp(1)).double().cpu()


class OneLabel(nn.Module):
    """Of a network whose labels are each a yes or no: one of them against its absence, as logits of two classes."""

    def __init__(self, network: nn.Module, label: int) -> None:
        super().__init__()
        self._network, self._label = network, label

    def forward(self, inputs: Tensor) -> Tensor:  # N C H W -> N 2
        there = self._network(inputs)[:, self._label]
        return torch.stack([there, torch.zeros_like(there)], 1)


def asked(network: nn.Module, class_: int, activation: str) -> tuple[nn.Module, int]:
    """What answers for a class, and its place among the answers: with sigmoids every label has odds of its own."""
    return (OneLabel(network, class_), 0) if activation == SIGMOID else (network, class_)
