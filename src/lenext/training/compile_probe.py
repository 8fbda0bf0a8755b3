"""``--compile auto``: whether a compiled step saves more time in a run than its compiler takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import cycle, islice

from lenext.training.compiling import OFF, ON, compiler_missing
from lenext.training.one_sample_gradients import OneSampleGradients
from lenext.training.rate_finder import batches
from lenext.training.task import Batch, Task

STEPS = 5  # ours: that are measured of each kind
GAIN = 0.5  # ours: the most that is hoped for, as a share of the step
LEAST = 20.0  # ours: seconds that a compiler takes at least; what cannot save so many is not tried


def whether_to_compile(task: Task) -> tuple[str, str]:
    """On or off, and why: by a few steps of both kinds on a network that may be spoilt."""
    missing = uncompiled(task) or compiler_missing(task.compute.device)
    if missing:
        return OFF, f"not compiled: {missing}"
    task.train()
    some = [(batch, at) for batch, at in islice(batches(task), STEPS) if len(batch[1]) == task.cuts[1]]
    _, plain = measured(task, some)
    left = plain * task.steps
    if left * GAIN < LEAST:
        return OFF, f"not compiled: all steps take about {left:.2g} s, and a compiler tens of seconds"
    once, fast = measured(replace(task, compiled=True), some)
    words = f"a step takes {fast:.3g} s compiled and {plain:.3g} s else; compiling {once:.2g} s"
    if (plain - fast) * task.steps > once:
        return ON, f"compiled: {words}"
    return OFF, f"not compiled: {words}"


def uncompiled(task: Task) -> str | None:
    """Why a program for the network would never be called; None where it would."""
    if not task.steps:
        return "no steps are taken"
    if isinstance(task.gradients, OneSampleGradients):
        return "steps on single images are written out for this network"
    return None


def measured(task: Task, some: Iterable[tuple[Batch, tuple[int, int]]]) -> tuple[float, float]:
    """Seconds of the first step, and of a later one."""
    seconds = []
    for step, (batch, at) in enumerate(islice(cycle(some), STEPS + 1)):
        began = time.perf_counter()
        loss, _ = task.learn(batch, (step, *at), 0.0)
        loss.item()  # waits for a GPU
        seconds.append(time.perf_counter() - began)
    return seconds[0], statistics.median(seconds[1:])
