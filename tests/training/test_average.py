"""The moving average against its formula, statistics and all."""

import pytest
import torch
from torch import nn

from lenext.recipes import Average
from lenext.training.average import average_of, decay


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def train(net, average, steps):
    """Changes everything that a step changes; returns the state after each."""
    states = []
    for step in range(1, steps + 1):
        with torch.no_grad():
            net.train()(torch.randn(5, 3))
            for parameter in net.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.update(step)
        states.append({name: tensor.clone().double() for name, tensor in net.state_dict().items()})
    return states


@pytest.mark.parametrize("value", [Average(decay=0.9), Average(decay=0.5), Average(decay=0.999, rising=True)])
def test_it_is_the_formula(value):
    net = network()
    expected = {name: tensor.clone().double() for name, tensor in net.state_dict().items()}
    average = average_of(value, net)
    for step, now in enumerate(train(net, average, 6), 1):
        d = min(value.decay, (1 + step) / (10 + step)) if value.rising else value.decay
        expected = {name: d * mean + (1 - d) * now[name] for name, mean in expected.items()}
        last = now
    for name, tensor in average.tested.state_dict().items():
        wanted = last[name] if "num_batches" in name else expected[name]
        assert torch.allclose(tensor.double(), wanted, atol=1e-6), name
    assert average.tested.state_dict()["1.num_batches_tracked"] == 6


def test_a_rising_decay_lets_the_first_weights_go():
    assert [decay(Average(decay=0.9, rising=True), step) for step in (1, 8, 1000)] == [2 / 11, 9 / 18, 0.9]
    assert decay(Average(decay=0.9), 1) == 0.9


def test_the_network_that_trains_is_left_alone():
    net = network()
    average = average_of(Average(decay=0.9), net)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    average.update(1)
    assert all(tensor.equal(before[name]) for name, tensor in net.state_dict().items())
    assert not any(parameter.requires_grad for parameter in average.tested.parameters())


def test_without_an_average_the_last_weights_are_tested():
    net = network()
    none = average_of(None, net)
    none.update(1)
    assert none.tested is net
    assert none.kept is None
