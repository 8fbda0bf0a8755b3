"""Which weights decay, and how fast each learns."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.layers.layer_scale import LayerScale
from lenext.layers.network import Network
from lenext.layers.norm import LayerNorm2d
from lenext.recipes import SGD, AdamW, EpochSteps, RMSProp, VelocitySGD
from lenext.training.groups import groups_of_stage, parameter_groups
from lenext.training.optim import build_optimizer, set_rate


class Everything(nn.Module):
    """One layer of each kind that a recipe may spare."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.widened = nn.Conv2d(8, 16, 3, groups=8)
        self.grouped = nn.Conv2d(16, 8, 3, groups=2)
        self.grey = nn.Conv2d(1, 8, 3)
        self.batch = nn.BatchNorm2d(8)
        self.layer = LayerNorm2d(8)
        self.scale = LayerScale(8, 1e-6)
        self.linear = nn.Linear(8, 2)


WEIGHTS = {f"{name}.weight" for name in ("conv", "depthwise", "widened", "grouped", "grey", "linear")}
BIASES = {name.replace("weight", "bias") for name in WEIGHTS}
NORMS = {f"{norm}.{part}" for norm in ("batch", "layer") for part in ("weight", "bias")}


def decaying(value):
    network = Everything()
    names = {parameter: name for name, parameter in network.named_parameters()}
    groups = parameter_groups(value, network)
    assert sorted(names[p] for group in groups for p in group["params"]) == sorted(names.values())
    return {names[p] for group in groups if group["weight_decay"] for p in group["params"]}


@pytest.mark.parametrize(
    ("spared", "expected"),
    [
        ((), WEIGHTS | BIASES | NORMS | {"scale.weight"}),
        (("biases",), WEIGHTS | NORMS | {"scale.weight"}),
        (("norms",), WEIGHTS | BIASES | {"scale.weight"}),
        (("vectors",), WEIGHTS),
        (("depthwise", "vectors"), WEIGHTS - {"depthwise.weight", "widened.weight"}),
        (("biases", "norms"), WEIGHTS | {"scale.weight"}),
    ],
)
@pytest.mark.parametrize("kind", [SGD, VelocitySGD, RMSProp, AdamW])
def test_what_is_spared_does_not_decay(kind, spared, expected):
    assert decaying(kind(lr=0.1, weight_decay=0.5, spared=spared)) == expected


def test_biases_learn_at_their_own_rate():
    network = Everything()
    names = {parameter: name for name, parameter in network.named_parameters()}
    optimizer = build_optimizer(VelocitySGD(lr=0.1, bias_rate=2.0), network)
    set_rate(optimizer, 0.25)
    rates = {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {name for name, rate in rates.items() if rate == 0.5} == BIASES
    assert set(rates.values()) == {0.25, 0.5}


def test_biases_with_a_schedule_of_their_own_are_a_group_of_their_own():
    network = Everything()
    names = {parameter: name for name, parameter in network.named_parameters()}
    value = VelocitySGD(lr=0.1, bias_rate=2.0, bias_schedule=EpochSteps(at=(1,)))
    for how in (value, replace(value, bias_rate=1.0)):
        optimizer = build_optimizer(how, network)
        set_rate(optimizer, 0.25, 0.5)
        rates = {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
        assert {name for name, rate in rates.items() if rate == 0.5 * how.bias_rate} == BIASES
        assert set(rates.values()) == {0.25, 0.5 * how.bias_rate}
    set_rate(optimizer, 0.125)  # a sweep of rates has no schedule
    assert {group["lr"] for group in optimizer.param_groups} == {0.125}


def authors_layer(name):
    """arXiv 2201.03545's code: the number of a parameter's group among 12, the stem and the head."""
    part, _, rest = name.partition(".")
    if part == "stem":
        return 0
    if part == "head":
        return 13
    stage, _, rest = rest.partition(".")
    block = rest.partition(".")[0]
    number = int(stage.removeprefix("res")) - 2
    if number == 2 and block != "downsample":
        return 3 + (int(block.rpartition("_")[2]) - 1) // 3
    return {0: 1, 1: 2, 2: 3, 3: 12}[number]


@pytest.mark.parametrize("name", ["convnext_small", "convnext_base", "convnext_large", "convnext_xlarge"])
def test_convnext_learns_in_its_twelve_groups(name):
    with torch.device("meta"):
        network = create_model(name)
    names = {parameter: name for name, parameter in network.named_parameters()}
    optimizer = build_optimizer(AdamW(lr=1.0, weight_decay=0.5, layer_decay=0.8), network)
    set_rate(optimizer, 1.0)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["lr"] == 0.8 ** (13 - authors_layer(names[parameter])), names[parameter]
            assert group["weight_decay"] == (0.5 if parameter.dim() > 1 else 0)
    assert len({group["lr"] for group in optimizer.param_groups}) == 14


def test_the_blocks_of_a_stage_are_counted_in_threes_with_what_stands_before_them():
    stage = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), *(nn.Linear(1, 1) for _ in range(4)))
    sizes = [[type(layer).__name__ for layer in group] for group in groups_of_stage(stage)]
    assert sizes == [["Conv2d", "Linear", "Linear", "Linear"], ["Linear"]]


@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d", "densenet121", "googlenet", "lenet5"])
def test_every_network_learns_slower_from_group_to_group_down_to_its_stem(name):
    with torch.device("meta"):
        network = create_model(name)
    assert isinstance(network, Network)
    groups = parameter_groups(AdamW(lr=1.0, layer_decay=0.5), network)
    rates = {parameter: group["scale"] for group in groups for parameter in group["params"]}
    assert len(rates) == len(list(network.parameters()))
    assert {rates[parameter] for parameter in network.head.parameters()} == {1.0}
    (lowest,) = {rates[parameter] for parameter in network.stem.parameters()}
    assert sorted(set(rates.values())) == [lowest * 2**number for number in range(len(set(rates.values())))]
