"""How fast a task is on this machine: a few steps and a few test images, on a copy that is thrown away."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from itertools import islice, pairwise

from lenext.evaluation.inference import probabilities
from lenext.training.budget import Clock
from lenext.training.rate_finder import batches
from lenext.training.task import Task

SHARE = 0.03  # ours: of the limit, what each of the two probes may take
LEAST, MOST = 1, 50  # ours: steps that are measured; on a slow machine each one costs what the run itself needs


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
