"""What ``lenext audit`` says of torchvision's and timm's networks: every known deviation, and nothing else."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
import torchvision
from pairs import NETWORKS, Counterparts

from lenext.api.audit import audit
from lenext.models import create_model

COUNTS = ("parameters", "multiply-adds")  # they follow from the rest
Deviation = tuple[str, str, str, int]  # what differs, how it is in the paper, how it is there, in how many places

CLOSEST: dict[str, tuple[str, str, set[Deviation]]] = {
    "torchvision:alexnet": ("alexnet", "torchvision", {
        ("convolution padding", "left 0, right 3, top 0, bottom 3", "2", 1),
        ("convolution width", "96", "64", 1),
        ("convolution width", "256", "192", 1),
        ("convolution width", "384", "256", 1),
        ("convolution groups", "2", "1", 3),
        ("LRN", "size 5, alpha 0.0001, beta 0.75, k 2", "none", 2),
        ("head pooling", "none", "adaptive average to 6x6", 1),
        ("dropout", "none", "of 0.5", 1),
        ("dropout", "of 0.5", "none", 1),
        ("initialisation", "normal, std 0.01, biases 0 or 1", "uniform, variance 0.33 / fan-in, biases drawn", 5),
        ("initialisation", "normal, std 0.01, biases 0 or 1", "uniform, variance 0.33 / fan-in, biases drawn", 3),
    }),
    "torchvision:googlenet": ("googlenet", "torchvision", {
        ("convolution bias", "with", "without", 57),
        ("normalisation", "none", "batch normalisation, eps 0.001", 57),
        ("LRN", "size 5, alpha 0.0001, beta 0.75, k 2", "none", 2),
        ("convolution kernel", "5x5", "3x3", 9),
        ("pooling kernel", "3x3", "2x2", 1),
        ("dropout share", "0.4", "0.2", 1),
        ("auxiliary head: pooling", "average 5x5, stride 3", "adaptive average to 4x4", 2),
        ("auxiliary head: convolution bias", "with", "without", 2),
        ("auxiliary head: normalisation", "none", "batch normalisation, eps 0.001", 2),
    }),
    "torchvision:resnet50": ("resnet50", "v1.5", {
        ("convolution stride", "2", "1", 3),
        ("convolution stride", "1", "2", 3),
    }),
    "timm:legacy_xception": ("xception", "timm", {
        ("batch normalisation eps", "0.001", "1e-05", 40),
        ("batch normalisation momentum", "0.01", "0.1", 40),
        ("pooling padding", "left 0, right 1, top 0, bottom 1", "1", 1),
        ("dropout", "of 0.5", "none", 1),
    }),
    "torchvision:vgg16": ("vgg16", "paper", {
        ("head pooling", "none", "adaptive average to 7x7", 1),
        (
            "initialisation",
            "uniform, variance 2 / (fan-in + fan-out), biases 0; or normal, std 0.01, biases 0",
            "normal, variance 2 / fan-out, biases 0",
            13,
        ),
    }),
}  # fmt: skip

# What a library does beside our reading of it: timm leaves dropout, and the pace of the authors' statistics, to whoever
# trains; torchvision's pooling turns maps of other sizes into VGG's 7x7.
BEYOND = {
    "torchvision:vgg*": {("head pooling", "none", "adaptive average to 7x7")},
    "timm:vgg*": {("dropout", "of 0.5", "none")},
    "timm:tf_efficientnet_*": {("batch normalisation momentum", "0.01", "0.1"), ("dropout", "none")},
    "timm:efficientnet_*": {("dropout", "none")},
}


def deviations(points: list[dict[str, Any]]) -> set[Deviation]:
    return {
        (point["what"], point["paper"], point["found"], len(point["places"]))
        for point in points
        if point["what"] not in COUNTS
    }


@pytest.mark.parametrize("target", CLOSEST)
def test_the_closest_network_and_every_deviation_are_told(target: str) -> None:
    name, reading, wanted = CLOSEST[target]
    document = audit(target)
    assert (document["closest"], document["reading"]) == (name, reading)
    assert deviations(document["differences"]) == wanted
    assert deviations(document["beyond_reading"]) == (wanted if reading == "paper" else set())


def wanted_beyond(target: str, network: Counterparts) -> set[tuple[str, ...]]:
    """EfficientNet's dropout depends on the size."""
    found = next((points for pattern, points in BEYOND.items() if fnmatch.fnmatchcase(target, pattern)), set())
    return {(what, f"of {rate(network)}", *how) if len(how) == 1 else (what, *how) for what, *how in found}


def rate(network: Counterparts) -> float:
    return float(create_model(network.ours, reading=network.reading).head.drop.p)


@pytest.mark.parametrize("network", NETWORKS, ids=[f"{one.source}:{one.theirs}" for one in NETWORKS])
def test_there_is_nothing_beyond_the_reading(network: Counterparts) -> None:
    target = f"{network.source}:{network.theirs}"
    document = audit(target, against=f"{network.ours}:{network.reading}")
    said = deviations(document["differences"])
    found = {(what, paper, there) for what, paper, there, _ in said if what != "initialisation"}
    assert found == wanted_beyond(target, network)


def test_vgg_has_the_papers_dropout_in_torchvision() -> None:
    """So it is no deviation; its initial weights are one."""
    paper, theirs = create_model("vgg16"), torchvision.models.vgg16(init_weights=False)
    assert [paper.head.drop6.p, paper.head.drop7.p] == [theirs.classifier[2].p, theirs.classifier[5].p] == [0.5, 0.5]
