"""Pre-activation: nothing stands on the way from one sum to the next, and who shares an activation shares it whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.layers.network import Network
from lenext.layers.residual import ZeroPadding
from lenext.models.preresnet import Design, Unit, stage


def on_meta(name: str) -> Network:
    with torch.device("meta"):
        return create_model(name)


def units(network: Network) -> dict[str, Unit]:
    return {name: unit for name, unit in network.stages.named_modules() if isinstance(unit, Unit)}


def test_a_unit_leaves_the_sum_alone() -> None:
    branch = nn.Conv2d(2, 2, 1)
    nn.init.zeros_(branch.weight)
    nn.init.zeros_(branch.bias)
    x = torch.randn(1, 2, 3, 3)
    assert (x < 0).any()
    assert torch.equal(Unit(nn.ReLU(), branch, None)(x), x)


def test_a_shortcut_of_its_own_starts_after_the_shared_activation() -> None:
    branch = nn.Conv2d(2, 2, 1)
    nn.init.zeros_(branch.weight)
    nn.init.zeros_(branch.bias)
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(Unit(nn.ReLU(), branch, nn.Identity())(x), x.clamp(min=0))


def test_only_the_first_unit_and_those_that_change_dimensions_have_a_shortcut_of_their_own() -> None:
    for name in ("preresnet110_cifar", "preresnet164_cifar", "preresnet50"):
        found = units(on_meta(name))
        own = [place.split(".")[1] for place, unit in found.items() if unit.shortcut is not None]
        assert own == [f"conv{stage}_1" for stage in range(2, 2 + len(own))]
        assert len(own) == len(on_meta(name).stages)


def test_projections_are_bare_convolutions_and_110_pads_with_zeros() -> None:
    own = [unit.shortcut for unit in units(on_meta("preresnet50")).values() if unit.shortcut is not None]
    assert {type(shortcut) for shortcut in own} == {nn.Conv2d}
    padded = [unit.shortcut for unit in units(on_meta("preresnet110_cifar")).values() if unit.shortcut is not None]
    assert [type(shortcut) for shortcut in padded] == [nn.Identity, ZeroPadding, ZeroPadding]


def test_the_last_sum_is_activated_within_the_last_stage() -> None:
    network = on_meta("preresnet164_cifar")
    assert list(dict(network.stages.conv4_x.named_children()))[-2:] == ["bn", "relu"]
    assert "bn" not in dict(network.stages.conv3_x.named_children())


def test_imagenet_activates_before_the_pool_and_cifar_within_the_first_unit() -> None:
    assert list(dict(on_meta("preresnet50").stem.named_children())) == ["conv1", "bn1", "relu1"]
    assert isinstance(units(on_meta("preresnet50"))["conv2_x.conv2_1"].activation, nn.Identity)
    assert list(dict(on_meta("preresnet164_cifar").stem.named_children())) == ["conv1"]
    first = units(on_meta("preresnet164_cifar"))["conv2_x.conv2_1"].activation
    assert [type(part) for part in first.children()] == [nn.BatchNorm2d, nn.ReLU]


def test_imagenet_halves_the_map_in_the_3x3_and_cifar_in_the_first_1x1() -> None:
    def strides(name: str) -> list[int]:
        branch = units(on_meta(name))["conv3_x.conv3_1"].branch
        return [part.stride[0] for part in branch.children() if isinstance(part, nn.Conv2d)]

    assert strides("preresnet50") == [1, 2, 1]
    assert strides("preresnet164_cifar") == [2, 1, 1]
    assert strides("preresnet110_cifar") == [2, 1]


def test_images_of_any_size_and_shape_are_taken() -> None:
    for name, size in (("preresnet50", (64, 96)), ("preresnet110_cifar", (33, 47))):
        network = on_meta(name).eval()
        assert network(torch.empty(2, 3, *size, device="meta")).shape == (2, network.num_classes)


@pytest.mark.parametrize("design", [Design("33", (2,) * 3, "A", 1), Design("131", (2,) * 3, "B", 1)])
def test_every_weight_of_a_stage_learns(design: Design) -> None:
    torch.manual_seed(0)
    units = nn.Sequential(stage("conv3", design, 2, 8, 16, 2))
    x = torch.randn(2, 8, 6, 6)
    units(x).square().mean().backward()
    assert units(x).shape[2:] == (3, 3)
    assert all(weight.grad is not None and weight.grad.any() for weight in units.parameters())


def test_the_10_2_million_of_1001_layers_are_convolutions_and_classifier_alone() -> None:
    weights = [
        m.weight.numel() for m in on_meta("preresnet1001_cifar").modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    assert sum(weights) == 10_178_480
