"""What a run found out before its first step, as the report shows it: the sweep of learning rates, and the trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lenext.evaluation.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Tick


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Loss over learning rate (logarithmic) in a drawing of WIDTH x HEIGHT; ``found`` is the place of the choice."""

    path: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    found: float
    rate: float

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


@dataclass(frozen=True, kw_only=True)
class Row:
    """A trial of a search: its number from 1, what it changed, its last validation score, whether it was given up."""

    number: int
    values: str
    score: float | None
    pruned: bool


def curve(sweep: Mapping[str, Any] | None) -> Curve | None:
    """The drawing of a sweep ``{"rates", "losses", "found"}``; None without one, or with too little to draw."""
    if sweep is None or len(sweep["rates"]) < 2:
        return None
    rates, losses = sweep["rates"], sweep["losses"]
    low, high = min(losses), max(losses)
    x_axis = Axis(rates[0], rates[-1], LEFT, WIDTH - RIGHT, logarithmic=True)
    y_axis = Axis(low, high if high > low else low + 1, HEIGHT - BOTTOM, TOP)
    powers = range(math.ceil(math.log10(rates[0]) - 1e-9), math.floor(math.log10(rates[-1])) + 1)
    return Curve(
        path=tuple((x_axis.place(x), y_axis.place(y)) for x, y in zip(rates, losses, strict=True)),
        x_ticks=tuple(Tick(x_axis.place(10.0**power), f"1e{power}") for power in powers),
        y_ticks=tuple(Tick(y_axis.place(value), f"{value:.3g}") for value in dict.fromkeys((low, high))),
        found=x_axis.place(sweep["found"]),
        rate=sweep["found"],
    )


def rows(trials: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The trials of a search, the best first."""
    found = [
        Row(
            number=trial["number"] + 1,
            values=", ".join(f"{field} {value:g}" for field, value in trial["values"].items()),
            score=trial["scores"][-1] if trial["scores"] else None,
            pruned=trial["pruned"],
        )
        for trial in trials
    ]
    return sorted(found, key=lambda row: (row.pruned, math.inf if row.score is None else -row.score, row.number))
