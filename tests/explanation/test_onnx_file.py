"""An ONNX graph is traced as the network it was made of, whoever made it and however it spells its operators."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn
from torch.nn import functional as F

from lenext.errors import UsageError, WeightFileError
from lenext.explanation.audit import compare
from lenext.explanation.onnx_file import read
from lenext.explanation.trace import trace
from lenext.layers.lrn import local_response
from lenext.layers.norm import LayerNorm2d
from lenext.models import create_model

SIZE = (3, 32, 32)
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def exported(network, path, size=SIZE, **options):
    """The file that torch's exporter writes of a network."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), (torch.zeros(1, *size),), str(path), **({"dynamo": False, "verbose": False} | options)
        )
    return str(path)


def said(network, file, size=SIZE):
    """(distance, points) of the file from the network it shows."""
    graph, fixed = read(file)
    assert fixed == size
    comparison = compare(trace(network, size, graph.form), trace(graph, size, graph.form))
    return comparison.distance, [(p.what, p.paper, p.found) for p in comparison.points]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lenet5", {}),
        ("nin_cifar", {}),
        ("resnet20_cifar", {}),
        ("densenet40_k12_cifar", {}),
        ("mobilenet_v1_025", {}),
        ("efficientnet_b0", {}),
        ("lenet5", {"dynamo": True}),
        ("resnet20_cifar", {"dynamo": True}),
    ],
)
def test_our_networks_are_found_unchanged_in_what_torch_exports(name, options, tmp_path):
    network = create_model(name)
    file = exported(network, tmp_path / "network.onnx", network.input_size, **options)
    assert said(network, file, network.input_size) == (0, [])


@pytest.mark.parametrize(
    "block",
    [
        nn.GELU(),
        nn.GELU(approximate="tanh"),
        nn.SiLU(),
        nn.Hardswish(),
        nn.ReLU6(),
        LayerNorm2d(3),
        local_response(),
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)),
        nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.Sequential(nn.ConstantPad2d((0, 1, 0, 1), 0.0), nn.Conv2d(3, 3, 3, 2, groups=3)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("opset", [13, 20])
def test_a_block_is_known_in_the_words_of_every_version(block, opset, tmp_path):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.block, self.fc = nn.Conv2d(3, 3, 3, padding=1), block, nn.LazyLinear(10)

        def forward(self, x):
            return self.fc(F.relu(self.block(self.conv(x))).flatten(1))

    network = Network().eval()
    network(torch.zeros(1, *SIZE))
    assert said(network, exported(network, tmp_path / "network.onnx", opset_version=opset)) == (0, [])


def test_a_change_is_told_by_the_name_of_the_node(tmp_path):
    network = create_model("lenet5")
    file = exported(network, tmp_path / "network.onnx", (1, 32, 32))
    model = onnx.load(file)
    node = next(node for node in model.graph.node if node.op_type == "AveragePool")
    node.attribute.append(helper.make_attribute("ceil_mode", 1))
    onnx.save(model, file)
    graph, _ = read(file)
    points = compare(trace(network, (1, 32, 32), graph.form), trace(graph, (1, 32, 32), graph.form)).points
    assert [(point.what, point.paper, point.found) for point in points] == [("pooling rounding", "down", "up")]
    assert points[0].places == (node.name.replace(".", "/"),)


# Of the networks that the package onnx carries, written by Caffe2: closest network in that reading, form, difference.
CARRIED = {
    "bvlc_alexnet": (
        "alexnet", "caffe", (True, False), [("head pooling padding", "0", "left 0, right 1, top 0, bottom 1")],
    ),
    "vgg19": ("vgg19", "paper", (True, False), []),
    "resnet50": ("resnet50", "v1.5", (False, True), []),
    "densenet121": ("densenet121", "paper", (False, True), []),
    "inception_v1": (
        "googlenet", "caffe", (True, False),
        [("pooling rounding", "up", "down"), ("multiply-adds", "1,582,671,872", "1,431,556,352")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", CARRIED)
def test_networks_of_another_tool_are_what_their_papers_say(file):
    name, reading, form, points = CARRIED[file]
    graph, size = read(str(LIGHT / f"light_{file}.onnx"))
    assert size == (3, 224, 224)
    assert (graph.form.dropout, graph.form.normalisation) == form
    with torch.device("meta"):
        network = create_model(name, reading=reading)
    size = network.input_size
    comparison = compare(trace(network, size, graph.form), trace(graph, size, graph.form))
    assert [(point.what, point.paper, point.found) for point in comparison.points] == points


def graph_of(nodes, inputs, tensors=(), **options):
    """A file with these nodes; inputs: name -> shape; the output is y."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return helper.make_model(helper.make_graph(nodes, "graph", inputs, [output], tensors), **options)


def test_channels_may_be_last_and_the_batch_and_size_free(tmp_path):
    weight = helper.make_tensor("w", TensorProto.FLOAT, (8, 3, 3, 3), [0.0] * 216)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c"], ["y"]),
    ]
    onnx.save(graph_of(nodes, {"x": ["N", "H", "W", 3]}, [weight]), tmp_path / "network.onnx")
    graph, size = read(str(tmp_path / "network.onnx"))
    assert size is None
    found = trace(graph, SIZE, graph.form)
    assert [step.kind for step in found.steps] == ["convolution", "pooling"]
    assert found.steps[0].constants["padding"] == "left 0, right 1, top 0, bottom 1"
    assert (found.params, found.macs, found.classes) == (216, 216 * 256, 8)


def test_before_version_7_an_attribute_says_where_a_bias_goes(tmp_path):
    tensors = [
        helper.make_tensor("w", TensorProto.FLOAT, (8, 3, 3, 3), [0.0] * 216),
        helper.make_tensor("b", TensorProto.FLOAT, (8,), [0.0] * 8),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Add", ["c", "b"], ["y"], broadcast=1, axis=1),
    ]
    onnx.save(graph_of(nodes, {"x": [1, 3, 8, 8]}, tensors), tmp_path / "network.onnx")
    graph, size = read(str(tmp_path / "network.onnx"))
    (only,) = trace(graph, size, graph.form).steps
    assert (only.kind, only.constants["bias"]) == ("convolution", "with")


def test_weights_that_lie_in_a_lost_file_are_not_needed(tmp_path):
    network = create_model("nin_cifar")
    file = exported(network, tmp_path / "network.onnx", network.input_size)
    onnx.save(onnx.load(file), tmp_path / "apart.onnx", save_as_external_data=True, location="weights.bin")
    (tmp_path / "weights.bin").unlink()
    assert said(network, str(tmp_path / "apart.onnx"), network.input_size) == (0, [])


def test_what_is_no_network_for_images_is_refused(tmp_path):
    words = graph_of([helper.make_node("Relu", ["ids"], ["y"])], {"ids": [1, 128]})
    strange = graph_of([helper.make_node("NonMaxSuppression", ["x", "x"], ["y"])], {"x": [1, 3, 8, 8]})
    for model, message in ((words, "reads ids of 2 axes"), (strange, "The ONNX operator NonMaxSuppression")):
        onnx.save(model, tmp_path / "network.onnx")
        with pytest.raises(UsageError, match=message):
            read(str(tmp_path / "network.onnx"))


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"\x00" * 1000])
def test_damaged_files_are_refused(content, tmp_path):
    (tmp_path / "network.onnx").write_bytes(content)
    with pytest.raises(WeightFileError, match="not an ONNX file, or a damaged one"):
        read(str(tmp_path / "network.onnx"))


def test_a_graph_that_contradicts_itself_is_refused(tmp_path):
    nodes = [helper.make_node("Reshape", ["s", "s"], ["z"]), helper.make_node("Relu", ["x"], ["y"])]
    shape = helper.make_tensor("s", TensorProto.INT64, (2,), [5, 5])
    onnx.save(graph_of(nodes, {"x": [1, 3, 8, 8]}, [shape]), tmp_path / "network.onnx")
    with pytest.raises(WeightFileError, match="contradicts itself"):
        read(str(tmp_path / "network.onnx"))


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "network.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="the package onnx is not installed") as raised:
        read(str(tmp_path / "network.onnx"))
    assert "lenext[onnx]" in raised.value.remedy
