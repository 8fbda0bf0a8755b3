"""Numbers that are lost (NaN, infinity): found in their step, named with its images, and never saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lenext.errors import Failed

NAMED = 8  # images that a message names


class Diverged(Failed):
    """A loss, weight or state of the optimiser that is not a number."""


def magnitude(network: nn.Module) -> Callable[[], Tensor]:
    """A function that gives the norm of all parameters that train: not a number where one of their weights is none.

    A gradient that is not a number makes its weight one in the same step, so one look after the step finds all three.
    """
    trained: list[Tensor] = [parameter for parameter in network.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def look() -> Tensor:
        return nn.utils.get_total_norm(trained)

    return look


def unsound(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds something that is not a number."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not math.isfinite(tensor.sum().item()) and not tensor.isfinite().all():
            return name
    return None


def lost(what: str, step: int, names: Sequence[str]) -> Diverged:
    """What to raise for ``what`` at a step from 1, on images of these names."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    images = f", on {', '.join(names[:NAMED])}{more}" if names else ""
    return Diverged(
        f"The {what} is not a number at step {step:,}{images}; the last checkpoint is from before.",
        "Train with a smaller learning rate (--set optimizer.lr=...) or --on-nan rollback, or look at the data with "
        "`lenext check`.",
    )
