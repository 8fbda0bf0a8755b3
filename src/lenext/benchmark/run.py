"""Networks beside rivals: every contestant in turns with the others, and what follows from the times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import geometric_mean
from typing import Any

from lenext.benchmark.case import Case
from lenext.benchmark.limit import convolutions
from lenext.benchmark.timing import Timing, in_turns, interleaved, ratios
from lenext.benchmark.worker import OURS, Worker
from lenext.evaluation.inference import Compute

LIMIT_ROUNDS = 5  # ours


@dataclass(frozen=True)
class Row:
    """One contestant on one case.

    operations: billions; limit: those of the fastest convolution a second; memory: bytes that preparing and a first
    call took; engine: what computed, where one was asked for, and told: why it.
    """

    network: str
    by: str
    batch: int
    timing: Timing
    operations: float
    limit: float
    memory: int | None
    precision: str
    engine: str | None = None
    told: tuple[str, ...] = ()

    @property
    def gflops(self) -> float:
        """Billions of operations a second; everybody computes the same network: those of ours."""
        return self.operations / self.timing.median

    def document(self) -> dict[str, Any]:
        low, high = self.timing.spread
        return {
            "network": self.network,
            "by": self.by,
            "batch": self.batch,
            "milliseconds": {"value": 1e3 * self.timing.median, "low": 1e3 * low, "high": 1e3 * high},
            "images_per_second": self.batch / self.timing.median,
            "gflops": self.gflops,
            "share_of_limit": self.gflops / self.limit,
            "memory": self.memory,
            "samples": len(self.timing.samples),
            "quiet": self.timing.quiet,
            "disturbed": self.timing.disturbed,
            "precision": self.precision,
            **({} if self.engine is None else {"engine": self.engine, "told": list(self.told)}),
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


def measure(case: Case, workers: Sequence[Worker], rounds: int, top: Limit, say: Callable[[str], None]) -> list[Row]:
    """All contestants that have the network, in turns; one that cannot run it is said and left out."""
    prepared = {}
    for worker in workers:
        found = worker.prepare(case)
        if "refused" in found:
            say(found["refused"])
        else:
            prepared[worker] = found
    samplers = {worker: lambda worker=worker: worker.sample(prepared[worker]["calls"]) for worker in prepared}
    timings = in_turns(samplers, rounds=rounds, by_clock=case.threads > 1)
    rows = []
    for worker, timing in timings.items():
        found = prepared[worker]
        rows.append(
            Row(
                case.name, worker.name, case.batch, timing, found["operations"], top.gflops, found["memory"],
                found["precision"], found.get("engine"), tuple(found.get("told", ())),
            )
        )  # fmt: skip
    return rows


def together(rows: Iterable[Row]) -> list[Row]:
    """One row of all samples where a contestant was started several times for a case; a start is up to a tenth faster
    or slower than another of the same program, by where its memory happens to lie.
    """
    found: dict[tuple[str, int, str], Row] = {}
    for row in rows:
        place = row.network, row.batch, row.by
        known = found.get(place)
        samples = row.timing.samples if known is None else known.timing.samples + row.timing.samples
        found[place] = replace(known or row, timing=replace(row.timing, samples=samples))
    return list(found.values())


def compared(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """How many times as fast ours is as each other, case by case; none where one of the two refused the case or a start
    of it, for then their samples are no pairs.
    """
    rows = list(rows)
    ours = {(row.network, row.batch): row for row in rows if row.by == OURS}
    found = []
    for row in rows:
        first = ours.get((row.network, row.batch))
        if row.by == OURS or first is None or len(first.timing.samples) != len(row.timing.samples):
            continue
        value, low, high = ratios(row.timing, first.timing)
        found.append(
            {
                "name": f"{first.by}, {row.network}, batch {row.batch}",
                "against": row.by,
                "precision": row.precision,
                "value": value,
                "low": low,
                "high": high,
                "disturbed": row.timing.disturbed or first.timing.disturbed,
            }
        )
    return found


def against_best(ratios: Iterable[dict[str, Any]], precision: str) -> dict[str, Any] | None:
    """Each case beside the fastest rival of the same precision, the least of these ratios and their geometric mean.

    ratios: as ``compared`` gives them; None where no rival has that precision.
    """
    best: dict[str, dict[str, Any]] = {}
    for ratio in ratios:
        known = best.get(ratio["name"])
        if ratio["precision"] == precision and (known is None or ratio["value"] < known["value"]):
            best[ratio["name"]] = ratio
    if not best:
        return None
    values = [ratio["value"] for ratio in best.values()]
    return {"cases": list(best.values()), "least": min(values), "geometric_mean": geometric_mean(values)}
