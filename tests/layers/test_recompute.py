"""What the backward pass computes again is what the forward pass computed, and leaves no second trace."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lenext.layers.recompute import recompute, statistics_aside


def part() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5))


def trained(module: nn.Module, x: Tensor, *, again: bool) -> tuple[Tensor, dict[str, Tensor | None]]:
    torch.manual_seed(1)
    y = recompute(module, (x,), module) if again else module(x)
    torch.manual_seed(2)  # the second pass draws nothing from here
    y.square().sum().backward()
    return y, {name: weight.grad for name, weight in module.named_parameters()}


def test_outputs_gradients_and_statistics_are_those_of_one_pass() -> None:
    x = torch.randn(4, 3, 5, 5)
    plain, twice = part(), part()
    (y, gradients), (z, same) = trained(plain, x, again=False), trained(twice, x, again=True)
    assert torch.equal(y, z)
    for name, gradient in gradients.items():
        assert gradient is not None
        assert torch.equal(gradient, same[name])
    for name, value in plain.named_buffers():
        assert torch.equal(value, dict(twice.named_buffers())[name])
    assert twice[1].num_batches_tracked == 1


class Halt(nn.Module):
    def forward(self, _: Tensor) -> Tensor:
        raise ValueError("halt")


def run(module: nn.Module) -> None:
    with statistics_aside(module):
        module(torch.randn(2, 3, 4, 4))


def test_statistics_are_put_back_after_an_error() -> None:
    module = part()
    before = dict(module.named_buffers())
    module[3] = Halt()
    with pytest.raises(ValueError, match="halt"):
        run(module)
    assert all(value is before[name] for name, value in module.named_buffers())
    assert module[1].num_batches_tracked == 0
