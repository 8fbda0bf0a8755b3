"""LeNet-5 in tiles for an export: the network's own answers, at every size of image that its linear layers take."""

import pytest
import torch
from torch import nn

from lenext.exports.quick_layers import with_quick_layers
from lenext.exports.tile_convolutions import Tiled
from lenext.layers.chain import one_sample_chain
from lenext.models import create_model


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 35), (35, 33)])
def test_lenet_answers_as_itself(height, width):
    torch.manual_seed(0)
    network = create_model("lenet5", num_classes=7, in_channels=3).eval()
    tiles, x = with_quick_layers(network, "openvino"), torch.randn(2, 3, height, width)
    assert isinstance(tiles, Tiled)
    with torch.no_grad():
        torch.testing.assert_close(tiles(x), network(x), atol=1e-4, rtol=1e-4)
    assert with_quick_layers(network, "onnx") is network


@pytest.mark.parametrize("option", [{"unit_length": True}, {"scales": (1.0, 0.75)}])
def test_a_network_that_does_more_than_its_layers_is_left_alone(option):
    network = create_model("lenet5", **option)
    assert with_quick_layers(network, "openvino") is network
    assert one_sample_chain(network) is None


def test_a_network_with_another_layer_on_its_maps_is_left_alone():
    network = create_model("lenet5", reading="caffe")
    assert with_quick_layers(network, "openvino") is network
    assert not isinstance(with_quick_layers(nn.Sequential(nn.Conv2d(1, 2, 3)), "openvino"), Tiled)
