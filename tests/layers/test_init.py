"""Initial weights have the spread that the recipe names; biases are 0, normalisation starts as the identity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lenext.layers.init import initialise
from lenext.recipes import Gaussian, Glorot, He

INS, OUTS, KERNEL = 64, 128, 3
FAN_IN, FAN_OUT = INS * KERNEL**2, OUTS * KERNEL**2


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(INS, OUTS, KERNEL), nn.BatchNorm2d(OUTS), nn.Flatten(), nn.Linear(INS, OUTS))


@pytest.mark.parametrize(
    ("init", "conv", "linear"),
    [
        (Gaussian(std=0.01), 0.01, 0.01),
        (He(fan="in"), math.sqrt(2 / FAN_IN), math.sqrt(2 / INS)),
        (He(fan="out"), math.sqrt(2 / FAN_OUT), math.sqrt(2 / OUTS)),
        (Glorot(), math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(2 / (INS + OUTS))),
    ],
)
def test_the_spread_is_the_recipes(init: Gaussian | He | Glorot, conv: float, linear: float) -> None:
    net = network()
    initialise(net, init)
    assert net[0].weight.std().item() == pytest.approx(conv, rel=0.03)
    assert net[3].weight.std().item() == pytest.approx(linear, rel=0.03)
    assert abs(net[0].weight.mean().item()) < 0.02 * conv


def test_he_is_gaussian_and_glorot_uniform() -> None:
    net = network()
    initialise(net, He())
    assert net[0].weight.abs().max() > 3 * net[0].weight.std()
    initialise(net, Glorot())
    assert net[0].weight.abs().max() <= math.sqrt(6 / (FAN_IN + FAN_OUT))


def test_biases_are_zero_and_normalisation_is_the_identity() -> None:
    net = network()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 5.0)
    net[1].running_mean.fill_(3.0)
    initialise(net, He())
    assert not net[0].bias.any()
    assert not net[3].bias.any()
    assert net[1].weight.eq(1).all()
    assert not net[1].bias.any()
    assert not net[1].running_mean.any()


def test_layers_without_a_bias_are_fine() -> None:
    layer = nn.Conv2d(2, 2, 1, bias=False)
    initialise(layer, Gaussian(std=1.0))
    assert layer.bias is None


def test_a_network_without_memory_keeps_its_shapes() -> None:
    with torch.device("meta"):
        layer = nn.Linear(3, 4)
    initialise(layer, Gaussian(std=0.5))
    assert layer.weight.is_meta
