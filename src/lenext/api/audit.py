"""``lenext audit``: the network of the line that a module or file is closest to, and how it deviates from the paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from torch import nn

from lenext.api.audited.likely import PAPER, build, likely, title
from lenext.api.audited.starts import start_points
from lenext.api.audited.target import Target, Tensors, read_target
from lenext.api.audited.tensors import audit_tensors
from lenext.errors import UsageError
from lenext.explanation.audit import Comparison, Point, compare, signature, unchanged
from lenext.explanation.trace import Size, Trace, trace
from lenext.layers.network import Network
from lenext.models import build_options, canonical, readings


@dataclass(frozen=True)
class Candidate:
    """A network of the line in one reading, made for the target's channels and classes, and the target beside it."""

    name: str
    reading: str
    options: Mapping[str, Any]
    found: Trace
    comparison: Comparison

    @property
    def title(self) -> str:
        return title(self.name, self.reading)


def audit(target: str, *, reading: str = PAPER, against: str | None = None) -> dict[str, Any]:
    """The document of ``lenext audit --json``.

    target: ``torchvision:NAME``, ``timm:NAME``, ``keras:NAME``, ``package.module:thing``, an ONNX file, a file of
    weights, a run folder, a name of ours (in ``reading``). against: ``NAME`` or ``NAME:READING``, a network of ours to
    compare with instead of the closest. ``differences`` are those from the paper (from the reading that ``against``
    names); ``beyond_reading`` those that the closest published reading does not have either; ``indistinguishable`` are
    other networks and readings with no more to change; of ``not_visible`` the file tells nothing. ``likeness`` is 1
    for the same function, 0 where every step would have to be changed; below ``explanation.audit.KIN`` the target is
    none of the line. Raises the errors of ``lenext.errors``.
    """
    given = read_target(target, reading)
    if isinstance(given, Tensors):
        return audit_tensors(given, against)
    equals: list[str] = []
    if against is None:
        best, *others = closest(given)
        equals = [one.title for one in others]
        paper = best if best.reading == PAPER else candidate(given, best.name, PAPER)
    else:
        name, _, chosen = against.partition(":")
        best = paper = candidate(given, canonical(name), chosen or PAPER)
    shown = trace_target(given, given.size) if given.form and given.size else best.found
    return {
        "target": target,
        "closest": best.name,
        "reading": best.reading,
        "against": paper.reading,
        "likeness": unchanged(best.comparison.distance, best.comparison.steps),
        "input": list(shown.size),
        "classes": shown.classes,
        "params": shown.params,
        "macs": shown.macs,
        "differences": [asdict(point) for point in points(given, paper)],
        "beyond_reading": [asdict(point) for point in points(given, best)],
        "indistinguishable": equals,
        "not_visible": list(given.form.hidden()) if given.form else [],
    }


def points(target: Target, one: Candidate) -> list[Point]:
    """What the target does differently, and from the paper also what it starts from."""
    starts = start_points(target, one.name, one.options) if one.reading == PAPER else ()
    return [*one.comparison.points, *starts]


def closest(target: Target) -> list[Candidate]:
    """The networks and readings with the least to change, the oldest first."""
    refusals: list[UsageError] = []
    found = list(traced(target, refusals))
    if not found:
        remedy = "Name the network to compare with: --against NAME."
        why = f": {refusals[0].message}" if refusals else "."
        raise UsageError(f"{target.name} takes no image that a network of the line takes{why}", remedy)
    least = min(one.comparison.distance for one in found)
    return [one for one in found if one.comparison.distance == least]


def traced(target: Target, refusals: list[UsageError]) -> Iterator[Candidate]:
    """The likeliest networks, in every reading; those that see other images than the target can are left out.

    refusals: where the reasons for leaving one out are put.
    """
    for name in names(target.network):
        for reading in readings(name):
            try:
                yield candidate(target, name, reading)
            except UsageError as error:
                refusals.append(error)


def names(network: nn.Module) -> Sequence[str]:
    if isinstance(network, Network) and network.name:
        return [network.name]  # one of ours says which
    return likely(signature(network), sum(weight.numel() for weight in network.parameters()))


def candidate(target: Target, name: str, reading: str) -> Candidate:
    """One network of ours beside the target, both at our paper's input where the target takes it, else each at its own.

    An ONNX file is also looked at in the size that it fixes, as it may hold margins worked out for that one. Raises
    ``UsageError`` where the target takes neither, and for unknown readings.
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
    best = Candidate(name, reading, options, found, compare(trace(network, network.input_size, target.form), found))
    if target.form is None or target.size in {None, network.input_size} or not best.comparison.points:
        return best
    assert target.size is not None
    try:
        found = trace_target(target, target.size)
        fixed = Candidate(name, reading, options, found, compare(trace(network, target.size, target.form), found))
    except UsageError:
        return best
    return min(best, fixed, key=lambda one: one.comparison.distance)


@lru_cache(maxsize=8)
def trace_target(target: Target, size: Size) -> Trace:
    """The target at the size of the paper's images, or at that of its own."""
    size = (first_channels(target) or size[0], *size[1:])
    try:
        return trace(target.network, size, target.form)
    except UsageError:
        if target.size is None or target.size == size:
            raise
        return trace(target.network, target.size, target.form)


def first_channels(target: Target) -> int | None:
    """What the first convolution reads."""
    if target.form and target.size:
        return target.size[0]
    return next((module.in_channels for module in target.network.modules() if isinstance(module, nn.Conv2d)), None)
