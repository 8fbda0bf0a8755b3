"""Operations that are written out are known for what they are."""

import math

import pytest
import torch
from torch import nn

from lenext.explanation.trace import trace


class Written(nn.Module):
    """A convolution, then a function of its map, then a mean and a classifier."""

    def __init__(self, function, **layers):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.function = function
        self.fc = nn.Linear(8, 4)
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.fc(self.function(self, self.conv(x)).mean((2, 3)))


def steps(function, **layers):
    """What stands between the convolution and the mean."""
    found = trace(Written(function, **layers), (3, 8, 8)).steps
    assert [found[0].kind, found[-1].kind] == ["convolution", "linear layer"]
    return [(step.kind, dict(step.constants)) for step in found[1:-2]]


def gelu(_, x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_in_another_order(_, x):
    return 0.5 * (x * (torch.erf(x * math.sqrt(0.5)) + 1.0))


def hard_swish(_, x):
    return x * torch.clamp(x + 3, 0, 6) / 6


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (gelu, "GELU"),
        (gelu_in_another_order, "GELU"),
        (lambda _, x: x * torch.sigmoid(x), "SiLU"),
        (hard_swish, "hard swish"),
    ],
)
def test_an_activation_that_is_spelt_out_is_one_step(function, name):
    assert steps(function) == [("activation", {"type": name})]


def test_half_a_gelu_is_no_gelu():
    kinds = [kind for kind, _ in steps(lambda _, x: x * (1 + torch.erf(x / math.sqrt(2))))]
    assert "activation" not in kinds
    assert len(kinds) > 1


def test_a_layer_normalisation_that_is_spelt_out_is_one_step():
    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(8)), nn.Parameter(torch.zeros(8))

        def forward(self, x):
            centred = x - x.mean(1, keepdim=True)
            scaled = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
            return self.weight[:, None, None] * scaled + self.bias[:, None, None]

    assert [kind for kind, _ in steps(lambda net, x: net.norm(x), norm=Norm())] == ["normalisation"]
