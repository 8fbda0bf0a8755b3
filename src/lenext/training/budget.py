"""A limit of time: the clock of a run over all its sittings, how much fits, and schedules that still reach their end.

What was planned is kept in the run and in its checkpoints, so that a resumed run goes on by the same plan. A plan is
changed at the end of an epoch alone, when the run proves slower than its probe: the schedule then runs faster.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lenext.errors import UsageError

SLACK = 0.9  # ours: of the time for training, what is planned; epochs differ by some per cent
EVERY = 1.0  # seconds between two notes of the clock, which a killed sitting loses at most

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
TIMES = (rf"{NUMBER}", rf"(?=.)(?:{NUMBER}h)?(?:{NUMBER}m)?(?:{NUMBER}s)?")  # seconds; hours, minutes, seconds


def seconds_of(text: str) -> float:
    """``90s``, ``30m``, ``2h``, ``1h30m``; a bare number is seconds. Raises UsageError for anything else."""
    for pattern in TIMES:
        found = re.fullmatch(pattern, text.strip().lower())
        if found:
            units = (3600.0, 60.0, 1.0)[-len(found.groups()) :]
            seconds = sum(float(number or 0) * unit for number, unit in zip(found.groups(), units, strict=True))
            if seconds > 0:
                return seconds
    raise UsageError(f"--time-limit is {text!r}.", "Give a time such as 90s, 30m, 2h or 1h30m.")


class Clock:
    """Seconds of a run over all of its sittings; ``path`` holds them for the next one, ``began`` is when this one did.

    now: the time, in seconds from anywhere.
    """

    def __init__(self, path: Path, began: float | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self._now = path, now
        self._began = now() if began is None else began
        self._noted = -math.inf
        self._before = 0.0
        with suppress(OSError, ValueError):
            self._before = max(0.0, float(path.read_text(encoding="ascii")))

    def elapsed(self) -> float:
        """Seconds up to now; noted in the file once a second."""
        now = self._now()
        total = self._before + now - self._began
        if now - self._noted >= EVERY:
            self._noted = now
            beside = self._path.with_name(f".unfinished-{self._path.name}")
            with suppress(OSError):
                beside.write_text(f"{total:.3f}", encoding="ascii")
                os.replace(beside, self._path)
        return total


@dataclass(frozen=True)
class Pace:
    """Which step of the schedule a step stands for; part of a checkpoint.

    From step ``since``, which stands for step ``place`` of the schedule, the run has as many steps as lead to
    ``total``, and the schedule is run through to its end in them. A run that was never shortened has no total.
    """

    since: int = 0
    place: float = 0.0
    total: int | None = None

    def step(self, step: int, planned: int) -> float:
        """The schedule's step for the run's, where ``planned`` were planned at first."""
        if self.total is None:
            return step
        return self.place + (step - self.since) * (planned - self.place) / (self.total - self.since)

    def steps(self, planned: int) -> int:
        """Steps of the whole run."""
        return planned if self.total is None else self.total

    def shortened(self, step: int, left: int, planned: int) -> Pace:
        """The pace of a run that has ``left`` steps from ``step`` on."""
        return Pace(step, self.step(step, planned), step + left)


class Unlimited:
    """A run that may take as long as it takes."""

    def over(self) -> bool:
        """Whether training must end after the present step."""
        return False

    def fitting(self, steps: int, per_epoch: int) -> int:  # noqa: ARG002 - without a limit all fit
        """How many of the ``steps`` that are left can be done in time; whole epochs of ``per_epoch`` where one can."""
        return steps

    def lap(self, steps: int) -> None:
        """Note that ``steps`` steps were done, and their validation, since the lap before."""


class TimeLimit(Unlimited):
    """A run whose training must be over when its ``clock`` shows ``end`` seconds."""

    def __init__(self, clock: Clock, end: float) -> None:
        self._clock, self._end = clock, end
        self._started = clock.elapsed()
        self._per_step = 0.0

    def over(self) -> bool:
        return self._clock.elapsed() >= self._end

    def lap(self, steps: int) -> None:
        now = self._clock.elapsed()
        if steps:
            self._per_step = (now - self._started) / steps
        self._started = now

    def fitting(self, steps: int, per_epoch: int) -> int:
        left = max(0.0, self._end - self._clock.elapsed())
        if steps * self._per_step <= left:
            return steps
        return whole_epochs(math.floor(left * SLACK / self._per_step), per_epoch)


def whole_epochs(steps: int, per_epoch: int) -> int:
    """As many steps as make whole epochs, where there are enough for one."""
    return steps - steps % per_epoch if steps >= per_epoch else steps


def budget_of(clock: Clock | None, end: float | None) -> Unlimited:
    """The budget of a run whose training ends at a second of its clock; unlimited without."""
    return Unlimited() if clock is None or end is None else TimeLimit(clock, end)
