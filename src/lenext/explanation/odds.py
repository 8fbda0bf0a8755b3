"""How sure an answer is, on a scale without an end: near 1, a probability in 32 bits no longer says."""

from __future__ import annotations

import torch
from torch import Tensor


def log_odds(logits: Tensor, class_: int) -> Tensor:  # N K -> N
    """log(p / (1 - p)) of a class's probability p, in nats, from logits of two classes or more."""
    others = torch.cat([logits[:, :class_], logits[:, class_ + 1 :]], dim=1)
    return (logits[:, class_] - others.logsumexp(1)).double().cpu()
