"""Initial weights have the spread that the recipe names; biases are 0, normalisation starts as the identity."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.init import initialise
from lenext.recipes import FanIn, Gaussian, Glorot, He, Init, TruncatedNormal

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
        (Glorot(fan="in"), math.sqrt(1 / FAN_IN), math.sqrt(1 / INS)),
        (TruncatedNormal(std=0.02), 0.02, 0.02),
    ],
)
def test_the_spread_is_the_recipes(init: Init, conv: float, linear: float) -> None:
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
    initialise(net, Glorot(fan="in"))
    assert 0.99 * math.sqrt(3 / FAN_IN) < net[0].weight.abs().max() <= math.sqrt(3 / FAN_IN)
    with pytest.raises(UsageError, match="fan is 'out'"):
        Glorot(fan="out")


def test_a_classifier_may_be_drawn_as_torch_draws_it() -> None:
    net = network()
    initialise(net, He(fan="out", linear=False))
    assert net[0].weight.std().item() == pytest.approx(math.sqrt(2 / FAN_OUT), rel=0.03)
    bound = 1 / math.sqrt(INS)
    assert 0.99 * bound < net[3].weight.abs().max() <= bound
    assert net[3].weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)
    assert not net[3].bias.any()


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


def test_gaussian_biases_are_one_in_the_layers_that_it_names() -> None:
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(3, 4, 1))
    net.add_module("conv2", nn.Conv2d(4, 4, 1))
    net.add_module("fc6", nn.Linear(4, 4))
    initialise(net, Gaussian(std=0.01, biased=("conv2", "fc6")))
    assert [part.bias.unique().tolist() for part in net] == [[0.0], [1.0], [1.0]]


def test_layers_apart_have_their_own_spread() -> None:
    net = nn.Sequential()
    net.add_module("fc6", nn.Linear(200, 200))
    net.add_module("fc7", nn.Linear(200, 200))
    initialise(net, Gaussian(std=0.01, bias=0.1, biased=("fc7",), apart=(("fc7", 0.005),)))
    assert [part.weight.std().item() for part in net] == pytest.approx([0.01, 0.005], rel=0.03)
    assert [part.bias.unique().item() for part in net] == pytest.approx([0, 0.1])


def test_a_layer_may_have_a_bias_of_its_own() -> None:
    net = nn.Sequential()
    net.add_module("fc7", nn.Linear(4, 4))
    net.add_module("fc8", nn.Linear(4, 4))
    initialise(net, Gaussian(std=0.01, biased=("fc7",), biases_apart=(("fc8", -7.0),)))
    assert [part.bias.unique().tolist() for part in net] == [[1.0], [-7.0]]


def test_glorot_gives_every_layer_its_bias_but_the_classifier() -> None:
    net = network()
    initialise(net, Glorot(bias=0.2))
    assert net[0].bias.eq(0.2).all()
    assert not net[3].bias.any()


def test_an_auxiliary_head_has_a_classifier_too() -> None:
    """Caffe's GoogLeNet: three classifiers with biases of 0, the layers before them with 0.2."""
    network = create_model("googlenet", num_classes=3, auxiliary=True)
    initialise(network, Glorot(bias=0.2))
    found = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    assert sorted(name for name, layer in found.items() if not layer.bias.any()) == [
        "auxiliary.inception_4a.fc2", "auxiliary.inception_4d.fc2", "head.fc",
    ]  # fmt: skip
    assert found["auxiliary.inception_4a.fc1"].bias.eq(0.2).all()


def test_a_truncated_normal_has_no_tails() -> None:
    net = network()
    initialise(net, TruncatedNormal(std=1.0, cut=1.5))
    assert 1.4 < net[0].weight.abs().max() <= 1.5


def test_a_truncated_normal_may_make_the_classifier_small() -> None:
    net = network()
    initialise(net, TruncatedNormal(std=0.02, classifier=0.001))
    assert net[0].weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert net[3].weight.std().item() == pytest.approx(0.00002, rel=0.03)


def test_weights_that_are_not_there_are_left_alone() -> None:
    initialise(nn.Linear(2, 2, device="meta"), TruncatedNormal(std=0.02))


def test_fan_in_bounds_the_weights_of_every_unit_by_the_number_of_its_inputs():
    torch.manual_seed(0)
    network = create_model("lenet5")
    initialise(network, FanIn(gain=2.0, power=0.5))
    third = network.stages.c3[0]
    bounds = {
        network.stem[0].weight: 2 / 25**0.5,
        network.stages.s2[0].weight: 2 / 4**0.5,  # four pixels a unit
        third.weight[:3]: 2 / 75**0.5,  # Table I: the first map sees three maps, the last one six
        third.weight[-6:]: 2 / 150**0.5,
        third.bias: 2 / 75**0.5,
        network.stages.c5[0].weight: 2 / 400**0.5,
        network.head.f6.bias: 2 / 120**0.5,
    }
    for values, bound in bounds.items():
        assert 0.5 * bound < values.abs().max() <= bound
