"""``lenext audit``: the closest network of the line, and how a module of anybody's deviates from its paper."""

from __future__ import annotations

import sys

import pytest

# Networks of somebody else's: VGG-16 and ResNet-50 as most libraries write them.
NETS = """
import torch
from torch import nn


def vgg16(classes=1000, p=0.5):
    layers, inputs = [], 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = width
        layers.append(nn.MaxPool2d(2, 2))
    head = [nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(p), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(p)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), *head, nn.Linear(4096, classes))


def vgg16_for_seven():
    return vgg16(7, p=0.2)


class Block(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.a, self.an = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.b, self.bn = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.c, self.cn = nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)
        self.down = None
        if inputs != 4 * width:
            self.down = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width))

    def forward(self, x):
        y = self.cn(self.c(torch.relu(self.bn(self.b(torch.relu(self.an(self.a(x))))))))
        y += x if self.down is None else self.down(x)
        return torch.relu(y)


def resnet50():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for width, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for number in range(count):
            layers.append(Block(inputs, width, 2 if number == 0 and width > 64 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def stranger():
    layers = [nn.Conv2d(3, 24, 5, 4), nn.Tanh(), nn.PixelShuffle(2), nn.InstanceNorm2d(6), nn.Softplus()]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Softsign(), nn.Linear(6, 1000), nn.Tanh())


class Unlucky(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        raise KeyError("bad luck")


def unlucky():
    raise KeyError("bad luck")


no_network = 7
sentence = lambda: "not a network"
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    (tmp_path / "foreign_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "foreign_nets"
    sys.modules.pop("foreign_nets", None)


# What torch draws when nobody says anything, beside both laws of the paper (3.1).
LAWS = "uniform, variance 2 / (fan-in + fan-out), biases 0; or normal, std 0.01, biases 0"
TORCHS = "uniform, variance 0.33 / fan-in, biases drawn"
START = [("initialisation", LAWS, TORCHS, kind) for kind in ("convolutions", "linear layers")]


def test_vgg16_as_libraries_write_it_has_one_more_pooling_before_its_head(nets, audit):
    found = audit(f"{nets}:vgg16")
    assert (found["closest"], found["reading"], found["params"]) == ("vgg16", "paper", 138_357_544)
    assert found["differences"][0] == {
        "what": "head pooling", "paper": "none", "found": "adaptive average to 7x7", "where": "31", "places": ["31"],
    }  # fmt: skip
    rest = [(one["what"], one["paper"], one["found"], one["where"]) for one in found["differences"][1:]]
    assert rest == START


def test_another_number_of_classes_is_no_deviation(nets, audit):
    found = audit(f"{nets}:vgg16_for_seven")
    assert (found["closest"], found["classes"]) == ("vgg16", 7)
    assert [(one["what"], one["paper"], one["found"], one["where"]) for one in found["differences"]] == [
        ("head pooling", "none", "adaptive average to 7x7", "31"),
        ("dropout share", "0.5", "0.2", "in 2 places: 35, 38"),
        *START,
    ]


def test_a_published_reading_is_recognised_and_told_apart_from_the_paper(nets, audit):
    found = audit(f"{nets}:resnet50")
    assert (found["closest"], found["reading"], found["macs"]) == ("resnet50", "v1.5", 4_089_184_256)
    assert found["beyond_reading"] == []
    assert [(one["what"], one["paper"], one["found"], one["where"]) for one in found["differences"]] == [
        ("convolution stride", "2", "1", "in 3 places: 7.a, 11.a, 17.a"),
        ("convolution stride", "1", "2", "in 3 places: 7.b, 11.b, 17.b"),
        ("multiply-adds", "3,857,973,248", "4,089,184,256", "the whole network"),
    ]


def test_it_can_be_held_against_a_network_and_reading_by_name(nets, audit):
    assert audit(f"{nets}:resnet50", "--against", "resnet50:v1.5")["differences"] == []
    against = audit(f"{nets}:resnet50", "--against", "resnet-50")
    assert (against["closest"], against["reading"]) == ("resnet50", "paper")
    assert len(against["differences"]) == 3


def test_a_network_far_from_all_of_ours_is_none_of_the_line(nets, audit, lenext):
    found = audit(f"{nets}:stranger")
    assert found["likeness"] < 0.5
    assert "It is none of the line" in lenext("audit", f"{nets}:stranger")[1]
    assert audit("lenet5")["likeness"] == 1


@pytest.mark.parametrize("name", ["lenet5", "lenext:vgg11_lrn", "plain18", "preresnet110_cifar"])
def test_our_own_networks_are_their_papers(audit, name):
    found = audit(name)
    assert found["closest"] == name.removeprefix("lenext:")
    assert found["differences"] == found["beyond_reading"] == []


def test_a_run_folder_is_audited_by_its_weights(audit, trained):
    found = audit(str(trained))
    assert (found["closest"], found["reading"], found["differences"]) == ("lenet5", "paper", [])


def test_a_person_reads_a_sentence_or_a_table(lenext):
    status, output, said = lenext("audit", "resnet50", "--reading", "v1.5")
    assert (status, said) == (0, "")
    assert "resnet50: closest to resnet50 (reading: v1.5)" in output
    assert "From reading v1.5: no difference." in output
    header = next(line for line in output.splitlines() if line.startswith("what "))
    assert header.split() == ["what", "paper", "found", "where"]
    assert "From the paper: no difference, layer by layer." in lenext("audit", "lenet5")[1]


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["resnet5"], "no network called 'resnet5'", "resnet50"),
        (["foreign_nets:vgg17"], "cannot be imported", "torchvision:NAME"),
        (["no_such_package.nets:build"], "cannot be imported", "torchvision:NAME"),
        (["foreign_nets:no_network"], "cannot be called", "without arguments"),
        (["foreign_nets:unlucky"], "makes no network: KeyError: 'bad luck'", "Correct that code"),
        (["foreign_nets:Unlucky"], "does not go through Unlucky: 'bad luck'", "--against"),
        (["foreign_nets:sentence"], "no torch module or Keras model but str", "torchvision:NAME"),
        (["foreign_nets:vgg16", "--reading", "v1.5"], "has no readings", "lenext models"),
        (["foreign_nets:vgg16", "--against", "vgg15"], "no network called 'vgg15'", "vgg16"),
        (["foreign_nets:vgg16", "--against", "vgg16:v2"], "no reading 'v2'", "paper"),
        (["nothing.safetensors"], "no model at", "weight file"),
    ],
)
def test_wrong_use_is_one_sentence_and_a_remedy(nets, refused, words, message, remedy):
    status, error = refused("audit", *words)
    assert (status, error["kind"]) == (2, "usage")
    assert message in error["message"]
    assert remedy in error["remedy"]


@pytest.mark.parametrize("library", ["torchvision", "timm", "keras"])
def test_a_library_that_is_not_there_is_named_with_its_package(refused, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    status, error = refused("audit", f"{library}:vgg16")
    assert status == 2
    assert error["message"] == f"{library} is not installed here."
    assert f"pip install {library}" in error["remedy"]
