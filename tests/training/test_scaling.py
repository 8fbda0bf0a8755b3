"""Half precision: its factor is in the gradients of the loss alone, falls when they overflow, and is resumed."""

import pytest
import torch
from everything import EVERYTHING, network, sit, task
from test_loop import bits

from lenext.evaluation.inference import Compute
from lenext.training.scaling import Scaled, Unscaled, scaling_of


def half(**more):
    made = task(EVERYTHING, **more)
    object.__setattr__(made, "compute", Compute(torch.device("cpu"), "fp16"))
    return made


def test_only_fp16_needs_it():
    assert isinstance(scaling_of("fp16", torch.device("cpu")), Scaled)
    assert type(scaling_of("bf16", torch.device("cpu"))) is Unscaled


def test_the_factor_is_taken_out_before_clipping_and_the_step():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer, scaling = torch.optim.SGD([weight], lr=0.1), Scaled(torch.device("cpu"))
    seen = []
    scaling.backward((3 * weight).sum())
    assert weight.grad.item() == 3 * 65536
    scaling.update(optimizer, lambda: seen.append(weight.grad.item()))
    assert seen == [3.0]
    assert weight.item() == pytest.approx(1.7)


def test_a_step_that_overflows_is_left_out_and_the_factor_falls():
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer, scaling = torch.optim.SGD([weight], lr=0.1), Scaled(torch.device("cpu"))
    scaling.backward((weight * 1e38).sum())
    scaling.update(optimizer, lambda: None)
    assert weight.item() == 2.0
    assert scaling.state()["scale"] == 32768


def test_a_run_in_fp16_is_resumed_to_the_same_bits(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    progress = sit(whole, half())
    assert progress.scale["_growth_tracker"] == 16
    for kills in range(50):
        try:
            again = sit(killed, half(net=network(kills and 99), dies=3), every=0.0)
        except KeyboardInterrupt:
            continue
        break
    assert again.scale == progress.scale
    assert bits(killed) == bits(whole)
