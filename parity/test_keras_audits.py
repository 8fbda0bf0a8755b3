"""What ``lenext audit keras:NAME`` says of Keras Applications: the right network and reading, and nothing beyond it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import pytest

from lenext.api.audit import audit
from lenext.errors import UsageError

# Keras warns of its own deprecated calls.
pytestmark = pytest.mark.filterwarnings("ignore")

COUNTS = ("parameters", "multiply-adds")  # they follow from the rest
Deviation = tuple[str, str, str, int]  # what differs, how it is in the paper, how it is there, in how many places

MOMENTUM, EPS = ("batch normalisation momentum", "0.1", "0.01"), ("batch normalisation eps", "1e-05", "1.001e-05")
SCALED = ("scaling of pixels", "none", "in the network")


def resnet(convolutions: int) -> set[Deviation]:
    return {
        ("convolution bias", "without", "with", convolutions),
        (*EPS, convolutions),
        (*MOMENTUM, convolutions),
    }


def resnet_v2(units: int) -> set[Deviation]:
    """It pools where the paper normalises, and halves its maps in the last unit of a stage."""
    return {
        ("convolution bias", "without", "with", 1 + units + 4),
        (*EPS, 3 * units + 1),
        (*MOMENTUM, 3 * units + 1),
        ("padding", "none", "sides 1, 1, 1, 1, with 0 (constant)", 1),
        ("pooling", "none", "max 3x3, stride 2", 1),
        ("pooling", "max 3x3, stride 2", "none", 1),
        ("convolution stride", "1", "2", 3),
        ("pooling", "none", "max 1x1, stride 2", 3),
        ("convolution stride", "2", "1", 6),
    }


FOUND: dict[str, tuple[str, str, set[Deviation]]] = {
    "VGG16": ("vgg16", "keras", {("dropout", "of 0.5", "none", 2)}),
    "VGG19": ("vgg19", "keras", {("dropout", "of 0.5", "none", 2)}),
    "ResNet50": ("resnet50", "keras", resnet(53)),
    "ResNet101": ("resnet101", "keras", resnet(104)),
    "ResNet152": ("resnet152", "keras", resnet(155)),
    "ResNet50V2": ("preresnet50", "keras", resnet_v2(16)),
    "ResNet101V2": ("preresnet101", "keras", resnet_v2(33)),
    "ResNet152V2": ("preresnet152", "keras", resnet_v2(50)),
    "DenseNet121": ("densenet121", "keras", {(*EPS, 121), (*MOMENTUM, 121)}),
    "DenseNet169": ("densenet169", "keras", {(*EPS, 169), (*MOMENTUM, 169)}),
    "DenseNet201": ("densenet201", "keras", {(*EPS, 201), (*MOMENTUM, 201)}),
    "InceptionV3": ("inception_v3", "keras", {
        (*MOMENTUM, 94),
        ("batch normalisation scale", "with", "without", 94),
        ("dropout", "of 0.2", "none", 1),
    }),
    "Xception": ("xception", "keras", {("dropout", "of 0.5", "none", 1)}),
    "MobileNet": ("mobilenet_v1", "keras", {
        (*MOMENTUM, 27),
        ("activation", "ReLU", "ReLU6", 27),
        ("dropout", "none", "of 0.001", 1),
    }),
    **{f"EfficientNetB{size}": (f"efficientnet_b{size}", "paper", {(*SCALED, 2)}) for size in range(8)},
    **{
        f"ConvNeXt{size}": (f"convnext_{size.lower()}", "paper", {(*SCALED, 1)})
        for size in ("Tiny", "Small", "Base", "Large", "XLarge")
    },
}  # fmt: skip


def deviations(points: list[dict[str, Any]]) -> set[Deviation]:
    return {
        (point["what"], point["paper"], point["found"], len(point["places"]))
        for point in points
        if point["what"] not in COUNTS
    }


@pytest.mark.parametrize("theirs", FOUND)
def test_the_closest_network_its_reading_and_every_deviation_are_told(theirs: str) -> None:
    name, reading, wanted = FOUND[theirs]
    document = audit(f"keras:{theirs}")
    assert (document["closest"], document["reading"]) == (name, reading)
    assert deviations(document["differences"]) == wanted
    assert deviations(document["beyond_reading"]) == (wanted if reading == "paper" else set())


@pytest.mark.parametrize("theirs", ["VGG16", "EfficientNetB0", "ConvNeXtTiny"])
def test_the_parameters_are_those_that_keras_trains(theirs: str) -> None:
    with keras.device("meta"):
        model = getattr(keras.applications, theirs)(weights=None)
    assert audit(f"keras:{theirs}")["params"] == sum(weight.value.numel() for weight in model.trainable_weights)


@pytest.mark.parametrize("theirs", ["MobileNetV2", "MobileNetV3Small"])
def test_a_network_of_another_line_is_compared_all_the_same(theirs: str) -> None:
    assert audit(f"keras:{theirs}")["differences"]


def test_a_model_of_the_users_own_is_audited_by_its_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (
        "import keras",
        "def whole(): return keras.applications.VGG16(weights=None, classes=7)",
        "def tuned():",
        "    base = keras.applications.ResNet50(weights=None, include_top=False, pooling='avg')",
        "    image = keras.Input((224, 224, 3))",
        "    x = keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(image))",
        "    return keras.Model(image, keras.layers.Dense(5, activation='softmax')(base(x, training=False)))",
        "class Subclassed(keras.Model): pass",
    )
    (tmp_path / "keras_nets.py").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    whole = audit("keras_nets:whole")
    assert (whole["closest"], whole["reading"], whole["classes"], whole["beyond_reading"]) == ("vgg16", "keras", 7, [])
    tuned = audit("keras_nets:tuned")
    assert (tuned["closest"], tuned["reading"], tuned["classes"]) == ("resnet50", "keras", 5)
    assert {(point["what"], point["found"]) for point in tuned["beyond_reading"]} == {
        ("layer", "RandomFlip"),
        ("scaling of pixels", "in the network"),
    }
    with pytest.raises(UsageError, match="has no graph"):
        audit("keras_nets:Subclassed")


@pytest.mark.parametrize(("name", "remedy"), [("VGG15", "VGG16"), ("vgg16", "VGG16"), ("applications", "torchvision:")])
def test_a_name_that_keras_has_not_is_answered_with_near_ones(name: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=f"no network '{name}'") as caught:
        audit(f"keras:{name}")
    assert remedy in caught.value.remedy
