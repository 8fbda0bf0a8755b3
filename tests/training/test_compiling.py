"""A compiled step gives the loss and gradients of the layers; ``auto`` says no where it cannot pay, without trying."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
from everything import PLAIN, network, task
from torch import nn

from lenext.recipes import CrossEntropy
from lenext.training import compile_probe
from lenext.training.compile_probe import whether_to_compile
from lenext.training.compiling import OFF, ON, compiled_heads, compiler_missing
from lenext.training.objective import Objective
from lenext.training.rate_finder import batches

CPU = torch.device("cpu")


@pytest.mark.skipif(compiler_missing(CPU) is not None, reason="there is no C++ compiler here")
def test_a_compiled_pass_is_that_of_the_layers() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    plain = Objective(lambda inputs: (network(inputs),), CrossEntropy(), 0.0)
    compiled = compiled_heads(plain, {4})
    for images in (4, 3):  # the second goes through the layers as they are
        inputs, labels = torch.randn(images, 6), torch.arange(images) % 3
        found = []
        for objective in (plain, compiled):
            loss = objective(objective.heads(inputs), labels)
            found.append((loss, *torch.autograd.grad(loss, list(network.parameters()))))
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(one, other)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.delenv("CXX", raising=False)
    assert compiler_missing(CPU) == "there is no C++ compiler (g++)"


@pytest.mark.skipif(compiler_missing(CPU) is not None, reason="there is no C++ compiler here")
@pytest.mark.parametrize(("fast", "chosen"), [(0.1, ON), (0.99, OFF)])
def test_auto_weighs_what_is_saved_against_compiling(monkeypatch: pytest.MonkeyPatch, fast: float, chosen: str) -> None:
    job = task(replace(PLAIN, epochs=50), net=network())  # 250 steps
    seconds = {False: (2.0, 1.0), True: (30.0, fast)}
    monkeypatch.setattr(compile_probe, "measured", lambda job, _: seconds[job.compiled])
    word, why = whether_to_compile(job)
    assert word == chosen
    assert f"a step takes {fast} s compiled and 1 s else; compiling 30 s" in why


def test_auto_does_not_try_what_cannot_pay() -> None:
    word, why = whether_to_compile(task(PLAIN, net=network()))
    assert word == OFF
    assert why.startswith("not compiled: ")
    assert "compiled and" not in why


@pytest.mark.skipif(compiler_missing(CPU) is not None, reason="there is no C++ compiler here")
@pytest.mark.parametrize(
    ("batch", "micro_batch", "sizes"), [(8, 3, {2, 3}), (8, 4, {4}), (8, 64, {8}), (29, None, {30})]
)
def test_every_pass_of_a_whole_batch_is_compiled(
    monkeypatch: pytest.MonkeyPatch, batch: int, micro_batch: int | None, sizes: set[int]
) -> None:
    """Nearly equal parts are seldom of --micro-batch images, and the 30th image joins the only batch."""
    seen = []

    def program(heads, **_):
        return lambda inputs: (seen.append(len(inputs)), heads(inputs))[1]

    monkeypatch.setattr(torch, "compile", program)
    job = replace(
        task(replace(PLAIN, batch_size=batch), net=network(noisy=False), micro_batch=micro_batch), compiled=True
    )
    first, at = next(batches(job))
    job.learn(first, (0, *at), 0.1)
    assert set(seen) == sizes
    assert sum(seen) == len(first[1])


def test_where_no_steps_are_taken_nothing_is_compiled() -> None:
    assert whether_to_compile(task(replace(PLAIN, epochs=0), net=network())) == (
        OFF,
        "not compiled: no steps are taken",
    )
