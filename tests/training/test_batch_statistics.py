"""Statistics of batch normalisation over many images: those of all of them together."""

import pytest
import torch
from torch import nn

from lenext.training.batch_statistics import exact_statistics

IMAGES = torch.randn(12, 2, 3, 3, generator=torch.Generator().manual_seed(0)) * 3 + 1


def network():
    return nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5), nn.BatchNorm2d(2, momentum=0.3))


def test_the_first_layer_has_mean_and_variance_of_all_images():
    net = network()
    seen = exact_statistics(net, IMAGES.split(4))
    assert seen == 12
    assert torch.allclose(net[0].running_mean, IMAGES.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(net[0].running_var, IMAGES.var((0, 2, 3)), rtol=0.05)  # n - 1 of each batch
    assert not net.training
    assert not any(part.training for part in net.modules())
    assert [net[0].momentum, net[2].momentum] == [0.1, 0.3]


def test_one_batch_is_that_batch():
    net = network()
    exact_statistics(net, [IMAGES])
    assert torch.allclose(net[0].running_var, IMAGES.var((0, 2, 3)), rtol=1e-5)


def test_nothing_is_dropped_and_no_weight_moves():
    net = network()
    before = [parameter.clone() for parameter in net.parameters()]
    exact_statistics(net, [IMAGES])
    normal = nn.functional.batch_norm(IMAGES, None, None, training=True)
    assert torch.allclose(net[2].running_var, normal.var((0, 2, 3)), rtol=1e-3), "dropout would double it"
    assert all(a.equal(b) for a, b in zip(before, net.parameters(), strict=True))


@pytest.mark.parametrize("net", [nn.Linear(3, 3), nn.BatchNorm2d(2, track_running_stats=False)])
def test_a_network_without_running_statistics_is_left_alone(net):
    assert exact_statistics(net, [IMAGES]) == 0


def test_without_images_the_running_means_stay():
    net = network()
    assert exact_statistics(net, []) == 0
    assert net[0].running_mean.tolist() == [0, 0]
