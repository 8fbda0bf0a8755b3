"""How sure a figure is that is no proportion: the interval of its bootstrap (Efron 1979), the same at every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lenext.data.draws import uniforms
from lenext.evaluation.intervals import Interval
from lenext.evaluation.metrics import Doubles, Floats, Ints

RESAMPLES = 1000
STREAM = 1  # of the draws, with the seed 0; ``compare`` has the stream before it


def draws(images: int, stream: int = STREAM) -> Iterator[Doubles]:
    """For each of ``RESAMPLES`` resamples a number in [0, 1) for every image, decided by its place alone."""
    for number in range(RESAMPLES):
        yield uniforms((0, stream), number, 0, -(-images // 4), 4).ravel()[:images]


def counts(images: int, stream: int = STREAM) -> Iterator[Ints]:
    """For each resample how often it holds each of ``images`` images: as many in all."""
    for drawn in draws(images, stream):
        yield np.bincount((drawn * images).astype(np.int64), minlength=images)


def percentile(statistic: Callable[[Ints], float], images: int) -> Interval:
    """``statistic`` of all images, and the 95 % percentile interval of its bootstrap.

    statistic: from how often each image counts (N whole numbers) to the figure.
    """
    drawn = [statistic(times) for times in counts(images)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = statistic(np.ones(images, dtype=np.int64))
    return Interval(value, min(value, float(low)), max(value, float(high)))


def mean(values: Floats) -> Interval:
    """The mean of one figure of every image, with the interval of its bootstrap."""
    return percentile(lambda times: float(times @ values / len(values)), len(values))
