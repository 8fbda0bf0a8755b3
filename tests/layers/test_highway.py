"""Two ways with factors: constants are what they say, and a gate starts where its bias puts it and stays there."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lenext.layers.highway import Gate, WeighedUnit
from lenext.layers.init import initialise
from lenext.recipes import He


class Plus(nn.Module):
    """A branch that is easily followed: x + 3."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 3


X = torch.tensor([-8.0, -1.0, 0.0, 2.0]).reshape(1, 1, 2, 2)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        (("1", "1"), [0, 1, 3, 7]),  # ReLU(x + x + 3)
        (("0", "1"), [0, 2, 3, 5]),  # ReLU(x + 3)
        (("0.5", "1"), [0, 1.5, 3, 6]),
        (("0.5", "0.5"), [0, 0.5, 1.5, 3.5]),
    ],
)
def test_constants_multiply_the_shortcut_and_the_branch(factors: tuple[str, str], expected: list[float]) -> None:
    assert WeighedUnit(Plus(), nn.Identity(), factors, None)(X).flatten().tolist() == expected


def flat_gate(bias: float) -> Gate:
    """One that says the same everywhere."""
    gate = Gate(1, 1, 1, bias)
    nn.init.zeros_(gate.conv.weight)
    return gate


def test_a_gate_shares_what_passes_between_the_ways_or_takes_from_the_shortcut_alone() -> None:
    gate = flat_gate(-math.log(3))  # g = 1 / 4
    exclusive = WeighedUnit(Plus(), nn.Identity(), ("1-g", "g"), gate)(X).flatten().tolist()
    assert exclusive == pytest.approx([0, 0, 0.75, 2.75])  # ReLU(3 x / 4 + (x + 3) / 4)
    alone = WeighedUnit(Plus(), nn.Identity(), ("1-g", "1"), gate)(X).flatten().tolist()
    assert alone == pytest.approx([0, 1.25, 3, 6.5])  # ReLU(3 x / 4 + x + 3)


def test_a_gate_sees_every_channel_and_halves_the_map_with_its_unit() -> None:
    gate = Gate(2, 3, 2, 0.0)
    with torch.no_grad():
        gate.conv.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])[..., None, None])
    x = torch.randn(1, 2, 5, 5)
    expected = torch.sigmoid(torch.cat([x, x[:, :1] - x[:, 1:]], 1)[:, :, ::2, ::2])
    assert torch.allclose(gate(x), expected)


def test_initial_weights_leave_the_bias_of_a_gate() -> None:
    gate = Gate(4, 8, 1, -6.0)
    before = gate.conv.weight.clone()
    initialise(gate, He(fan="in"))
    assert gate.bias.tolist() == [-6.0] * 8
    assert not torch.equal(gate.conv.weight, before)


def test_a_gate_learns() -> None:
    unit = WeighedUnit(nn.Conv2d(2, 2, 3, padding=1), nn.Identity(), ("1-g", "g"), Gate(2, 2, 1, -1.0))
    unit(torch.randn(2, 2, 4, 4)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in unit.parameters())
