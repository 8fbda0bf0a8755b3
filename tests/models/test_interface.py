"""One shape for every network: whatever its paper, the same words take it apart and give it a new head."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.layers.network import Network

# One of every kind; the deeper ones differ from these in the number of their blocks only.
KINDS = [
    "lenet5", "vgg11", "vgg11_lrn", "vgg13_5x5", "vgg16_1x1", "vgg11_bn", "resnet18", "resnet50", "plain18",
    "resnet20_cifar", "plain20_cifar", "preresnet50", "preresnet110_cifar", "alexnet", "nin_cifar", "googlenet",
    "inception_v3", "densenet40_k12_cifar", "resnext29_8x64d_cifar", "xception", "mobilenet_v1_025", "efficientnet_b0",
    "convnext_tiny", "convnext_isotropic_small", "convnext_roadmap_resnet50_07",
]  # fmt: skip


@pytest.fixture(params=KINDS)
def network(request: pytest.FixtureRequest) -> Network:
    with torch.device("meta"):
        return create_model(request.param)


def images(network: Network, count: int = 2) -> torch.Tensor:
    return torch.empty(count, *network.input_size, device="meta")


def test_forward_gives_logits_in_training_and_in_test(network: Network) -> None:
    for mode in (True, False):
        assert network.train(mode)(images(network)).shape == (2, network.num_classes)


def test_forward_is_features_then_head(network: Network) -> None:
    features = network.eval().forward_features(images(network))
    assert features.dim() == 4
    assert network.forward_head(features).shape == (2, network.num_classes)
    assert network.forward_head(features, pre_logits=True).shape == (2, network.num_features)


def test_intermediates_are_the_stem_and_the_stages_by_name(network: Network) -> None:
    maps = network.eval().intermediates(images(network))
    assert list(maps) == ["stem", *dict(network.stages.named_children())]
    assert all(value.dim() == 4 for value in maps.values())
    assert list(maps.values())[-1].shape == network.forward_features(images(network)).shape


def test_the_classifier_can_be_found_replaced_and_taken_off(network: Network) -> None:
    kind, width = type(network.get_classifier()), network.num_features
    assert network.get_classifier() is network.head[-1]
    with torch.device("meta"):
        network.reset_classifier(7)
    assert isinstance(network.get_classifier(), kind)
    assert (network.num_classes, network.num_features) == (7, width)
    assert network.eval()(images(network)).shape == (2, 7)
    network.reset_classifier(0)
    assert isinstance(network.get_classifier(), nn.Identity)
    assert (network.num_classes, network.num_features) == (0, width)
    assert network(images(network)).shape == (2, width)


@pytest.mark.parametrize("name", KINDS)
def test_classes_and_channels_are_options_of_every_network(name: str) -> None:
    with torch.device("meta"):
        network = create_model(name, num_classes=4, in_channels=5)
    assert network.input_size[0] == 5
    assert network.eval()(images(network)).shape == (2, 4)
    assert network.name == name


@pytest.mark.parametrize("name", ["lenet5", "resnet20_cifar", "plain20_cifar"])
def test_the_same_seed_builds_the_same_network_and_every_weight_learns(name: str) -> None:
    torch.manual_seed(3)
    first = create_model(name, num_classes=3)
    torch.manual_seed(3)
    again = create_model(name, num_classes=3)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    first(torch.randn(2, *first.input_size)).square().mean().backward()
    silent = [key for key, weight in first.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []
