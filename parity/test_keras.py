"""Against Keras Applications: weights of a random model, saved by Keras in every layout, give the same logits here.

In single precision: somewhere on its way Keras rounds to it, whatever the type of its weights.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import h5py
import keras
import numpy as np
import pytest
import torch
from keras import applications
from keras.src.legacy.saving import legacy_h5_format
from torch import Tensor

from lenext.layers.network import Network
from lenext.models import create_model
from lenext.weights.adapters import export_state, hdf5, known, load_file

# Keras warns of its own legacy layouts, and numpy of Keras.
pytestmark = pytest.mark.filterwarnings("ignore")

NETWORKS = known("keras")
NAMES = [f"{theirs}-{name}" for name, _, theirs in NETWORKS]
CLASSES = 10
# Odd where the padding of even and odd maps differs; VGG sees but its own size.
SIZES = {"vgg": 224, "inception": 107, "xception": 107, "mobilenet": 75, "efficientnet": 75, "mobilenet_v1_025": 96}
# All but those of several gigabytes, whose layers are their smaller siblings'.
LIGHT = [one for one in NETWORKS if one[0] not in ("vgg19", "convnext_large", "convnext_xlarge")]


def model(name: str, theirs: str, size: int) -> Any:
    """A model of Keras with nothing left of its round initial values."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    options: dict[str, Any] = {"weights": None, "classes": CLASSES, "classifier_activation": None}
    if name.startswith("mobilenet"):
        options["alpha"] = int(name.partition("_v1_")[2] or 100) / 100
    if name.startswith("convnext"):
        options["include_preprocessing"] = False
    built = getattr(applications, theirs)(**options, input_shape=(size, size, 3))
    generator = np.random.default_rng(1)
    for weight in built.weights:
        shape = tuple(weight.shape)
        if "normalization/" in weight.path and not weight.path.startswith("batch"):
            continue  # the scaling of pixels
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(generator.uniform(0.5, 1.5, shape))
        elif weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(generator.normal(0, 0.1, shape))
    return built


def save_weights(built: Any, path: Path) -> None:
    built.save_weights(path)


def save_legacy(built: Any, path: Path) -> None:
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, built)


def save_whole(built: Any, path: Path) -> None:
    built.save(path)


LAYOUTS: dict[str, Callable[[Any, Path], None]] = {
    "x.weights.h5": save_weights,
    "x.h5": save_legacy,
    "x.keras": save_whole,
    "whole.h5": save_whole,
}


ALL_LAYOUTS = ("resnet50", "inception_v3", "xception", "mobilenet_v1_025", "efficientnet_b0", "convnext_tiny")


def images(size: int) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(size))


@torch.no_grad()
def logits_of_keras(built: Any, batch: Tensor) -> Tensor:
    found: Tensor = built(batch.permute(0, 2, 3, 1), training=False)
    return found.detach().cpu()


@torch.no_grad()
def agrees(network: Network, built: Any, size: int) -> None:
    """Both round, in another order; how much that may be is what our own network loses in single precision."""
    batch = images(size)
    pixels = 255 * batch if network.name.startswith("efficientnet") else batch  # which divides them again
    wanted, found = logits_of_keras(built, pixels), network(batch)
    exact = copy.deepcopy(network).double()(batch.double())
    assert found.shape == wanted.shape
    assert wanted.std() > 0, "equal values would say nothing"
    rounding = apart(found.double(), exact)
    assert apart(wanted.double(), exact) < 1e-5 + 5 * rounding, f"{network.name}, whose own rounding is {rounding:.1e}"


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference of logits, as a share of the largest."""
    return float((one - other).abs().max() / other.abs().max())


def own_size(name: str) -> int:
    return SIZES.get(name, next((found for start, found in SIZES.items() if name.startswith(start)), 64))


@pytest.mark.parametrize(("name", "reading", "theirs"), NETWORKS, ids=NAMES)
def test_the_logits_are_keras_whatever_the_layout(name: str, reading: str, theirs: str, tmp_path: Path) -> None:
    size = own_size(name)
    built = model(name, theirs, size)
    networks = []
    for file, save in list(LAYOUTS.items())[: None if name in ALL_LAYOUTS else 1]:
        save(built, tmp_path / file)
        network = create_model(name, reading=reading, num_classes=CLASSES).eval()
        remarks = load_file(network, tmp_path / file)
        (tmp_path / file).unlink()
        assert all("scaling of pixels" in remark for remark in remarks)
        networks = [*networks[:1], network]
        states = [one.state_dict() for one in networks]
        assert all(torch.equal(states[-1][key], states[0][key]) for key in states[0])
    agrees(networks[0], built, size)


@pytest.mark.parametrize(("name", "reading", "theirs"), LIGHT, ids=[f"{theirs}-{name}" for name, _, theirs in LIGHT])
def test_keras_takes_our_weights(name: str, reading: str, theirs: str, tmp_path: Path) -> None:
    size = own_size(name)
    torch.manual_seed(2)
    network = create_model(name, reading=reading, num_classes=CLASSES).eval()
    for key, tensor in network.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif key.endswith(("running_mean", "bias")):
            tensor.normal_(std=0.1)
    hdf5.write(tmp_path / "x.h5", export_state(network, "keras"))
    built = model(name, theirs, size)
    built.load_weights(tmp_path / "x.h5", by_name=True)
    agrees(network, built, size)
