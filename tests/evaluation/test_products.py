"""Multiply-adds, counted while a network runs."""

from __future__ import annotations

import pytest
import torch

from lenext.evaluation.dense import densely
from lenext.evaluation.products import counted
from lenext.models import create_model, model_file


def macs(name, images, network=None):
    network = network or create_model(name).eval()
    with torch.no_grad(), counted(network) as products:
        network(images)
    return products.macs


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar"])
def test_the_count_of_a_batch_is_the_published_one_times_its_images(name):
    size = create_model(name).input_size
    assert macs(name, torch.zeros(3, *size)) == 3 * model_file(name).PUBLISHED[name].macs


def test_a_dense_vgg_costs_as_much_as_the_plain_one_on_its_own_size():
    with torch.device("meta"):
        network = create_model("vgg16").eval()
        found = macs("vgg16", torch.empty(1, 3, 224, 224), densely(network))
    assert found == model_file("vgg16").PUBLISHED["vgg16"].macs


def test_nothing_of_the_count_stays_behind():
    network = create_model("lenet5").eval()
    first = macs("lenet5", torch.zeros(1, 1, 32, 32), network)
    assert macs("lenet5", torch.zeros(1, 1, 32, 32), network) == first
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
