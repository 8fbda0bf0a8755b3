"""Network in Network has perceptrons for filters, and a classifier that is a map."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from weightless import on_meta

from lenext import create_model
from lenext.models.nin import VARIANTS, ClassMaps


@pytest.mark.parametrize("name", VARIANTS)
def test_every_convolution_is_followed_by_a_relu_the_last_one_too(name: str) -> None:
    layers = [module for module in on_meta(name).modules() if not list(module.children())]
    for layer, following in pairwise(layers):
        assert isinstance(following, nn.ReLU) or not isinstance(layer, nn.Conv2d)
    assert not any(isinstance(layer, nn.Linear) for layer in layers)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_block_is_a_window_and_1x1_convolutions(name: str) -> None:
    network = on_meta(name)
    for block in (network.stem, *network.stages):
        kernels = [module.kernel_size[0] for module in block.modules() if isinstance(module, nn.Conv2d)]
        assert kernels[0] > 1
        assert set(kernels[1:]) == {1}


def test_layers_are_named_as_the_authors_name_them() -> None:
    network = on_meta("nin_cifar")
    assert list(dict(network.stem.named_children())) == [
        "conv1", "relu1", "cccp1", "relu_cccp1", "cccp2", "relu_cccp2", "pool1", "drop1",
    ]  # fmt: skip
    assert [name for name in dict(network.stages.mlpconv3.named_children()) if "relu" not in name] == ["conv3", "cccp5"]
    assert isinstance(network.stages.mlpconv2.pool2, nn.AvgPool2d)


def test_a_class_is_the_mean_of_its_map() -> None:
    torch.manual_seed(0)
    head = ClassMaps(4, 3)
    maps = torch.randn(2, 4, 5, 6)
    conv = head.get_submodule("conv")
    assert torch.allclose(head(maps), conv(maps).clamp(min=0).mean((2, 3)))


def test_features_are_the_mean_of_the_last_map_and_the_classifier_can_be_changed() -> None:
    network = create_model("nin_cifar", num_classes=3).eval()
    image = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        features = network.forward_features(image)
        assert torch.equal(network.forward_head(features, pre_logits=True), features.mean((2, 3)))
        network.reset_classifier(7)
        assert isinstance(network.get_classifier(), ClassMaps)
        assert network(image).shape == (2, 7)
        network.reset_classifier(0)
        assert torch.equal(network(image), features.mean((2, 3)))


def test_images_of_any_size_and_shape_are_taken() -> None:
    assert on_meta("nin")(torch.empty(1, 3, 256, 300, device="meta")).shape == (1, 1000)
    assert on_meta("nin_cifar")(torch.empty(1, 3, 28, 40, device="meta")).shape == (1, 10)


def test_weights_start_from_the_authors_gaussians() -> None:
    torch.manual_seed(0)
    network = create_model("nin")
    deviations = {}
    for path in ("stem.conv1", "stem.cccp1", "stages.mlpconv3.conv3", "stages.mlpconv4.conv4", "head.maps.conv"):
        weight = network.get_submodule(path).weight
        assert isinstance(weight, Tensor)
        deviations[path.rpartition(".")[2] if "maps" not in path else "last"] = round(weight.std().item(), 2)
    assert deviations == {"conv1": 0.01, "cccp1": 0.05, "conv3": 0.01, "conv4": 0.05, "last": 0.01}
