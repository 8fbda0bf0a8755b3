"""``lenext audit`` of files: ONNX graphs and state dicts of anybody's."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import safetensors.torch
import torch

from lenext.models import create_model
from lenext.weights.adapters import export_state

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def told(document, key="differences"):
    return [(one["what"], one["paper"], one["found"], one["where"]) for one in document[key]]


def test_an_onnx_file_is_identified_with_its_reading_and_what_it_does_not_show(audit):
    found = audit(str(LIGHT / "light_resnet50.onnx"))
    assert (found["closest"], found["reading"], found["input"], found["classes"]) == (
        "resnet50", "v1.5", [3, 224, 224], 1000,
    )  # fmt: skip
    assert (found["params"], found["macs"]) == (25_557_032, 4_089_184_256)
    assert found["beyond_reading"] == []
    assert told(found)[:2] == [
        ("convolution stride", "2", "1", "in 3 places: n36, n78, n140"),
        ("convolution stride", "1", "2", "in 3 places: n39, n81, n143"),
    ]
    assert found["not_visible"][0] == "dropout"
    assert not any("folded" in one for one in found["not_visible"])


def test_dropout_that_an_onnx_file_keeps_is_compared_and_folded_normalisation_is_not(audit):
    found = audit(str(LIGHT / "light_vgg19.onnx"))
    assert (found["closest"], found["reading"], found["differences"]) == ("vgg19", "paper", [])
    assert found["indistinguishable"] == ["vgg19_bn"]  # its normalisation may be in the weights
    assert "dropout" not in found["not_visible"]


def saved(path, state):
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("wrap", [dict, lambda state: {"epoch": 3, "state_dict": state}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_state_dict_is_known_by_its_names_and_shapes(audit, tmp_path, wrap, prefix):
    network = create_model("resnet18", num_classes=7)
    state = {prefix + name: tensor for name, tensor in export_state(network, "torchvision").items()}
    found = audit(saved(tmp_path / "weights.pth", wrap(state)))
    assert (found["closest"], found["reading"], found["classes"]) == ("resnet18", "paper", 7)
    assert (found["spelling"], found["differences"]) == ("torchvision", [])
    assert found["params"] == sum(weight.numel() for weight in network.parameters())
    assert any("stride" in one for one in found["not_visible"])


def test_names_tell_the_reading_where_shapes_cannot(audit, tmp_path):
    state = export_state(create_model("resnet50", reading="v1.5", num_classes=3), "torchvision")
    found = audit(saved(tmp_path / "weights.pt", state))
    assert (found["closest"], found["reading"], found["spelling"]) == ("resnet50", "v1.5", "torchvision")


def test_safetensors_without_a_card_are_a_state_dict_in_any_order(audit, tmp_path):
    state = create_model("nin_cifar").state_dict()
    found = audit(saved(tmp_path / "weights.safetensors", {f"x{name}": t for name, t in reversed(state.items())}))
    assert (found["closest"], found["spelling"], found["differences"]) == ("nin_cifar", None, [])
    assert audit(saved(tmp_path / "ours.safetensors", dict(state)))["spelling"] == "lenext"


def test_what_shapes_show_is_told_layer_by_layer(audit, tmp_path):
    state = dict(create_model("resnet20_cifar").state_dict())
    first, *_, last = [name for name in state if name.endswith("conv1.weight")]
    state[first] = torch.zeros(16, 3, 5, 5)
    state[last.replace("weight", "bias")] = torch.zeros(64)
    found = audit(saved(tmp_path / "weights.bin", state))
    assert (found["closest"], found["spelling"]) == ("resnet20_cifar", None)
    assert told(found) == [
        ("convolution kernel", "3x3", "5x5", first.removesuffix(".weight")),
        ("convolution bias", "without", "with", last.removesuffix(".weight")),
    ]


def test_a_person_reads_what_cannot_be_seen(lenext, tmp_path):
    status, output, said = lenext("audit", saved(tmp_path / "weights.pth", create_model("nin_cifar").state_dict()))
    assert (status, said) == (0, "")
    assert "closest to nin_cifar (reading: paper)" in output
    assert "Every tensor has the name and shape that lenext gives it." in output
    assert "Not to be seen in such a file: stride, padding and dilation;" in output


def program(path):
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("code.pth", lambda path: torch.save(torch.nn.ReLU(), path), "holds more than tensors"),
        ("program.pt", program, "TorchScript program"),
        ("nothing.bin", lambda path: torch.save({"epoch": 3}, path), "holds no tensors by name"),
        ("damaged.pth", lambda path: path.write_bytes(b"hello" * 100), "damaged"),
        ("empty.pt", lambda path: path.write_bytes(b""), "damaged"),
        ("damaged.onnx", lambda path: path.write_bytes(b"hello" * 100), "damaged"),
        ("damaged.safetensors", lambda path: path.write_bytes(b"hello" * 100), "damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_a_remedy(refused, tmp_path, name, write, message):
    write(tmp_path / name)
    status, error = refused("audit", str(tmp_path / name))
    assert (status, error["kind"]) == (4, "weight-file")
    assert message in error["message"]
    assert error["remedy"]


@pytest.mark.parametrize("name", ["no.onnx", "no.pth", "no.safetensors"])
def test_a_file_that_is_not_there_is_wrong_use(refused, name):
    status, error = refused("audit", name)
    assert (status, error["message"]) == (2, f"There is no model at {name}.")
