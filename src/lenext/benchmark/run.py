"""Networks beside rivals: every piece of work in turns with the others, and what follows from the times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lenext.benchmark import peak
from lenext.benchmark.case import Case
from lenext.benchmark.limit import convolutions
from lenext.benchmark.rivals import Contestant
from lenext.benchmark.timing import Timing, Work, interleaved, ratios
from lenext.evaluation.inference import Compute

LIMIT_ROUNDS = 5  # ours


@dataclass(frozen=True)
class Row:
    """One contestant on one case. memory: bytes that preparing and a first call took; share: of the limit, 0 to 1."""

    network: str
    by: str
    batch: int
    timing: Timing
    operations: float
    share: float
    memory: int | None

    @property
    def per_second(self) -> float:
        """Images."""
        return self.batch / self.timing.median

    @property
    def speed(self) -> float:
        """Billions of operations a second."""
        return self.operations / self.timing.median

    def document(self) -> dict[str, Any]:
        low, high = self.timing.spread
        return {
            "network": self.network,
            "by": self.by,
            "batch": self.batch,
            "milliseconds": {"value": 1e3 * self.timing.median, "low": 1e3 * low, "high": 1e3 * high},
            "images_per_second": self.per_second,
            "gflops": self.speed,
            "share_of_limit": self.share,
            "memory": self.memory,
            "samples": len(self.timing.samples),
            "quiet": self.timing.quiet,
            "disturbed": self.timing.disturbed,
        }


@dataclass(frozen=True)
class Limit:
    """The fastest convolution of this run: its name, and billions of operations a second."""

    name: str
    gflops: float


def limit(compute: Compute, threads: int) -> Limit:
    """Measure it."""
    made = convolutions(compute)
    timings = interleaved({name: work for name, (work, _) in made.items()}, rounds=LIMIT_ROUNDS, threads=threads)
    speeds = {name: made[name][1] / timing.median for name, timing in timings.items()}
    best = max(speeds, key=lambda name: speeds[name])
    return Limit(best, speeds[best])


def measure(
    case: Case, contestants: Sequence[Contestant], rounds: int, top: Limit, say: Callable[[str], None]
) -> list[Row]:
    """All contestants that have the network, in turns; one that fails is said and left out."""
    works: dict[str, Work] = {}
    memory: dict[str, int | None] = {}
    for one in contestants:
        try:
            made, memory[one.name] = peak.measured(lambda one=one: started(one, case), case.compute.device)  # type: ignore[misc]
        except (RuntimeError, ValueError, NotImplementedError, TypeError) as error:
            say(f"{one.name} cannot run {case.name}: {str(error).splitlines()[0] if str(error) else error!r}")
            continue
        if made is None:
            say(f"{one.name} has no {case.name}.")
        else:
            works[one.name] = made
    timings = interleaved(works, rounds=rounds, threads=case.threads)
    return [
        Row(
            case.name,
            name,
            case.batch,
            timing,
            case.operations,
            case.operations / timing.median / top.gflops,
            memory[name],
        )
        for name, timing in timings.items()
    ]


def started(one: Contestant, case: Case) -> Work | None:
    """A contestant's work after its first call, with which it sets itself up."""
    work = one.prepare(case)
    if work is not None:
        work()
    return work


def compared(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """How many times as fast the first contestant is as each other, case by case."""
    found, first = [], None
    for row in rows:
        if first is None or (first.network, first.batch) != (row.network, row.batch):
            first = row
            continue
        value, low, high = ratios(row.timing, first.timing)
        found.append(
            {
                "name": f"{first.by}, {row.network}, batch {row.batch}",
                "against": row.by,
                "value": value,
                "low": low,
                "high": high,
                "disturbed": row.timing.disturbed or first.timing.disturbed,
            }
        )
    return found
