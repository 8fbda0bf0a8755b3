"""What a few steps tell before a run, on a copy that is thrown away: how fast a task is, and whether to compile it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise

from lenext.evaluation.inference import probabilities
from lenext.training.budget import Clock
from lenext.training.compiling import OFF, ON, compiler_missing
from lenext.training.one_sample_gradients import OneSampleGradients
from lenext.training.rate_finder import batches
from lenext.training.task import Batch, Task

SHARE = 0.03  # ours: of the limit, what each of the two probes may take
LEAST, MOST = 1, 50  # ours: steps that are measured; on a slow machine each one costs what the run itself needs
STEPS = 5  # ours: of each kind, compiled and not, that are measured
GAIN = 0.5  # ours: the most that is hoped for of a compiled step, as a share of the step
COMPILER = 20.0  # ours: seconds that a compiler takes at least; what cannot save so many is not tried


@dataclass(frozen=True)
class Speed:
    """Seconds of one step of training, images read and augmented, and of one test image."""

    per_step: float
    per_test_image: float


def probe(task: Task, clock: Clock, limit: float) -> Speed:
    """Measure for a small share of ``limit`` seconds; the first step and batch, which set things up, apart."""
    task.train()
    steps = []
    for step, (batch, at) in enumerate(batches(task)):
        task.learn(batch, (step, *at), 0.0)
        steps.append(clock.elapsed())
        if enough(steps, limit):
            break
    views = task.training.views(task.recipe.view, task.test_batch)
    tests = [clock.elapsed()]
    for one in islice(views, MOST):
        probabilities(task.network, task.pipeline.statistics, [one], task.compute)
        tests.append(clock.elapsed())
        if enough(tests, limit):
            break
    together = min(task.test_batch, len(task.training.part))
    return Speed(typical(steps), typical(tests) / together)


def enough(times: list[float], limit: float) -> bool:
    """Whether so many times have been seen, or so much time has passed, that one may stop."""
    measured = len(times) - 1
    return measured >= MOST or (measured >= LEAST and times[-1] - times[0] > SHARE * limit)


def typical(times: list[float]) -> float:
    """The mean time between two moments, the first apart where there are more; at least a microsecond."""
    spans = [after - before for before, after in pairwise(times)]
    return max(1e-6, statistics.fmean(spans[1:] or spans))


def whether_to_compile(task: Task) -> tuple[str, str]:
    """On or off for ``--compile auto``, and why: by a few steps of both kinds on a network that may be spoilt."""
    missing = uncompiled(task) or compiler_missing(task.compute.device)
    if missing:
        return OFF, f"not compiled: {missing}"
    task.train()
    some = [(batch, at) for batch, at in islice(batches(task), STEPS) if len(batch[1]) == task.cuts[1]]
    _, plain = measured(task, some)
    left = plain * task.steps
    if left * GAIN < COMPILER:
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
