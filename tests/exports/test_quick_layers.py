"""Layers in other operators answer as torch's do, and the network that they are taken from stays as it was."""

import pytest
import torch
from torch import nn

from lenext.exports.quick_layers import ChannelNorm, RootedResponseNorm, own_format, with_quick_layers
from lenext.layers.norm import LayerNorm2d
from lenext.models import create_model


def drawn(layer):
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_roots_answer_as_powers(size):
    norm, x = nn.LocalResponseNorm(size, alpha=0.3, k=2.0), 3 * torch.randn(2, 7, 4, 3)
    torch.testing.assert_close(RootedResponseNorm(norm)(x), norm(x))


@pytest.mark.parametrize(
    ("norm", "shape"),
    [(nn.LayerNorm(7, 1e-6), (2, 4, 3, 7)), (nn.LayerNorm(7, 1e-3), (2, 7)), (LayerNorm2d(7), (2, 7, 4, 3))],
)
def test_channels_are_normalised_where_they_stand(norm, shape):
    norm, x = drawn(norm), 5 + 3 * torch.randn(shape)
    torch.testing.assert_close(ChannelNorm(norm, last=type(norm) is nn.LayerNorm)(x), norm(x), atol=1e-5, rtol=1e-5)


def test_a_network_is_copied_without_its_tensors_and_stays_as_it_was():
    network = nn.Sequential(nn.Conv2d(3, 7, 3), nn.Sequential(nn.LocalResponseNorm(5), drawn(LayerNorm2d(7)))).eval()
    quick, x = with_quick_layers(network, "openvino"), torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(quick(x), network(x), atol=1e-5, rtol=1e-5)
    assert [type(layer) for layer in quick[1]] == [RootedResponseNorm, ChannelNorm]
    assert [type(layer) for layer in network[1]] == [nn.LocalResponseNorm, LayerNorm2d]
    assert {id(p) for p in quick.parameters()} == {id(p) for p in network.parameters()}


def test_what_has_no_such_layer_is_left_alone():
    other = nn.Sequential(nn.Conv2d(3, 7, 3), nn.LocalResponseNorm(5, beta=0.5), nn.LayerNorm([7, 6, 6]))
    assert with_quick_layers(other, "openvino") is other


def test_each_format_has_the_layers_that_its_engine_is_quick_at():
    network = nn.Sequential(nn.LocalResponseNorm(5), drawn(LayerNorm2d(7)))
    kinds = {form: [type(layer) for layer in with_quick_layers(network, form)] for form in ("onnx", "openvino")}
    assert kinds == {"onnx": [RootedResponseNorm, LayerNorm2d], "openvino": [RootedResponseNorm, ChannelNorm]}
    assert with_quick_layers(network, "torch") is network


def test_a_file_is_shared_where_the_layers_are_the_same():
    assert own_format(nn.Sequential(nn.LocalResponseNorm(5)), "openvino") == "onnx"
    assert own_format(nn.Sequential(LayerNorm2d(7)), "openvino") == "openvino"
    assert own_format(nn.Sequential(LayerNorm2d(7)), "onnx") == "onnx"
    assert own_format(create_model("lenet5"), "openvino") == "openvino"
    assert own_format(create_model("lenet5"), "onnx") == "onnx"
