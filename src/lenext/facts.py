"""What a paper says, as plain values: where it appeared, what it counted, what it reports, what it claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Where a network comes from."""

    title: str
    authors: str
    year: int
    venue: str
    arxiv: str = ""
    idea: str  # the paper in one sentence


@dataclass(frozen=True)
class Result:
    """One figure that a paper prints: ``value`` in the paper's own unit (error in per cent), ``source`` its address."""

    metric: str
    value: float
    data: str
    protocol: str
    source: str


# What was done and its address, (protocol, source) or (data, protocol, source), -> network -> a figure for each metric,
# None where the paper prints none.
Reported = Mapping[tuple[str, ...], Mapping[str, float | tuple[float | None, ...]]]
ERRORS = ("top-1 error", "top-5 error")
ACCURACIES = ("top-1 accuracy", "top-5 accuracy")


def results(
    reported: Reported, name: str, metrics: tuple[str, ...] = ERRORS, data: str = "ILSVRC-2012 val"
) -> tuple[Result, ...]:
    """The figures of one network among all those that a paper reports."""
    found = []
    for key, table in reported.items():
        *other, protocol, source = key
        figures = table.get(name, ())
        for metric, value in zip(metrics, figures if isinstance(figures, tuple) else (figures,), strict=False):
            if value is not None:
                found.append(Result(metric, value, other[0] if other else data, protocol, source))
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Published:
    """The figures of one network. ``params`` and ``macs`` are exact counts at the paper's input and class count.

    params: trainable parameters; macs: multiply-adds of convolutions and linear layers, one image;
    shapes: stage name -> (channels, height, width) of its output; printed: the paper's own rounded words.
    """

    params: int
    macs: int
    shapes: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    printed: str = ""
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper that an experiment can hold or break."""

    name: str
    statement: str
    source: str


@dataclass(frozen=True)
class Difference:
    """One deviation of a reading from the paper; ``option`` and ``value`` build it, so text and network cannot drift.

    where: the part of the network; paper: what the paper has; found: what the reading has; source: who publishes it.
    """

    where: str
    paper: str
    found: str
    source: str
    option: str
    value: Any
