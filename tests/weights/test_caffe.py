"""Weights of Caffe: read from bytes that protobuf wrote, put where they belong, and nothing trusted."""

import struct

import pytest
import torch
from caffe_encoder import blob, message, net

from lenext.errors import UsageError, WeightFileError
from lenext.models import create_model
from lenext.weights.adapters import caffemodel, export_state, known, load_file, load_state, read_foreign

NETWORKS = known("caffe")


def built(name, reading="caffe", seed=0, **options):
    torch.manual_seed(seed)
    return create_model(name, reading=reading, **options)


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.fixture
def small():
    return {"conv/0": torch.arange(24.0).reshape(2, 3, 2, 2), "conv/1": torch.tensor([1.0, 2.0])}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# The file


@pytest.mark.parametrize("old", [False, True], ids=["layer", "layers"])
def test_layers_and_blobs_are_read(tmp_path, small, old):
    found = read_foreign(written(tmp_path / "a.caffemodel", net(small, "Tiny", old)))
    assert found.source == "caffe"
    assert found.network == "Tiny"
    assert same(found, small)


def test_the_kind_of_a_file_is_in_its_bytes_and_not_in_its_name(tmp_path, small):
    assert read_foreign(written(tmp_path / "weights.pth", net(small))).source == "caffe"


def test_old_matrices_and_vectors_lose_their_dimensions_of_one(tmp_path):
    state = {"fc6/0": torch.arange(6.0).reshape(2, 3), "fc6/1": torch.tensor([1.0, 2.0])}
    assert same(read_foreign(written(tmp_path / "a", net(state, old=True))), state)


def test_doubles_are_read(tmp_path):
    doubles = message("BlobProto")(double_data=[1.0, 2.0])
    doubles.shape.dim.append(2)
    layer = message("LayerParameter")(name="a", type="Scale", blobs=[doubles])
    made = message("NetParameter")(layer=[layer]).SerializeToString()
    assert same(read_foreign(written(tmp_path / "a", made)), {"a/0": torch.tensor([1.0, 2.0])})


def test_numbers_that_are_not_packed_are_read():
    loose = message("Loose")(data=[3.0, 4.0])
    loose.shape.dim.extend([2, 1])
    assert caffemodel._blob(memoryview(loose.SerializeToString())).tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize(("factor", "mean"), [(4.0, 0.5), (0.0, 2.0)])
def test_statistics_are_divided_by_their_factor(tmp_path, factor, mean):
    state = {"bn/0": torch.full((3,), 2.0), "bn/1": torch.full((3,), 8.0), "bn/2": torch.tensor([factor])}
    found = read_foreign(written(tmp_path / "a", net(state, kinds={"bn": "BatchNorm"})))
    assert found.keys() == {"bn/0", "bn/1"}
    assert found["bn/0"].tolist() == [mean] * 3


# Damage


def refused(path, message):
    with pytest.raises(WeightFileError, match=message) as caught:
        read_foreign(path)
    assert caught.value.remedy
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is no weight file at all",
        bytes(range(256)) * 10,
        b"\xff" * 1000,
        b"\x00" * 1000,
        b"\xa2\x06\xff\xff\xff\xff\x7f",  # a layer of 34 GB
        b"\xa2\x06\x0c\x0a\x01a\x3a\x07\x2a\xff\xff\xff\xff\x7f\x00",  # a blob of as much
        b"\xa2\x06\x0d\x0a\x01a\x3a\x08\x3a\x06\x0a\x04\xff\xff\xff\x7f",  # a shape without numbers
        b"\xa2\x06\x13\x0a\x01a\x3a\x0e\x3a\x0c\x0a\x0a" + b"\xff" * 9 + b"\x01",  # a dimension of 2**64 - 1
    ],
    ids=["empty", "text", "bytes", "ones", "zeros", "layer", "blob", "shape", "dimension"],
)  # fmt: skip
def test_what_is_no_caffemodel_is_refused(tmp_path, content):
    refused(written(tmp_path / "a.caffemodel", content), "no weight file that is known here")


def test_every_cut_of_a_file_is_refused_or_lacks_layers(tmp_path, small):
    whole = net({**small, "fc/0": torch.zeros(2, 2)}, "Tiny")
    cuts = 0
    for length in range(len(whole)):
        path = written(tmp_path / "a", whole[:length])
        try:
            assert len(read_foreign(path)) < 3
        except WeightFileError:
            cuts += 1
    assert cuts > len(whole) // 2


def test_a_shape_that_its_numbers_do_not_fill_is_refused(tmp_path, small):
    layer = message("LayerParameter")(name="a", blobs=[blob(small["conv/0"])])
    layer.blobs[0].shape.dim[0] = 2**40
    path = written(tmp_path / "a", message("NetParameter")(layer=[layer]).SerializeToString())
    refused(path, "damaged one")


def test_a_definition_without_weights_is_refused(tmp_path):
    layer = message("LayerParameter")(name="conv1", type="Convolution")
    refused(
        written(tmp_path / "a", message("NetParameter")(layer=[layer]).SerializeToString()), "no layers with weights"
    )


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no weight file at") as caught:
        read_foreign(tmp_path / "a")
    assert caught.value.remedy


# The networks


@pytest.mark.parametrize(("name", "reading", "theirs"), NETWORKS, ids=[theirs for _, _, theirs in NETWORKS])
def test_every_tensor_has_a_place_of_its_own(name, reading, theirs):
    with torch.device("meta"):
        network = create_model(name, reading=reading)
    exported = export_state(network, "caffe")
    counts = [key for key in network.state_dict() if key.endswith("num_batches_tracked")]
    assert len(exported) == len(network.state_dict()) - len(counts)
    assert sum(map(torch.Tensor.numel, exported.values())) == sum(
        tensor.numel() for key, tensor in network.state_dict().items() if key not in counts
    )


@pytest.mark.parametrize(
    ("name", "reading", "layers"),
    [
        ("resnet101", "caffe", ("res2c_branch2a/0", "bn3b3_branch2c/1", "scale4b22_branch2b/1", "bn2a_branch1/0")),
        ("resnet50", "caffe", ("conv1/1", "res4f_branch2c/0", "scale_conv1/0", "fc1000/1")),
        ("densenet201", "paper", ("conv4_48/blk/bn/0", "conv5_32/blk/scale/1", "conv3_12/x2/0", "conv2_6/blk/0")),
        ("densenet121", "paper", ("conv5_16/x1/scale/0", "conv4_blk/0", "conv5_blk/bn/1", "fc6/0")),
        ("googlenet", "caffe", ("conv1/7x7_s2/0", "inception_4e/5x5_reduce/1", "loss3/classifier/0")),
        ("mobilenet_v1", "caffe", ("conv5_6/dw/0", "conv6/sep/bn/0", "conv2_1/dw/scale/1", "fc7/1")),
        ("nin", "paper", ("cccp8-1024/0", "conv4-1024/1", "cccp6/0", "conv1/0")),
        ("vgg16", "paper", ("conv5_3/0", "fc6/0", "fc8/1")),
    ],
)  # fmt: skip
def test_the_layers_are_called_as_the_published_definitions_call_them(name, reading, layers):
    with torch.device("meta"):
        assert set(layers) <= export_state(create_model(name, reading=reading), "caffe").keys()


@pytest.mark.parametrize("name", ["nin", "mobilenet_v1"])
def test_there_and_back_through_a_file(tmp_path, name):
    reading = "paper" if name == "nin" else "caffe"
    first, second = built(name, reading, 1), built(name, reading, 2)
    torch.manual_seed(3)
    for key, tensor in first.state_dict().items():
        if "running" in key:
            tensor.uniform_(0.5, 1.5)
    path = written(tmp_path / "a.caffemodel", net(export_state(first, "caffe"), "any name"))
    (remark,) = load_file(second, path)
    assert remark.endswith("turned from BGR to RGB")
    assert same(dict(first.state_dict()), dict(second.state_dict()))


def test_the_auxiliary_heads_of_googlenet_are_read_where_they_are_built(tmp_path):
    with_heads = built("googlenet", seed=1, auxiliary=True)
    path = written(tmp_path / "a", net(export_state(with_heads, "caffe")))
    again, without = built("googlenet", seed=2, auxiliary=True), built("googlenet", seed=3)
    load_file(again, path)
    assert same(dict(again.state_dict()), dict(with_heads.state_dict()))
    assert "the second auxiliary head left out: loss2/classifier/0 and 5 more" in load_file(without, path)


def test_the_first_convolution_sees_red_first():
    network = built("nin", "paper")
    state = export_state(network, "caffe")
    weight = network.state_dict()["stem.conv1.weight"]
    assert torch.equal(state["conv1/0"], weight.flip(1))
    assert torch.equal(export_state(network, "caffe", bgr=False)["conv1/0"], weight)
    assert load_state(network, state, "caffe", bgr=False) == []
    assert torch.equal(network.state_dict()["stem.conv1.weight"], state["conv1/0"])


# The reading


@pytest.mark.parametrize(("theirs", "ours"), [("CaffeNet", "caffe"), ("AlexNet", "caffenet")])
def test_alexnet_and_caffenet_differ_in_nothing_but_their_name(tmp_path, theirs, ours):
    state = {"conv1/0": torch.zeros(96, 3, 11, 11)}
    with torch.device("meta"):
        network = built("alexnet", ours)
    with pytest.raises(WeightFileError, match=f"weights of {theirs}, of the reading") as caught:
        load_file(network, written(tmp_path / "a", net(state, theirs)))
    assert "create_model" in caught.value.remedy


def test_a_network_of_another_reading_is_refused_before_its_weights_are_looked_at():
    with torch.device("meta"), pytest.raises(WeightFileError, match="belongs to the reading 'caffe'"):
        load_state(create_model("resnet50"), {}, "caffe")


def test_the_weights_of_another_network_are_refused(tmp_path, small):
    path = written(tmp_path / "a", net({f"res/{key}": tensor for key, tensor in small.items()}))
    with pytest.raises(WeightFileError, match="do not fit nin: missing conv1/0 and 23 more") as caught:
        load_file(built("nin", "paper"), path)
    assert caught.value.remedy == "These are the weights of another network; name theirs."


def test_numbers_are_little_endian():
    assert caffemodel._blob(memoryview(b"\x2a\x04" + struct.pack("<f", 1.5) + b"\x3a\x02\x08\x01")).tolist() == [1.5]
