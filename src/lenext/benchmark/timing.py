"""Times of several pieces of work on a machine that others use too: in turns, in random order, disturbed ones marked.

On one thread a time is the CPU time of the process, which others hardly change. On more it is that of the clock, and a
sample counts only where /proc/stat says that others left the processors alone.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

Work = Callable[[], object]
Key = TypeVar("Key")

QUIET = 0.12  # ours: processors that others may use during a sample that counts
LEAST_QUIET = 3  # ours: samples without disturbance that a median needs
PATIENCE = 3.0  # ours: seconds to wait for others before each sample
SAMPLE = 0.3  # ours: seconds of a sample, at least


@dataclass(frozen=True)
class Sample:
    """Seconds of one call, the mean over a sample; foreign: processors that others used, None where nobody says."""

    seconds: float
    foreign: float | None

    @property
    def quiet(self) -> bool:
        return self.foreign is None or self.foreign < QUIET


@dataclass(frozen=True)
class Timing:
    """The samples of one piece of work, in the order of the rounds."""

    samples: tuple[Sample, ...]
    by_clock: bool

    @property
    def quiet(self) -> int:
        """How many samples count."""
        return sum(sample.quiet or not self.by_clock for sample in self.samples)

    @property
    def disturbed(self) -> bool:
        """Whether too few samples were quiet for the figures to mean much."""
        return self.quiet < min(LEAST_QUIET, len(self.samples))

    @property
    def counted(self) -> tuple[float, ...]:
        """Seconds of the samples that count; where too few do, of the least disturbed ones."""
        if not self.by_clock:
            return tuple(sample.seconds for sample in self.samples)
        if not self.disturbed:
            return tuple(sample.seconds for sample in self.samples if sample.quiet)
        calm = sorted(self.samples, key=lambda sample: sample.foreign or 0.0)
        return tuple(sample.seconds for sample in calm[:LEAST_QUIET])

    @property
    def median(self) -> float:
        return statistics.median(self.counted)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.counted), max(self.counted)


def interleaved(works: Mapping[str, Work], *, rounds: int, threads: int) -> dict[str, Timing]:
    """Time every work once a round, each round in another order; two calls before that do not count."""
    by_clock = threads > 1
    calls = {name: calls_of(work, by_clock=by_clock) for name, work in works.items()}
    samplers = {name: partial(sample, work, calls[name], by_clock=by_clock) for name, work in works.items()}
    return in_turns(samplers, rounds=rounds, by_clock=by_clock)


def in_turns(samplers: Mapping[Key, Callable[[], Sample]], *, rounds: int, by_clock: bool) -> dict[Key, Timing]:
    """A sample of each a round, each round in another order; where the clock counts, after a wait for quiet."""
    found: dict[Key, list[Sample]] = {name: [] for name in samplers}
    shuffle = random.Random(0).shuffle  # noqa: S311 - an order, no secret
    for _ in range(rounds):
        names = list(samplers)
        shuffle(names)
        for name in names:
            if by_clock:
                wait_for_quiet(PATIENCE)
            found[name].append(samplers[name]())
    return {name: Timing(tuple(samples), by_clock) for name, samples in found.items()}


def calls_of(work: Work, *, by_clock: bool) -> int:
    """How many calls a sample has; warms up."""
    work()
    once = sample(work, 1, by_clock=by_clock).seconds
    return max(1, round(SAMPLE / max(once, 1e-6)))


def sample(work: Work, calls: int, *, by_clock: bool) -> Sample:
    clock = time.perf_counter if by_clock else time.process_time
    before, start, began = foreign_seconds(), time.perf_counter(), clock()
    for _ in range(calls):
        work()
    spent, wall, after = clock() - began, time.perf_counter() - start, foreign_seconds()
    foreign = None if before is None or after is None else max(0.0, after - before) / max(wall, 1e-9)
    return Sample(spent / calls, foreign)


def wait_for_quiet(limit: float) -> bool:
    """Wait until others leave the processors alone, for ``limit`` seconds at most; whether they do."""
    end = time.perf_counter() + limit
    while True:
        before, start = foreign_seconds(), time.perf_counter()
        if before is None:
            return True
        time.sleep(0.06)
        after = foreign_seconds() or before
        if (after - before) / (time.perf_counter() - start) < QUIET:
            return True
        if time.perf_counter() > end:
            return False


def foreign_seconds() -> float | None:
    """CPU seconds that all other processes have used since the machine began, and what a hypervisor took."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:]
    except OSError:
        return None
    ticks = [int(word) for word in first]
    busy = (sum(ticks[:3]) + sum(ticks[5:8])) / os.sysconf("SC_CLK_TCK")  # all but idle, waiting and guests
    own = os.times()
    return busy - (own.user + own.system + own.children_user + own.children_system)


def ratios(slow: Timing, fast: Timing) -> tuple[float, float, float]:
    """How many times as fast the second is: by the medians, and the least and largest of the counted samples' pairs."""
    value = slow.median / fast.median
    pairs = [a.seconds / b.seconds for a, b in zip(slow.samples, fast.samples, strict=True) if counts(a, b, slow)]
    return value, min([*pairs, value]), max([*pairs, value])


def counts(one: Sample, other: Sample, timing: Timing) -> bool:
    return not timing.by_clock or (one.quiet and other.quiet)
