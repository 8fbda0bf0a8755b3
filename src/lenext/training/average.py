"""The weights that are tested: the last ones, or their exponential moving average over the steps."""

from __future__ import annotations

import copy

import torch
from torch import nn

from lenext.recipes import Average


class LastWeights:
    """No average: what is tested is the network that trains."""

    kept: nn.Module | None = None  # what a checkpoint must hold beside the network

    def __init__(self, network: nn.Module) -> None:
        self.tested = network

    def update(self, steps: int) -> None:
        """Nothing to do after a step."""


class MovingAverage:
    """A copy of the network whose weights and statistics follow those of the network that trains.

    Whole numbers (how many batches a layer has seen) are copied.
    """

    def __init__(self, value: Average, network: nn.Module) -> None:
        self.value = value
        self.tested = copy.deepcopy(network).requires_grad_(False)
        self.kept: nn.Module | None = self.tested
        pairs = list(zip(self.tested.state_dict().values(), network.state_dict().values(), strict=True))
        self._slow = [mean for mean, _ in pairs if mean.is_floating_point()]
        self._fast = [now for mean, now in pairs if mean.is_floating_point()]
        self._whole = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in the weights after step ``steps`` (from 1)."""
        torch._foreach_lerp_(self._slow, self._fast, 1 - decay(self.value, steps))
        for mean, now in self._whole:
            mean.copy_(now)


def decay(value: Average, steps: int) -> float:
    """What remains of the average at step ``steps`` (from 1)."""
    return min(value.decay, (1 + steps) / (10 + steps)) if value.rising else value.decay


def average_of(value: Average | None, network: nn.Module) -> LastWeights | MovingAverage:
    """The recipe's average over ``network``, which starts from the present weights."""
    return LastWeights(network) if value is None else MovingAverage(value, network)
