"""Random models of torchvision and timm, their weights in our networks: the same logits, at test and in training."""  # noqa: INP001

from __future__ import annotations

import copy
from typing import NamedTuple

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from lenext.layers.network import Network
from lenext.models import create_model
from lenext.weights.adapters import SOURCES, export_state, known, load_state

NETWORKS = [(source, *names) for source in SOURCES for names in known(source)]
NAMES = [f"{source}:{theirs}" for source, _, _, theirs in NETWORKS]
CLASSES = 10
SIZES = (64, 96)
OWN_SIZES = {
    "vgg": (224,),  # of any other map the libraries make 7x7 by pooling, which the paper does not do
    "inception_v3": (107, 139),  # 75 pixels are the least
}
# What the libraries must be told: slow initial values would be drawn anew, and the auxiliary head needs 299 pixels.
ARGUMENTS = {
    "googlenet": {"init_weights": False},
    "inception_v3": {"init_weights": False, "aux_logits": False},
}
DROPOUT = {"Dropout": "p", "StochasticDepth": "p", "DropPath": "drop_prob"}  # class -> where it keeps its rate


class Pair(NamedTuple):
    """A model of a library and our network with its weights, in float32, at test."""

    source: str
    theirs: nn.Module
    ours: Network

    def in_double(self) -> Pair:
        return self._replace(theirs=copy.deepcopy(self.theirs).double(), ours=copy.deepcopy(self.ours).double())

    def sizes(self) -> tuple[int, ...]:
        return next((found for start, found in OWN_SIZES.items() if self.ours.name.startswith(start)), SIZES)


@pytest.fixture(scope="module", params=NETWORKS, ids=NAMES)
def pair(request: pytest.FixtureRequest) -> Pair:
    source, name, reading, theirs = request.param
    model = foreign(source, theirs)
    network = create_model(name, reading=reading, num_classes=CLASSES).eval()
    load_state(network, model.state_dict(), source)
    return Pair(source, model, network)


def foreign(source: str, theirs: str) -> nn.Module:
    """A model of the library, with nothing left of its round initial values."""
    torch.manual_seed(1)
    if source == "timm":
        model = timm.create_model(theirs, num_classes=CLASSES)
    else:
        model = getattr(torchvision.models, theirs)(weights=None, num_classes=CLASSES, **ARGUMENTS.get(theirs, {}))
    for name, tensor in model.state_dict().items():
        if name.endswith(("running_mean", "bias")):
            tensor.normal_(std=0.1)
        elif name.endswith("running_var") or tensor.dim() == 1:  # gammas and layer scales
            tensor.uniform_(0.5, 1.5)
    return model.eval()


def images(size: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size), dtype=dtype)


@torch.no_grad()
def logits(model: nn.Module, batch: Tensor) -> Tensor:
    output = model(batch)
    return getattr(output, "logits", output)  # in training torchvision gives auxiliary logits beside them


def error(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    assert found.shape == wanted.shape
    assert wanted.std() > 0, "equal values would say nothing"
    return float((found - wanted).abs().max() / wanted.abs().max())


def training(model: nn.Module) -> nn.Module:
    """In training, without what draws random numbers; how slowly statistics move is no matter of the weights."""
    for module in model.train().modules():
        kind = type(module).__name__
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
        if kind in DROPOUT:
            rate = DROPOUT[kind] if hasattr(module, DROPOUT[kind]) else "rate"
            assert hasattr(module, rate)
            setattr(module, rate, 0.0)
    return model


def test_something_is_compared() -> None:
    assert {"torchvision:vgg16", "torchvision:resnet50", "timm:vgg16", "timm:resnet50"} <= set(NAMES)


def test_the_logits_are_theirs(pair: Pair) -> None:
    for size in pair.sizes():
        batch = images(size, torch.float32)
        assert error(logits(pair.ours, batch), logits(pair.theirs, batch)) < 1e-5


def test_they_are_in_double_precision(pair: Pair) -> None:
    pair = pair.in_double()
    for size in pair.sizes():
        batch = images(size, torch.float64)
        assert error(logits(pair.ours, batch), logits(pair.theirs, batch)) < 1e-10


def test_the_way_back_is_exact(pair: Pair) -> None:
    wanted = pair.theirs.state_dict()
    exported = export_state(pair.ours, pair.source)
    assert len(exported) == len(pair.ours.state_dict())
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in exported.items())


def test_batch_statistics_are_theirs(pair: Pair) -> None:
    """Two steps in training: the logits, and what the steps leave in the running statistics."""
    if not any("running_mean" in name for name in pair.theirs.state_dict()):
        return  # nothing depends on the batch
    pair = pair.in_double()
    theirs, ours = training(pair.theirs), training(pair.ours)
    for size in (*pair.sizes(), *pair.sizes())[:2]:
        batch = images(size, torch.float64)
        assert error(logits(ours, batch), logits(theirs, batch)) < 1e-10
    wanted = theirs.state_dict()
    exported = export_state(pair.ours, pair.source)
    statistics = [name for name in exported if "running_" in name]
    assert statistics
    assert max(error(exported[name], wanted[name]) for name in statistics) < 1e-10
    assert {int(count) for name, count in exported.items() if name.endswith("num_batches_tracked")} == {2}
