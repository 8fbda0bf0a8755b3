"""``lenext audit``: the network of the line that a module is closest to, and how it deviates from the paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from lenext.api.target import Target, read_target
from lenext.errors import UsageError
from lenext.explain.audit import Comparison, Point, compare, likeness, signature
from lenext.explain.trace import Size, Trace, trace
from lenext.layers.network import Network
from lenext.models import FILES, build_options, canonical, create_model, line, list_models, readings

PAPER = "paper"
FAMILIES, KIN = 2, 12  # the likeliest papers, and of each the networks of nearest size, whose weights are looked at
TRACED = 4  # of those the likeliest, which are traced in all their readings
ALIKE = 0.75  # others are traced only if their likeness is this share of the best one


@dataclass(frozen=True)
class Candidate:
    """A network of the line in one reading, made for the target's channels and classes, and the target beside it."""

    name: str
    reading: str
    found: Trace
    comparison: Comparison


def audit(target: str, *, reading: str = PAPER, against: str | None = None) -> dict[str, Any]:
    """The document of ``lenext audit --json``.

    target: ``torchvision:NAME``, ``timm:NAME``, ``package.module:thing``, a weight file or run folder, a name of ours
    (in ``reading``). against: ``NAME`` or ``NAME:READING``, a network of ours to compare with instead of the closest.
    ``differences`` are those from the paper (from the reading that ``against`` names); ``beyond_reading`` those that
    the closest published reading does not have either. Raises the errors of ``lenext.errors``.
    """
    given = read_target(target, reading)
    if against is None:
        best = closest(given)
        paper = best if best.reading == PAPER else candidate(given, best.name, PAPER)
    else:
        name, _, chosen = against.partition(":")
        best = paper = candidate(given, canonical(name), chosen or PAPER)
    return {
        "target": target,
        "closest": best.name,
        "reading": best.reading,
        "against": paper.reading,
        "input": list(best.found.size),
        "classes": best.found.classes,
        "params": best.found.params,
        "macs": best.found.macs,
        "differences": [spoken(point) for point in paper.comparison.points],
        "beyond_reading": [spoken(point) for point in best.comparison.points],
    }


def spoken(point: Point) -> dict[str, Any]:
    return {
        "where": point.where,
        "what": point.what,
        "paper": point.paper,
        "found": point.found,
        "places": list(point.places),
    }


def closest(target: Target) -> Candidate:
    """The network and reading with the least to change; of equals the oldest."""
    found = list(traced(target))
    if not found:
        remedy = "Name the network to compare with: --against NAME."
        raise UsageError(f"{target.name} takes no image that a network of the line takes.", remedy)
    return min(found, key=lambda one: one.comparison.distance)


def traced(target: Target) -> Iterator[Candidate]:
    """The likeliest networks, in every reading; those that see other images than the target can are left out."""
    for name in likely(target.network):
        for reading in readings(name):
            try:
                yield candidate(target, name, reading)
            except UsageError:
                continue


def likely(network: nn.Module) -> list[str]:
    """Networks whose weights have the most shapes in common, in the order of the line.

    Each paper is judged by its network of nearest size, then the networks of the likeliest papers are.
    """
    if isinstance(network, Network) and network.name:
        return [network.name]  # one of ours says which
    count = sum(weight.numel() for weight in network.parameters())
    seen = signature(network)

    def by_size(names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: abs(math.log(line()[name]["params"] / max(1, count))))

    @cache
    def alike(name: str) -> float:
        return likeness(signature(build(name)), seen)

    families = [by_size(names) for names in FILES.values()]
    families.sort(key=lambda names: -alike(names[0]))
    near = [name for names in families[:FAMILIES] for name in names[:KIN]]
    best = max(map(alike, near))
    likeliest = [name for name in sorted(near, key=alike)[-TRACED:] if alike(name) >= ALIKE * best]
    return [name for name in list_models() if name in likeliest]


def build(name: str, **options: Any) -> Network:
    """A network of ours without memory for weights."""
    with torch.device("meta"):
        return create_model(name, **options)


def candidate(target: Target, name: str, reading: str) -> Candidate:
    """One network of ours beside the target, both at our paper's input where the target takes it, else each at its own.

    Raises ``UsageError`` where it takes neither, and for unknown readings.
    """
    network = build(name, reading=reading)
    found = trace_target(target, network.input_size)
    options: dict[str, Any] = {}
    if found.classes != network.num_classes:
        options["num_classes"] = found.classes
    if found.size[0] != network.input_size[0]:
        options["in_channels"] = found.size[0]
    if found.auxiliary and "auxiliary" in build_options(name):
        options["auxiliary"] = True
    if options:
        network = build(name, reading=reading, **options)
    paper = trace(network, network.input_size)
    return Candidate(name, reading, found, compare(paper, found))


def trace_target(target: Target, size: Size) -> Trace:
    """The target at the size of the paper's images, or at that of its own."""
    size = (first_channels(target.network) or size[0], *size[1:])
    try:
        return trace(target.network, size)
    except UsageError:
        if target.size is None or target.size == size:
            raise
        return trace(target.network, target.size)


def first_channels(network: nn.Module) -> int | None:
    """What the first convolution reads."""
    return next((module.in_channels for module in network.modules() if isinstance(module, nn.Conv2d)), None)
