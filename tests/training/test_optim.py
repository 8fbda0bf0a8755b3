"""Optimisers against ten lines of numpy, over a run with a warm-up and a drop."""

import numpy as np
import pytest
import torch
from torch import nn

from lenext.errors import UsageError
from lenext.recipes import SGD, AdamW
from lenext.training.optim import build_optimizer, set_rate

RATES = [0.01] * 3 + [0.1] * 9 + [0.01] * 8
TARGET = np.linspace(-1, 1, 12).reshape(3, 4)


class Bowl(nn.Module):
    """A loss whose gradient is written down: sum of (w - target)^2 / 2 + (b - 3)^2 / 2."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, 4), 2.0, dtype=torch.float64))
        self.bias = nn.Parameter(torch.full((3,), -1.0, dtype=torch.float64))
        self.frozen = nn.Parameter(torch.ones(2, 2, dtype=torch.float64), requires_grad=False)

    def loss(self):
        return ((self.weight - torch.from_numpy(TARGET)) ** 2).sum() / 2 + ((self.bias - 3) ** 2).sum() / 2


def trained(value):
    bowl = Bowl()
    optimizer = build_optimizer(value, bowl)
    for rate in RATES:
        set_rate(optimizer, rate)
        optimizer.zero_grad()
        bowl.loss().backward()
        optimizer.step()
    assert (bowl.frozen == 1).all()
    return bowl.weight.detach().numpy(), bowl.bias.detach().numpy()


def sgd(start, goal, value):
    weight, velocity = np.array(start), None
    for rate in RATES:
        gradient = weight - goal + value.weight_decay * weight
        velocity = gradient if velocity is None else value.momentum * velocity + gradient
        weight = weight - rate * (gradient + value.momentum * velocity if value.nesterov else velocity)
    return weight


def adamw(start, goal, value, decay):
    weight, mean, square = np.array(start), 0.0, 0.0
    first, second = value.betas
    for step, rate in enumerate(RATES, 1):
        gradient = weight - goal
        mean = first * mean + (1 - first) * gradient
        square = second * square + (1 - second) * gradient**2
        unbiased = mean / (1 - first**step) / (np.sqrt(square / (1 - second**step)) + value.eps)
        weight = weight - rate * decay * weight - rate * unbiased
    return weight


@pytest.mark.parametrize(
    "value",
    [
        SGD(lr=0.1),
        SGD(lr=0.1, momentum=0.9),
        SGD(lr=0.1, momentum=0.9, weight_decay=0.05),
        SGD(lr=0.1, momentum=0.9, weight_decay=0.05, nesterov=True),
    ],
)
def test_sgd_is_its_formula(value):
    weight, bias = trained(value)
    assert np.abs(weight - sgd(np.full((3, 4), 2.0), TARGET, value)).max() < 1e-12
    assert np.abs(bias - sgd(np.full(3, -1.0), 3.0, value)).max() < 1e-12


@pytest.mark.parametrize("decay_norms", [False, True])
@pytest.mark.parametrize("value", [AdamW(lr=0.1), AdamW(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)])
def test_adamw_is_its_formula_and_spares_biases_unless_told(value, decay_norms):
    value = AdamW(**{**vars(value), "decay_norms": decay_norms})
    weight, bias = trained(value)
    decay = value.weight_decay
    assert np.abs(weight - adamw(np.full((3, 4), 2.0), TARGET, value, decay)).max() < 1e-12
    assert np.abs(bias - adamw(np.full(3, -1.0), 3.0, value, decay if decay_norms else 0.0)).max() < 1e-12


def test_adamw_decays_kernels_and_matrices_only():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 5))
    groups = build_optimizer(AdamW(lr=1e-3, weight_decay=0.05), network).param_groups
    decays = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert {name: decays[id(parameter)] for name, parameter in network.named_parameters()} == {
        "0.weight": 0.05, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0, "2.weight": 0.05, "2.bias": 0.0,
    }  # fmt: skip


def test_a_network_whose_parameters_are_all_vectors_is_fine():
    network = nn.BatchNorm2d(3)
    optimizer = build_optimizer(AdamW(lr=0.1, weight_decay=0.5), network)
    network(torch.ones(2, 3, 1, 1)).sum().backward()
    optimizer.step()
    assert network.weight.tolist() == [1, 1, 1]


@pytest.mark.parametrize("value", [SGD(lr=0.1, momentum=0.9, weight_decay=0.1), AdamW(lr=0.1, weight_decay=0.1)])
def test_at_a_rate_of_nothing_nothing_moves(value):
    bowl = Bowl()
    optimizer = build_optimizer(value, bowl)
    for rate in (1e-12, 0.0):
        set_rate(optimizer, rate)
        bowl.loss().backward()
        optimizer.step()
    assert (bowl.weight - 2).abs().max() < 1e-10


@pytest.mark.parametrize(
    "value",
    [
        SGD(lr=-0.1),
        SGD(lr=0.1, momentum=-1),
        SGD(lr=0.1, nesterov=True),
        AdamW(lr=0.1, betas=(1.0, 0.9)),
        AdamW(lr=-1),
    ],
)
def test_settings_that_make_no_optimiser_are_refused(value):
    with pytest.raises(UsageError, match=f"{type(value).__name__} cannot work with its settings") as caught:
        build_optimizer(value, nn.Linear(1, 1))
    assert "--set optimizer" in caught.value.remedy
