"""Sheets of filters and activations, tile by tile."""

import pytest
import torch
from torch import nn

from lenext.errors import UsageError
from lenext.explanation.sheets import GAP, MOST, activations, filters, sheet
from lenext.models import create_model


def test_filters_are_drawn_about_grey_each_on_its_own_scale():
    layer = nn.Conv2d(1, 2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[2.0, -2.0], [0.0, 1.0]]], [[[0.1, 0.0], [0.0, 0.0]]]]))
    found = filters(nn.Sequential(layer), 1)
    assert (found.drawn, found.of) == (2, 2)
    tile = found.pixels[GAP : GAP + 48, GAP : GAP + 48, 0]
    assert [tile[0, 0], tile[0, 47], tile[47, 0], tile[47, 47]] == [255, 0, 128, 191]


@pytest.mark.parametrize(("name", "count"), [("lenet5", 6), ("resnet20_cifar", 16), ("mobilenet_v1_025", 8)])
def test_networks_have_filters(name, count):
    network = create_model(name)
    assert filters(network, network.input_size[0]).of == count


def test_a_network_without_filters_is_refused():
    with pytest.raises(UsageError, match="no filters"):
        filters(nn.Linear(3, 2), 3)


def test_the_strongest_maps_come_first():
    maps = torch.zeros(3, 48, 48)
    maps[0], maps[1], maps[2] = 1, 4, -3
    found = activations(maps)
    row = found.pixels[GAP + 1, :, 0]
    step = 48 + GAP
    values = {int(row[GAP + 1]), int(row[GAP + 1 + step])}
    assert values == {255, 64}
    assert found.of == 3


def test_too_many_are_not_drawn():
    assert sheet(torch.zeros(MOST + 5, 1, 2, 2), MOST + 5).drawn == MOST
