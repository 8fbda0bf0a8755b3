"""Squeeze and excitation weighs each channel by a number in (0, 1) that depends on the means of all."""

from __future__ import annotations

import torch
from torch import nn

from lenext.layers.squeeze_excite import SqueezeExcite


def test_every_pixel_of_a_channel_has_the_same_weight() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 6, 4, 5) + 0.1
    weights = SqueezeExcite(6, 2)(x) / x
    assert torch.allclose(weights, weights[:, :, :1, :1].expand_as(weights))
    assert ((weights > 0) & (weights < 1)).all()
    assert not torch.allclose(weights[0], weights[1])


def test_the_weights_see_only_the_means() -> None:
    layer = SqueezeExcite(3, 1, nn.SiLU)
    x = torch.rand(1, 3, 4, 4)
    assert torch.allclose(layer(x).flip(2, 3), layer(x.flip(2, 3)))


def test_both_convolutions_have_biases() -> None:
    layer = SqueezeExcite(8, 2)
    assert sum(weight.numel() for weight in layer.parameters()) == 8 * 2 + 2 + 2 * 8 + 8
