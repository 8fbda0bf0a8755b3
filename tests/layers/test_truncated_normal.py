"""Truncated normal weights: of the deviation asked for, biases 0, norms and the meta device left alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext.layers.truncated_normal import truncated_normal


def test_convolutions_and_linear_layers_are_drawn_and_norms_are_not() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(16, 32, 5), nn.BatchNorm2d(32), nn.Linear(128, 128), nn.LayerNorm(8))
    truncated_normal(network, 0.02)
    for part in (network[0], network[2]):
        assert float(part.weight.detach().std()) == pytest.approx(0.02, rel=0.03)
        assert not part.bias.any()
    assert (network[1].weight == 1).all()
    assert (network[3].weight == 1).all()


def test_without_memory_there_is_nothing_to_draw() -> None:
    truncated_normal(nn.Linear(2, 2, device="meta"), 0.02)
