"""Weights of Keras: every age of its files holds the same tensors, and they come to lie as ours do. Oracle: parity/."""

import builtins
import io
import zipfile

import h5py
import numpy as np
import pytest
import torch

from lenext.errors import UsageError, WeightFileError
from lenext.models import create_model
from lenext.weights.adapters import export_state, hdf5, known, load_file, load_state, read_foreign

NETWORKS = known("keras")


def made(name, reading="keras", **options):
    with torch.device("meta"):
        return create_model(name, reading=reading, **options)


def legacy(file, layers):
    """As Keras 2 and its published files: layers -> {name of a weight: values}."""
    file.attrs["layer_names"] = [layer.encode() for layer in layers]
    for layer, weights in layers.items():
        group = file.create_group(layer)
        group.attrs["weight_names"] = [name.encode() for name in weights]
        for name, values in weights.items():
            group.create_dataset(name, data=values)


def numbered(file, layers):
    """As Keras 3: groups called after classes, the layer's name beside its numbered values."""
    for place, (layer, values) in enumerate(layers.items()):
        group = file.create_group(f"layers/kind_{place}/vars")
        group.attrs["name"] = layer
        for number, value in enumerate(values):
            group.create_dataset(str(number), data=value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights"


def refused(path, message):
    with pytest.raises(WeightFileError, match=message) as caught:
        read_foreign(path)
    assert caught.value.remedy


# The files


@pytest.mark.parametrize(
    ("kernel", "bias"),
    [
        ("block1_conv1_W_1:0", "block1_conv1_b_1:0"),
        ("block1_conv1/kernel:0", "block1_conv1/bias:0"),
        ("block1_conv1/kernel", "block1_conv1/bias"),
    ],
    ids=["Keras 1", "Keras 2", "Keras 3"],
)
def test_names_of_every_age_are_read(path, kernel, bias):
    with h5py.File(path, "w") as file:
        legacy(file, {"input": {}, "block1_conv1": {kernel: np.ones((3, 3, 3, 2)), bias: np.zeros(2)}})
    found = read_foreign(path)
    assert found.source == "keras"
    assert {name: tuple(tensor.shape) for name, tensor in found.items()} == {
        "block1_conv1/0": (3, 3, 3, 2), "block1_conv1/1": (2,),
    }  # fmt: skip


def test_a_whole_model_keeps_its_weights_in_a_group(path):
    with h5py.File(path, "w") as file:
        legacy(file.create_group("model_weights"), {"fc": {"fc/kernel:0": np.ones((2, 3))}})
    assert list(read_foreign(path)) == ["fc/0"]


def test_layers_inside_a_layer_have_names_of_their_own(path):
    with h5py.File(path, "w") as file:
        legacy(
            file, {"stem": {"stem_conv/kernel:0": np.ones(1), "stem_conv/bias:0": np.ones(1), "norm/gamma:0": [1.0]}}
        )
    assert list(read_foreign(path)) == ["stem_conv/0", "stem_conv/1", "norm/0"]


def test_the_files_and_archives_of_keras_3_are_read(path):
    layers = {"conv1": [np.ones((1, 1, 3, 2)), np.zeros(2)], "count": [np.int64(3)], "relu": []}
    with h5py.File(path, "w") as file:
        numbered(file, layers)
    plain = read_foreign(path)
    archive = path.with_name("model.bin")
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.write(path, hdf5.ARCHIVED)
    found = read_foreign(archive)
    assert found.source == plain.source == "keras"
    assert list(found) == list(plain) == ["conv1/0", "conv1/1", "count/0"]


def test_long_lists_of_names_come_in_pieces(path):
    with h5py.File(path, "w") as file:
        legacy(file, {"a": {"a/kernel:0": [1.0]}, "b": {"b/kernel:0": [2.0]}})
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"a"], [b"b"]
    assert [tensor.item() for tensor in read_foreign(path).values()] == [1.0, 2.0]


def test_layers_that_keras_counted_are_counted_from_nought(path):
    names = ["conv2d_104", "conv2d_95", "batch_normalization", "batch_normalization_1"]
    with h5py.File(path, "w") as file:
        legacy(file, {name: {f"{name}/kernel:0": [place]} for place, name in enumerate(names)})
    found = {name: int(tensor) for name, tensor in read_foreign(path).items()}
    assert found == {"conv2d_1/0": 0, "conv2d_0/0": 1, "batch_normalization_0/0": 2, "batch_normalization_1/0": 3}


# Damage


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_cut_file_is_refused(path, share):
    with h5py.File(path, "w") as file:
        legacy(file, {f"l{n}": {"kernel:0": np.random.default_rng(n).normal(size=500)} for n in range(9)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, "cannot be read as a file of Keras")


def test_a_file_that_lacks_what_it_lists_is_refused(path):
    with h5py.File(path, "w") as file:
        legacy(file, {"a": {"kernel:0": [1.0]}})
        del file["a"]["kernel:0"]
    refused(path, "cannot be read as a file of Keras")


def test_another_use_of_hdf5_is_refused(path):
    with h5py.File(path, "w") as file:
        file["results"] = [1.0, 2.0]
    refused(path, "holds no layers as Keras writes them")


def test_text_for_weights_is_refused(path):
    with h5py.File(path, "w") as file:
        legacy(file, {"a": {"kernel:0": "words"}})
    refused(path, "cannot be read as a file of Keras")


def test_a_size_that_is_only_claimed_costs_no_memory(path):
    with h5py.File(path, "w") as file:
        legacy(file, {"a": {"bias:0": [1.0]}})
        del file["a"]["bias:0"]
        file["a"].create_dataset("bias:0", shape=(2**31,), dtype="f4", chunks=True)
    assert path.stat().st_size < 100_000
    refused(path, "claims 8,589,934,592 bytes")


def test_an_archive_that_is_none_is_refused(path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(hdf5.ARCHIVED, b"nothing")
    path.write_bytes(buffer.getvalue())
    refused(path, "cannot be read as a file of Keras")


def test_without_h5py_the_remedy_is_named(path, monkeypatch):
    with h5py.File(path, "w"):
        pass
    importing = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "h5py":
            raise ImportError
        return importing(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match="h5py, which is not installed") as caught:
        read_foreign(path)
    assert "lenext[keras]" in caught.value.remedy


# The networks


@pytest.mark.parametrize(("name", "reading", "theirs"), NETWORKS, ids=[name for name, _, _ in NETWORKS])
def test_every_tensor_has_a_place_of_its_own(name, reading, theirs):
    network = made(name, reading)
    exported = export_state(network, "keras")
    left = ["num_batches_tracked"] + ["bn.weight"] * (name == "inception_v3")  # whose scale is always 1
    ours = [tensor for key, tensor in network.state_dict().items() if not key.endswith(tuple(left))]
    assert len(exported) == len(ours)
    assert sum(map(torch.Tensor.numel, exported.values())) == sum(map(torch.Tensor.numel, ours))


@pytest.mark.parametrize(
    ("name", "reading", "layer", "shape"),
    [
        ("resnet50", "keras", "conv1_conv/0", (7, 7, 3, 64)),
        ("vgg16", "paper", "fc1/0", (25_088, 4096)),
        ("vgg16", "paper", "predictions/0", (4096, 1000)),
        ("mobilenet_v1", "keras", "conv_dw_1/0", (3, 3, 32, 1)),
        ("mobilenet_v1", "keras", "conv_preds/0", (1, 1, 1024, 1000)),
        ("xception", "paper", "block14_sepconv1/0", (3, 3, 1024, 1)),
        ("xception", "paper", "block14_sepconv1/1", (1, 1, 1024, 1536)),
        ("xception", "paper", "conv2d_3/0", (1, 1, 728, 1024)),
        ("inception_v3", "keras", "batch_normalization_93/2", (192,)),
        ("densenet121", "keras", "conv5_block16_2_conv/0", (3, 3, 128, 32)),
        ("efficientnet_b7", "paper", "block6m_se_expand/1", (2304,)),
        ("convnext_tiny", "paper", "convnext_tiny_stage_3_block_2_depthwise_conv/0", (7, 7, 1, 768)),
        ("convnext_tiny", "paper", "convnext_tiny_downsampling_conv_0/0", (2, 2, 96, 192)),
    ],
)
def test_tensors_lie_as_in_keras(name, reading, layer, shape):
    assert export_state(made(name, reading), "keras")[layer].shape == shape


def test_a_map_is_flattened_in_keras_order():
    torch.manual_seed(0)
    network = create_model("vgg16", num_classes=2, image_size=64)
    x = torch.randn(1, 512, 2, 2)
    wanted = network.head.fc6(x.flatten(1))
    kernel = export_state(network, "keras")["fc1/0"]
    found = x.permute(0, 2, 3, 1).flatten(1) @ kernel + network.head.fc6.bias
    assert torch.allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize(("name", "reading"), [("mobilenet_v1_025", "keras"), ("efficientnet_b0", "paper")])
def test_there_and_back_through_a_file(path, name, reading):
    torch.manual_seed(1)
    first = create_model(name, reading=reading, num_classes=3)
    second = create_model(name, reading=reading, num_classes=3)
    for key, tensor in first.state_dict().items():
        if "running" in key:
            tensor.uniform_(0.5, 1.5)
    hdf5.write(path, export_state(first, "keras"))
    assert load_file(second, path) == []
    ours, theirs = first.state_dict(), second.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_layers_that_keras_counts_as_one_are_written_as_one(path):
    hdf5.write(path, {name: torch.zeros(1) for name in export_state(made("convnext_tiny", "paper"), "keras")})
    with h5py.File(path) as file:
        layers = [str(name) for name in file.attrs["layer_names"]]
        assert len(file["convnext_tiny_stem"].attrs["weight_names"]) == 4
    assert layers[:2] == ["convnext_tiny_stem", "convnext_tiny_stage_0_block_0_depthwise_conv"]
    assert "convnext_tiny_downsampling_block_2" in layers


def test_the_scaling_of_pixels_is_left_out_and_that_is_said(path):
    network = create_model("efficientnet_b0", num_classes=3)
    state = {**export_state(network, "keras"), "normalization/0": torch.zeros(3), "normalization/1": torch.ones(3)}
    assert load_state(network, state, "keras") == ["the scaling of pixels left out: normalization/0 and 1 more"]


def test_weights_that_expect_blue_first_are_turned_when_asked():
    network = create_model("mobilenet_v1_025", reading="keras", num_classes=3)
    state = export_state(network, "keras")
    weight = network.state_dict()["stem.conv.weight"].clone()
    (remark,) = load_state(network, state, "keras", bgr=True)
    assert remark == "stem.conv.weight turned from BGR to RGB"
    assert torch.equal(network.state_dict()["stem.conv.weight"], weight.flip(1))


def test_the_reading_is_checked():
    with pytest.raises(WeightFileError, match="belongs to the reading 'keras'") as caught:
        load_state(made("resnet50", "paper"), {}, "keras")
    assert caught.value.remedy == 'Build it with create_model("resnet50", reading="keras").'


def test_another_number_of_classes_is_refused_in_few_words(path):
    hdf5.write(path, export_state(create_model("mobilenet_v1_025", reading="keras", num_classes=3), "keras"))
    with pytest.raises(
        WeightFileError, match=r"conv_preds/0 has shape \(1, 1, 256, 3\), not \(1, 1, 256, 5\) \(1 more"
    ):
        load_file(create_model("mobilenet_v1_025", reading="keras", num_classes=5), path)


def test_the_weights_of_another_network_are_refused(path):
    hdf5.write(path, export_state(create_model("mobilenet_v1_025", reading="keras", num_classes=3), "keras"))
    with pytest.raises(WeightFileError, match="do not fit efficientnet_b0"):
        load_file(create_model("efficientnet_b0"), path)
