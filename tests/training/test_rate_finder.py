"""The sweep on a loss that one knows: a quadratic, whose rates are good below 2; and on a small network."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from everything import EVERYTHING, PLAIN, network, task

from lenext.errors import Failed
from lenext.models import create_model
from lenext.recipes import Transfer
from lenext.training.rate_finder import HIGH, LOW, STEPS, find_rate, steepest


class Quadratic:
    """One half of w squared, descended by its gradient w; stands for a task."""

    def __init__(self):
        self.w, self.cuts = 1.0, [0, 1]
        self.network = torch.nn.Linear(1, 1)

    def train(self): ...

    def begin_epoch(self, epoch): ...

    def order(self, epoch): ...

    def batches(self, *_):
        return iter([None])

    def learn(self, _batch, _at, rate):
        loss = torch.tensor(self.w**2 / 2)
        self.w -= rate * self.w
        return loss, None


def test_on_a_quadratic_it_finds_where_the_loss_falls_most():
    sweep = find_rate(Quadratic())
    step = math.log(HIGH / LOW) / (STEPS - 1)
    # Until rate r the loss has fallen by exp(-2 r / step): its slope in log r is steepest at r = step / 2.
    assert sweep.found == pytest.approx(step / 2, rel=0.5)
    assert len(sweep.rates) <= STEPS  # it ends where the loss explodes, above a rate of 2
    w = 1.0
    for _ in range(60):
        w -= sweep.found * w
    assert abs(w) < 0.05


def test_on_a_network_it_is_a_function_of_the_seed():
    first, second = (find_rate(task(EVERYTHING, net=network())) for _ in range(2))
    assert first == second
    assert LOW < first.found < HIGH
    assert first.rates[0] == LOW
    assert min(first.losses) < first.losses[0]


def test_what_a_transfer_keeps_the_sweep_keeps():
    job = task(
        replace(PLAIN, transfer=Transfer(freeze="none")),
        net=create_model("resnet20_cifar", num_classes=3, in_channels=1),
    )
    find_rate(job, steps=5)
    means = [part.running_mean for part in job.network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert means
    assert not any(mean.any() for mean in means)


def test_a_loss_that_never_falls_is_said():
    with pytest.raises(Failed, match="never falls") as failed:
        steepest(np.geomspace(1e-6, 1, 20), np.linspace(1, 3, 20))
    assert "lenext check" in failed.value.remedy


def test_noise_on_the_way_down_is_smoothed():
    rates = np.geomspace(1e-6, 10, 100)
    clean = 2 / (1 + (rates / 1e-2) ** 1.0)
    noisy = clean + np.random.default_rng(0).normal(0, 0.02, 100)
    assert steepest(rates, noisy) == pytest.approx(1e-2, rel=1.0)
