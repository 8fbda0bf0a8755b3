"""The layer table adds up to the network, and sees what the papers say it sees."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext.errors import UsageError
from lenext.explanation.summary import summarise
from lenext.models import FILES, create_model, line

# Two networks of each file, the first and the last: the others have the same layers, more often or wider.
ENDS = [name for names in FILES.values() for name in dict.fromkeys((names[0], names[-1])) if name != "efficientnet_l2"]


def summary(name, **options):
    with torch.device("meta"):
        network = create_model(name, **options)
    return summarise(network, network.input_size)


def layer(found, name):
    return next(one for one in found.layers if one.name == name)


@pytest.mark.parametrize("name", ENDS)
def test_the_layers_add_up_to_the_line(name):
    found = summary(name)
    assert found.params == sum(one.params for one in found.layers) == line()[name]["params"]
    assert found.macs == sum(one.macs for one in found.layers) == line()[name]["macs"]


@pytest.mark.parametrize(
    ("name", "pool5", "fc6"),
    [("vgg11", 150, 342), ("vgg11_lrn", 150, 342), ("vgg16", 212, 404), ("vgg19", 268, 460)],
)
def test_vgg_sees_more_than_its_image(name, pool5, fc6):
    found = summary(name)
    assert layer(found, "stages.conv5.pool5").receptive_field == (pool5, pool5)
    assert layer(found, "stages.conv5.pool5").stride == (32, 32)
    for head in ("fc6", "fc7", "fc8"):
        assert layer(found, f"head.{head}").receptive_field == (fc6, fc6)


def test_lenet_sees_its_whole_image_in_c5():
    fields = {one.name: (one.receptive_field[0], one.stride[0]) for one in summary("lenet5").layers}
    assert [fields[name] for name in ("stem.0", "stages.s2.0", "stages.c3.0", "stages.s4.0", "stages.c5.0")] == [
        (5, 1), (6, 2), (14, 2), (16, 4), (32, 4),
    ]  # fmt: skip


def test_the_stride_in_the_3x3_leaves_less_to_see():
    last = "stages.conv5_x.conv5_3.relu"
    assert layer(summary("resnet50"), last).receptive_field == (483, 483)
    assert layer(summary("resnet50", reading="v1.5"), last).receptive_field == (427, 427)


def test_a_shortcut_changes_weights_but_no_view():
    padded, projected = summary("resnet34", shortcut="A"), summary("resnet34", shortcut="B")
    assert padded.params < projected.params
    assert padded.layers[-1].receptive_field == projected.layers[-1].receptive_field


def test_layers_come_in_the_order_of_execution_with_their_shapes():
    found = summary("lenet5")
    assert [(one.name, one.type, one.output) for one in found.layers[:4]] == [
        ("stem.0", "Conv2d", (6, 28, 28)),
        ("stem.1", "ScaledTanh", (6, 28, 28)),
        ("stages.s2.0", "Subsampling", (6, 14, 14)),
        ("stages.s2.1", "ScaledTanh", (6, 14, 14)),
    ]
    assert found.layers[-1].output == (10,)


def test_only_the_connections_that_exist_are_counted():
    c3 = layer(summary("lenet5"), "stages.c3.0")
    assert (c3.params, c3.macs) == (1_516, 60 * 25 * 100)  # Table I: 60 kernels on 10x10 places


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        self.scale = nn.Parameter(torch.ones(1))
        self.frozen = nn.Parameter(torch.ones(7), requires_grad=False)

    def forward(self, x):
        return self.shared(self.shared(x)) * self.scale


def test_a_layer_that_runs_twice_works_twice_and_weighs_once():
    found = summarise(Twice(), (1, 4, 4))
    assert [(one.name, one.params, one.macs, one.receptive_field[0]) for one in found.layers] == [
        ("shared", 9, 144, 3),
        ("shared", 0, 144, 5),
        ("", 1, 0, 5),  # a parameter of its own, beside its layers
    ]
    assert (found.params, found.macs) == (10, 288)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval(), nn.Dropout())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    summarise(network, (3, 8, 8))
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in network.modules())


def test_meta_and_real_networks_give_the_same_table():
    with torch.device("meta"):
        imagined = create_model("resnet20_cifar")
    assert summarise(create_model("resnet20_cifar"), (3, 32, 32)) == summarise(imagined, (3, 32, 32))


@pytest.mark.parametrize(
    ("size", "where"),
    [
        ((1, 16, 16), r"stages.c5.0 \(Conv2d\) cannot take 16x1x1"),
        ((1, 64, 64), r"head.f6 \(Linear\) cannot take 9720"),
        ((3, 32, 32), r"stem.0 \(Conv2d\) cannot take 3x32x32"),
    ],
)
def test_an_image_that_does_not_go_through_is_told_where_it_stopped(size, where):
    with pytest.raises(UsageError, match=where):
        summarise(create_model("lenet5"), size)
