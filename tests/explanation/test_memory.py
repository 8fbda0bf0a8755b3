"""Bytes of maps: what each layer adds, and the most that is alive at once."""

from __future__ import annotations

import torch
from torch import nn

from lenext.explanation.memory import Memory
from lenext.explanation.summary import summarise
from lenext.models import create_model


def summary(module, size):
    with torch.device("meta"):
        return summarise(module(), size)


def test_a_layer_adds_its_output_and_one_in_place_nothing():
    found = summary(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True), nn.ReLU(), nn.Identity(), nn.Flatten()),
        (1, 4, 5),
    )
    assert [layer.memory for layer in found.layers] == [160, 0, 160, 0, 0]
    assert found.memory == 320


def test_a_sum_outside_of_layers_counts_for_the_layer_that_writes_over_it():
    with torch.device("meta"):
        network = create_model("resnet20_cifar")
    layers = {layer.name: layer for layer in summarise(network, (3, 32, 32)).layers}
    assert layers["stages.conv2_x.conv2_1.branch.relu1"].memory == 0
    assert layers["stages.conv2_x.conv2_1.relu"].memory == 16 * 32 * 32 * 4


def test_the_peak_of_vgg_is_in_its_first_two_convolutions():
    with torch.device("meta"):
        found = summarise(create_model("vgg16"), (3, 224, 224))
    assert found.peak == 4 * 224 * 224 * (
        3 + 64 + 64
    )  # the image and both maps; weights and views of them are not maps


def test_what_dies_is_not_alive():
    memory = Memory()
    first = torch.empty(10)
    memory.note(first)
    memory.note(first.view(2, 5))
    assert memory.peak == 40
    second = torch.empty(20)
    memory.note(second)
    assert memory.peak == 120
    del first
    third = torch.empty(10)
    memory.note(third)
    assert memory.peak == 120
    memory.note(torch.empty(1))
    assert memory.peak == 124
