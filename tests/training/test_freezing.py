"""Frozen parts: which they are, that no optimiser holds them, and that training mode leaves them out."""

import pytest
from torch import nn

from lenext.errors import UsageError
from lenext.models import create_model
from lenext.recipes import AdamW, Transfer
from lenext.training.freezing import freeze, frozen_parts, training_mode
from lenext.training.optim import build_optimizer


@pytest.fixture
def network():
    return create_model("resnet20_cifar", num_classes=3)


@pytest.mark.parametrize(
    ("last", "names"),
    [
        ("none", []),
        ("stem", ["stem"]),
        ("lower", ["stem", "stages.conv2_x", "stages.conv3_x"]),
        ("conv3_x", ["stem", "stages.conv2_x", "stages.conv3_x"]),
        ("all", ["stem", "stages.conv2_x", "stages.conv3_x", "stages.conv4_x"]),
    ],
)
def test_parts_up_to_a_stage(network, last, names):
    found = {name for name, part in network.named_modules() if any(part is one for one in frozen_parts(network, last))}
    assert {name for name in found if not name.startswith("head")} == set(names)
    assert "head.fc" not in found


def test_an_unknown_stage_names_near_ones(network):
    with pytest.raises(UsageError, match="no stage 'conv3'") as refused:
        frozen_parts(network, "conv3")
    assert "conv3_x" in refused.value.remedy


def test_no_optimizer_holds_what_is_frozen(network):
    freeze(network, Transfer(freeze="conv3_x"))
    optimizer = build_optimizer(AdamW(lr=1.0, layer_decay=0.5), network)
    held = {parameter for group in optimizer.param_groups for parameter in group["params"]}
    free = [network.stages.conv4_x, network.head]
    assert held == {parameter for part in free for parameter in part.parameters()}


def test_training_mode(network):
    training_mode(network, Transfer(freeze="conv3_x"))()
    assert network.training
    assert network.head.training
    assert not network.stem.training
    assert not any(part.training for part in network.modules() if isinstance(part, nn.BatchNorm2d))
    training_mode(network, None)()
    assert all(part.training for part in network.modules())
