"""Optimisers against ten lines of numpy, over a run with a warm-up and a drop."""

import numpy as np
import pytest
import torch
from torch import nn

from lenext.errors import UsageError
from lenext.recipes import SGD, AdamW, DiagonalLM, RMSProp, RubbishClass, TruePenalty, VelocitySGD
from lenext.training.checkpoint import optimizer_tensors, restore_optimizer
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


def velocity_sgd(start, goal, value, share=1.0):
    weight, velocity = np.array(start), 0.0
    for rate in RATES:
        gradient = weight - goal + value.weight_decay * weight
        velocity = value.momentum * velocity - share * rate * gradient
        weight = weight + velocity
    return weight


def rmsprop(start, goal, value):
    weight, square, velocity = np.array(start), 1.0, 0.0
    for rate in RATES:
        gradient = weight - goal + value.weight_decay * weight
        square = value.decay * square + (1 - value.decay) * gradient**2
        velocity = value.momentum * velocity + rate * gradient / np.sqrt(square + value.eps)
        weight = weight - velocity
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


@pytest.mark.parametrize(
    "value",
    [
        VelocitySGD(lr=0.1),
        VelocitySGD(lr=0.1, momentum=0.9, weight_decay=0.05),
        VelocitySGD(lr=0.1, momentum=0.9, weight_decay=0.05, bias_rate=2.0),
    ],
)
def test_velocity_sgd_is_its_formula_with_another_rate_for_biases(value):
    weight, bias = trained(value)
    assert np.abs(weight - velocity_sgd(np.full((3, 4), 2.0), TARGET, value)).max() < 1e-12
    assert np.abs(bias - velocity_sgd(np.full(3, -1.0), 3.0, value, value.bias_rate)).max() < 1e-12


def test_after_a_drop_the_velocity_of_caffe_goes_on_at_the_old_rate():
    both = [trained(kind(lr=0.1, momentum=0.9))[0] for kind in (SGD, VelocitySGD)]
    assert np.abs(both[0] - both[1]).max() > 1e-3


@pytest.mark.parametrize(
    "value", [RMSProp(lr=0.1), RMSProp(lr=0.1, decay=0.8, momentum=0.9, eps=1e-3, weight_decay=0.05)]
)
def test_rmsprop_is_tensorflows_formula(value):
    weight, bias = trained(value)
    assert np.abs(weight - rmsprop(np.full((3, 4), 2.0), TARGET, value)).max() < 1e-12
    assert np.abs(bias - rmsprop(np.full(3, -1.0), 3.0, value)).max() < 1e-12


class TestDiagonalLM:
    """Every weight has its own rate, from the second derivatives that the epoch began with."""

    @staticmethod
    def network():
        from lenext import create_model

        torch.manual_seed(5)
        return create_model("lenet5").double()

    @staticmethod
    def batches(images):
        torch.manual_seed(6)
        inputs, labels = torch.randn(images, 1, 32, 32).double(), torch.arange(images) % 10
        return [(inputs[:3], labels[:3]), (inputs[3:], labels[3:])]

    def test_it_is_its_formula_with_h_as_the_mean_over_all_batches(self):
        from lenext.training.second_order import curvature

        network, batches = self.network(), self.batches(5)
        optimizer = build_optimizer(DiagonalLM(lr=1.0, mu=0.02), network)
        optimizer.begin_epoch(network, TruePenalty(), batches)
        parts = [curvature(network, *batch, TruePenalty()) for batch in batches]
        divisors = [0.02 + (3 * first + 2 * second) / 5 for first, second in zip(*parts, strict=True)]
        expected = [parameter.detach().numpy().copy() for parameter in network.parameters()]
        for rate in (1e-3, 1e-4):
            set_rate(optimizer, rate)
            network(batches[0][0]).sum().backward()
            steps = [rate / h.numpy() * p.grad.numpy() for h, p in zip(divisors, network.parameters(), strict=True)]
            expected = [weight - step for weight, step in zip(expected, steps, strict=True)]
            optimizer.step()
            optimizer.zero_grad()
        for weight, parameter in zip(expected, network.parameters(), strict=True):
            assert np.abs(weight - parameter.detach().numpy()).max() < 1e-12

    def test_of_eq_9_only_the_penalty_of_the_true_class_gives_second_derivatives(self):
        network, batches = self.network(), self.batches(5)
        optimizers = [build_optimizer(DiagonalLM(lr=1.0), network) for _ in range(2)]
        for optimizer, loss in zip(optimizers, (TruePenalty(), RubbishClass(j=100.0)), strict=True):
            optimizer.begin_epoch(network, loss, batches)
        for parameter in network.parameters():
            assert torch.equal(*(optimizer.state[parameter]["divisor"] for optimizer in optimizers))

    def test_what_it_needs_to_go_on_is_in_its_state(self):
        network, batches = self.network(), self.batches(5)
        optimizer = build_optimizer(DiagonalLM(lr=1.0), network)
        optimizer.begin_epoch(network, TruePenalty(), batches)
        again = build_optimizer(DiagonalLM(lr=1.0), network)
        restore_optimizer(again, optimizer_tensors(optimizer))
        for parameter in network.parameters():
            assert torch.equal(optimizer.state[parameter]["divisor"], again.state[parameter]["divisor"])


@pytest.mark.parametrize(
    "value",
    [
        VelocitySGD(lr=0.1, momentum=0.9, weight_decay=0.1),
        RMSProp(lr=0.1, momentum=0.9),
        AdamW(lr=0.1),
        SGD(lr=0.1, momentum=0.9),
    ],
)
def test_a_state_that_was_written_and_read_goes_on_to_the_same_bits(value):
    def steps(optimizer, bowl, rates):
        for rate in rates:
            set_rate(optimizer, rate)
            optimizer.zero_grad()
            bowl.loss().backward()
            optimizer.step()

    whole, first, second = Bowl(), Bowl(), Bowl()
    steps(build_optimizer(value, whole), whole, RATES)
    before = build_optimizer(value, first)
    steps(before, first, RATES[:7])
    second.load_state_dict(first.state_dict())
    after = build_optimizer(value, second)
    restore_optimizer(after, optimizer_tensors(before))
    steps(after, second, RATES[7:])
    assert torch.equal(whole.weight, second.weight)
    assert torch.equal(whole.bias, second.bias)


@pytest.mark.parametrize("spared", [("vectors",), ()])
@pytest.mark.parametrize("value", [AdamW(lr=0.1), AdamW(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)])
def test_adamw_is_its_formula_and_spares_biases_unless_told(value, spared):
    value = AdamW(**{**vars(value), "spared": spared})
    weight, bias = trained(value)
    decay = value.weight_decay
    assert np.abs(weight - adamw(np.full((3, 4), 2.0), TARGET, value, decay)).max() < 1e-12
    assert np.abs(bias - adamw(np.full(3, -1.0), 3.0, value, 0.0 if spared else decay)).max() < 1e-12


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
        VelocitySGD(lr=-0.1),
        VelocitySGD(lr=0.1, momentum=-1),
        RMSProp(lr=0.1, eps=-1),
        DiagonalLM(lr=0.1, mu=-1),
    ],
)
def test_settings_that_make_no_optimiser_are_refused(value):
    with pytest.raises(UsageError, match=f"{type(value).__name__} cannot work with its settings") as caught:
        build_optimizer(value, nn.Linear(1, 1))
    assert "--set optimizer" in caught.value.remedy
