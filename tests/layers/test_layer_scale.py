"""Layer scale: as many parameters as channels, and a branch that begins as almost nothing."""

from __future__ import annotations

import torch

from lenext.layers.layer_scale import LayerScale


def test_every_channel_has_its_own_factor() -> None:
    scale = LayerScale(3, 1e-6)
    assert torch.equal(scale.weight, torch.full((3,), 1e-6))
    scale.weight.data = torch.tensor([1.0, 2.0, 3.0])
    assert torch.equal(scale(torch.ones(1, 3, 2, 2))[0, :, 1, 0], torch.tensor([1.0, 2.0, 3.0]))
    assert str(scale) == "LayerScale(3, init=1e-06)"
