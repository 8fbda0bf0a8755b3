"""A graph of Keras is traced as the network it is: here with stand-ins for Keras, in ``parity`` with Keras itself."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils import _pytree

from lenext.errors import UsageError
from lenext.explanation.audit import compare
from lenext.explanation.keras_graph import KerasNetwork
from lenext.explanation.trace import trace

SIZE = (3, 32, 32)
BOTH = (1, 1)


def relu(x):
    return x


def softmax(x):
    return x


def swirl(x):
    return x


class Layer:
    """Settings, weights by name, and the shape of the result where the graph cannot tell it."""

    def __init__(self, shape=None, **settings):
        weights = settings.pop("weights", {})
        self.__dict__.update({"name": type(self).__name__.lower(), "data_format": "channels_last", "output": [0]})
        self.__dict__.update(settings)
        self.shape = shape
        self.weights = [
            SimpleNamespace(name=name, shape=shape, trainable=not name.startswith("moving"))
            for name, shape in weights.items()
        ]

    def compute_output_spec(self, *given):
        return Symbol(self.shape or given[0].shape)


class Symbol:
    def __init__(self, shape):
        self.shape = shape


class Model(Layer):
    built = True


class Functional(Model):
    """Layers with what they read: the number of a layer before, or numbers; -1 is the image."""

    def __init__(self, *calls, image=(None, 32, 32, 3)):
        super().__init__()
        self.calls, self.operations = calls, [layer for layer, _ in calls]
        self.inputs = [Symbol(image)]

    def _run_through_graph(self, given, operation_fn):
        found = {-1: _pytree.tree_leaves(given)[0]}
        for number, (layer, reads) in enumerate(self.calls):
            told = [found[one] for one in reads] if isinstance(reads, list) else found[reads]
            found[number] = operation_fn(layer)(told)
        return found[len(self.calls) - 1]


class Sequential(Model):
    def __init__(self, *layers, name="sequential", image=(None, 32, 32, 3)):
        super().__init__(name=name)
        self.layers, self.inputs = layers, [Symbol(image)]


def kind(name):
    return type(name, (Layer,), {})


Conv2D, DepthwiseConv2D, Dense = kind("Conv2D"), kind("DepthwiseConv2D"), kind("Dense")
SeparableConv2D, BatchNormalization, Dropout = kind("SeparableConv2D"), kind("BatchNormalization"), kind("Dropout")
MaxPooling2D, ZeroPadding2D, Add = kind("MaxPooling2D"), kind("ZeroPadding2D"), kind("Add")
GlobalAveragePooling2D, Rescaling, Normalization = map(kind, ("GlobalAveragePooling2D", "Rescaling", "Normalization"))


@pytest.fixture(autouse=True)
def keras(monkeypatch):
    """What of the package is used."""
    stand_in = ModuleType("keras")
    stand_in.Layer, stand_in.Model, stand_in.Sequential, stand_in.KerasTensor = Layer, Model, Sequential, Symbol
    stand_in.tree = SimpleNamespace(flatten=_pytree.tree_leaves, map_structure=_pytree.tree_map)
    stand_in.config = SimpleNamespace(image_data_format=lambda: "channels_last")
    monkeypatch.setitem(sys.modules, "keras", stand_in)


def conv(kernel, inputs, outputs, *, stride=1, padding="valid", bias=True, **settings):
    weights = {"kernel": (kernel, kernel, inputs, outputs)} | ({"bias": (outputs,)} if bias else {})
    common = {"strides": (stride, stride), "padding": padding, "dilation_rate": BOTH, "groups": 1}
    return Conv2D(weights=weights, **{"name": f"conv{outputs}", **common, **settings})


def head(inputs, classes=10, activation=softmax):
    weights = {"kernel": (inputs, classes), "bias": (classes,)}
    return (
        GlobalAveragePooling2D(keepdims=False),
        Dense(name="predictions", weights=weights, activation=activation, data_format="channels_last"),
    )


def ours(*layers, channels):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def said(model, network):
    """(what, paper, found, places) of every point."""
    points = compare(trace(network, SIZE), trace(KerasNetwork(model), SIZE)).points
    return [(point.what, point.paper, point.found, point.places) for point in points]


def test_a_chain_with_activations_in_its_layers_is_the_network_that_it_writes():
    pool = MaxPooling2D(pool_size=(2, 2), strides=None, padding="valid")
    model = Sequential(conv(3, 3, 8, padding="same", activation=relu), pool, *head(8))
    network = ours(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2), channels=8)
    assert said(model, network) == []


def test_momentum_is_counted_the_other_way_round_and_a_missing_scale_is_seen():
    shapes = {"beta": (8,), "moving_mean": (8,), "moving_variance": (8,)}
    norm = BatchNormalization(name="bn", axis=-1, momentum=0.99, epsilon=1e-3, weights=shapes)
    network = ours(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), channels=8)
    assert said(Sequential(conv(3, 3, 8, bias=False), norm, *head(8)), network) == [
        ("batch normalisation eps", "1e-05", "0.001", ("bn",)),
        ("batch normalisation momentum", "0.1", "0.01", ("bn",)),
        ("batch normalisation scale", "with", "without", ("bn",)),
        ("parameters", "322", "314", ()),
    ]


def test_same_padding_lies_at_the_far_edges_of_an_even_map():
    network = ours(nn.Conv2d(3, 8, 3, stride=2, padding=1), channels=8)
    assert said(Sequential(conv(3, 3, 8, stride=2, padding="same"), *head(8)), network) == [
        ("convolution padding", "1", "left 0, right 1, top 0, bottom 1", ("conv8",))
    ]


@pytest.mark.parametrize("activation", [relu, None])
def test_zeros_before_a_max_pool_are_its_own_where_nothing_is_negative(activation):
    frame = ZeroPadding2D(padding=(BOTH, BOTH))
    pool = MaxPooling2D(pool_size=(3, 3), strides=(2, 2), padding="valid")
    model = Sequential(conv(3, 3, 8, activation=activation), frame, pool, *head(8))
    rectified = [nn.ReLU()] if activation else []
    network = ours(nn.Conv2d(3, 8, 3), *rectified, nn.MaxPool2d(3, 2, 1), channels=8)
    assert (said(model, network) == []) is (activation is relu)


def test_depthwise_kernels_are_one_for_each_channel():
    common = {"strides": BOTH, "padding": "same", "dilation_rate": BOTH, "depth_multiplier": 1}
    depthwise = DepthwiseConv2D(**common, weights={"kernel": (3, 3, 3, 1)})
    shapes = {"depthwise_kernel": (3, 3, 3, 1), "pointwise_kernel": (1, 1, 3, 8), "bias": (8,)}
    separable = SeparableConv2D(**common, weights=shapes)
    network = ours(
        nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False),
        nn.Conv2d(3, 3, 3, padding=1, groups=3, bias=False),
        nn.Conv2d(3, 8, 1),
        channels=8,
    )
    assert said(Sequential(depthwise, separable, *head(8)), network) == []


def test_a_shortcut_and_a_model_within_the_model_are_followed():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 8, 1)

        def forward(self, x):
            return self.two(x + self.one(x))

    inner = Sequential(conv(3, 3, 3, padding="same"), name="inner")
    parts = [inner, Add(), conv(1, 3, 8, name="last"), *head(8)]
    model = Functional(*zip(parts, [-1, [-1, 0], 1, 2, 3], strict=True))
    assert said(model, ours(Block(), channels=8)) == []
    assert [name for name, _ in KerasNetwork(model).named_children()][:2] == ["inner/conv3", "add"]


def test_the_scaling_of_pixels_is_one_point_and_elsewhere_a_layer_like_others():
    network = ours(nn.Conv2d(3, 8, 3), channels=8)
    model = Sequential(Rescaling(), Normalization(), conv(3, 3, 8), *head(8))
    assert said(model, network) == [("scaling of pixels", "none", "in the network", ("rescaling", "normalization"))]
    model = Sequential(conv(3, 3, 8), Rescaling(), *head(8))
    assert said(model, network) == [("layer", "none", "Rescaling", ("rescaling",))]


def test_a_draw_for_each_image_is_stochastic_depth_and_any_other_dropout():
    network = ours(nn.Conv2d(3, 8, 3), channels=8)
    depth = Dropout(rate=0.2, noise_shape=(None, 1, 1, 1))
    assert said(Sequential(conv(3, 3, 8), depth, *head(8)), network) == []
    usual = Dropout(rate=0.2, noise_shape=None)
    assert said(Sequential(conv(3, 3, 8), usual, *head(8)), network) == [("dropout", "none", "of 0.2", ("dropout",))]


def test_what_is_not_known_is_called_as_its_class_and_its_weights_are_counted():
    network = ours(nn.Conv2d(3, 8, 3), channels=8)
    swirled = kind("Swirl")(shape=(1, 30, 30, 8), weights={"training": (5,)}, name="forward")
    assert said(Sequential(conv(3, 3, 8), swirled, *head(8)), network) == [
        ("layer", "none", "Swirl", ("forward_",)),
        ("parameters", "314", "319", ()),
    ]
    assert said(Sequential(conv(3, 3, 8, activation=swirl), *head(8)), network) == [
        ("activation", "none", "swirl", ("conv8",))
    ]


def test_softmax_at_the_end_makes_probabilities_of_logits_and_elsewhere_it_is_a_step():
    network = ours(nn.Conv2d(3, 8, 3), channels=8)
    assert said(Sequential(conv(3, 3, 8), *head(8, activation=None), kind("Softmax")(axis=-1)), network) == []
    ((what, *_),) = said(Sequential(conv(3, 3, 8, activation=softmax), *head(8)), network)
    assert what == "softmax"


def test_channels_may_come_first():
    first = {"data_format": "channels_first"}
    pool, classifier = head(8)
    pool.data_format = "channels_first"
    model = Sequential(conv(3, 3, 8, **first), pool, classifier, image=(None, 3, 32, 32))
    assert KerasNetwork(model).size == SIZE
    assert said(model, ours(nn.Conv2d(3, 8, 3), channels=8)) == []


def test_no_weight_has_memory_and_a_model_of_any_size_has_no_size():
    network = KerasNetwork(Sequential(conv(3, 3, 8), *head(8), image=(None, None, None, 3)))
    assert {weight.device.type for weight in network.parameters()} == {"meta"}
    assert network.size is None
    assert network(torch.empty(2, 3, 40, 50, device="meta")).shape == (2, 10)


def test_what_has_no_graph_or_takes_no_image_is_refused():
    unbuilt = Sequential(conv(3, 3, 8))
    unbuilt.built = False
    for model in (Model(), Conv2D(), unbuilt):
        with pytest.raises(UsageError, match="has no graph"):
            KerasNetwork(model)
    with pytest.raises(UsageError, match="not one image"):
        KerasNetwork(Sequential(*head(8), image=(None, 8)))
