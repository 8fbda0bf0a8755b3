"""Shapes without torch's compiler: the same as torch's own, and no wait for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from lenext.errors import UsageError
from lenext.explanation import meta, summary
from lenext.explanation.meta import RULES
from lenext.models import create_model

NETWORKS = [
    "lenet5", "alexnet", "nin", "vgg11_lrn", "googlenet", "inception_v3", "resnet50", "resnet20_cifar",
    "preresnet110_cifar", "densenet121", "resnext50_32x4d", "xception", "mobilenet_v1", "efficientnet_b0",
    "convnext_tiny", "convnext_roadmap_resnet50_05",
]  # fmt: skip


def summarised(name, size):
    with torch.device("meta"):
        return summary.summarise(create_model(name), size)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_has_the_layers_that_torch_sees(name, monkeypatch):
    with torch.device("meta"):
        network = create_model(name)
    with_rules = summary.summarise(network, network.input_size)
    monkeypatch.setattr(meta, "RULES", {})
    assert summary.summarise(network, network.input_size) == with_rules


def empty(*shape):
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 0), (3, 2, 1), (3, 3, 1), (5, 3, 2), (1, 2, 0), (2, 3, 1)])
def test_pools_are_as_large_as_torchs(window, up):
    for side in range(window[0], 14):
        x = torch.zeros(2, 3, side, side + 4)
        kernel, stride, padding = ((one, one) for one in window)
        assert (
            meta.max_pool(x, kernel, stride, padding, (1, 1), up)[0].shape
            == F.max_pool2d(x, *window, ceil_mode=up).shape
        )
        assert meta.average_pool(x, kernel, stride, padding, up).shape == F.avg_pool2d(x, *window, ceil_mode=up).shape


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolutions_are_as_large_as_torchs(stride, padding, dilation):
    weight = torch.zeros(4, 3, 3, 2)
    for side in range(5, 12):
        x = torch.zeros(1, 6, side, side + 1)
        real = F.conv2d(x, weight, None, stride, padding, dilation, groups=2)
        pairs = ((one, one) for one in (stride, padding, dilation))
        assert meta.convolution(x, weight, None, *pairs, False, (0, 0), 2).shape == real.shape


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.conv2d(empty(1, 3, 8, 8), empty(4, 2, 3, 3)),  # channels
        lambda: F.conv2d(empty(1, 3, 2, 2), empty(4, 3, 3, 3)),  # too small
        lambda: F.max_pool2d(empty(1, 3, 2, 2), 3),
        lambda: torch.cat([empty(1, 3, 2, 2), empty(1, 3, 3, 2)], 1),
        lambda: empty(1, 3, 2, 2) + empty(1, 3, 3, 2),
        lambda: F.linear(empty(1, 3), empty(4, 5), empty(4)),
    ],
)
def test_what_does_not_fit_is_left_to_torch_which_refuses_it(call):
    class Watch(summary.Recorder):
        pass

    with pytest.raises(RuntimeError), Watch(empty(1, 3, 8, 8)):
        call()


def test_a_wrong_image_is_refused_in_words():
    with pytest.raises(UsageError, match="does not go through"):
        summarised("resnet50", (1, 224, 224))


def test_training_and_whole_numbers_are_left_to_torch():
    norm = [torch.ones(3, device="meta")] * 4
    assert meta.batch_norm(empty(2, 3, 4, 4), *norm, True, 0.1, 1e-5) is None
    assert not meta.on_meta(torch.zeros(3, dtype=torch.int64, device="meta"))
    assert not meta.on_meta(torch.zeros(3))
    assert torch.ops.aten.convolution in RULES


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_b0", "densenet121"])
def test_nobody_waits_for_the_compiler(name):
    run = f"""if True:
        import sys, torch
        from lenext.explanation.summary import summarise
        from lenext.models import create_model
        with torch.device("meta"):
            network = create_model("{name}")
        summarise(network, network.input_size)
        print(sorted({{"sympy", "torch._dynamo"}} & set(sys.modules)))"""
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
