"""LeNet-5 in rows for an export: the network's own answers, at every size of image that its linear layers take."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lenext.exports.quick_layers import with_quick_layers
from lenext.exports.row_products import RowChain, RowConvolution
from lenext.layers.chain import one_sample_chain
from lenext.models import create_model


# Height, width, channels, outputs, kernel, stride; and one whose last row and column no window sees.
@pytest.mark.parametrize("shape", [(8, 8, 1, 6, 5, 1), (8, 8, 6, 6, 2, 2), (5, 5, 4, 3, 5, 1), (9, 7, 3, 4, 2, 2)])
@pytest.mark.parametrize("alike", [False, True])
def test_a_row_convolution_is_torchs(shape, alike):
    height, width, channels, outputs, kernel, stride = shape
    x, bias = torch.randn(3, channels, height, width), torch.randn(outputs)
    weight = torch.randn(outputs, channels, kernel, kernel)
    weight = weight[:, :, :1].expand_as(weight) if alike else weight
    expected = F.conv2d(x, weight, bias, stride)
    layer = RowConvolution(weight, bias, stride, width)
    found = layer(x.permute(0, 2, 3, 1).flatten(2))
    assert layer.alike is alike
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 1).flatten(2), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 35), (35, 33)])
def test_lenet_answers_as_itself(height, width):
    torch.manual_seed(0)
    network = create_model("lenet5", num_classes=7, in_channels=3).eval()
    rows, x = with_quick_layers(network, "openvino", width), torch.randn(2, 3, height, width)
    assert isinstance(rows, RowChain)
    with torch.no_grad():
        torch.testing.assert_close(rows(x), network(x), atol=1e-4, rtol=1e-4)
    assert with_quick_layers(network, "onnx", width) is network


@pytest.mark.parametrize("option", [{"unit_length": True}, {"scales": (1.0, 0.75)}])
def test_a_network_that_does_more_than_its_layers_is_left_alone(option):
    network = create_model("lenet5", **option)
    assert with_quick_layers(network, "openvino", 32) is network
    assert one_sample_chain(network) is None


def test_a_network_with_another_layer_on_its_maps_is_left_alone():
    network = create_model("lenet5", reading="caffe")
    assert with_quick_layers(network, "openvino", 32) is network
    assert not isinstance(with_quick_layers(nn.Sequential(nn.Conv2d(1, 2, 3)), "openvino", 8), RowChain)
