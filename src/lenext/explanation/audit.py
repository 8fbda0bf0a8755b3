"""How one network deviates from another, point by point, whoever wrote them: their traces, aligned and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from lenext.explanation.alignment import Pair, align
from lenext.explanation.graph import Step
from lenext.explanation.operators import CONVOLUTION, DROPOUT, LINEAR, NORMALISATION, POOLING
from lenext.explanation.trace import Trace

NOTHING = "none"
KIN = 0.5  # what stays unchanged at least between networks that have anything to do with each other
NAMED = 3  # places that a point names before it only counts them


@dataclass(frozen=True)
class Point:
    """One deviation. ``where``: in words; ``places``: paths in the audited network, in the paper's if it has none."""

    what: str
    paper: str
    found: str
    where: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """distance: how much would have to be changed, 0 when the steps are the same; steps: of the longer of the two."""

    distance: float
    points: tuple[Point, ...]
    steps: int


def signature(network: nn.Module) -> Counter[tuple[int, ...]]:
    """How often each shape of a weight occurs: what two spellings of one network share."""
    return Counter(tuple(weight.shape) for weight in network.parameters() if weight.dim() > 1)


def likeness(one: Counter[tuple[int, ...]], other: Counter[tuple[int, ...]]) -> float:
    """Share of the weights' shapes that two networks have in common, 0 to 1."""
    return (one & other).total() / max(1, (one | other).total())


def unchanged(distance: float, steps: int) -> float:
    """What stays when that much is changed in a network of so many steps, 0 to 1."""
    return round(max(0.0, 1 - distance / max(1, steps)), 3)


def compare(paper: Trace, found: Trace) -> Comparison:
    """What ``found`` does differently from ``paper``; repeated deviations are one point."""
    cost, pairs = align(paper.steps, found.steps)
    beside, training = align(paper.auxiliary, found.auxiliary)
    last = max((number for number, (step, _) in enumerate(pairs) if step and step.kind == CONVOLUTION), default=0)
    raw = [point for number, pair in enumerate(pairs) for point in points(pair, head=number > last)]
    raw += [(f"auxiliary head: {what}", *rest) for pair in training for what, *rest in points(pair, head=False)]
    if not raw:  # elsewhere another number of inputs follows from what was said of the steps before
        raw = [(f"{pair.paper.kind} inputs", *inputs(pair)) for pair in pairs if pair.paper and inputs(pair)]
    merged = [*merge(raw), *totals(paper, found)]
    return Comparison(round(cost + beside, 6), tuple(merged), max(len(paper.steps), len(found.steps)))


Raw = tuple[str, ...]  # what, paper, found, place


def points(pair: Pair, *, head: bool) -> Iterator[Raw]:
    """The deviations of one pair of steps."""
    paper, found = pair
    if paper is None or found is None:
        step = paper or found
        assert step is not None
        told = describe(step)
        place = step.where if found else f"{step.where} of the paper"
        yield (title(step, head=head), told if paper else NOTHING, NOTHING if paper else told, place)
        return
    names = [name for name in {**paper.constants, **found.constants} if name != "inputs"]
    differing = [name for name in names if paper.constants.get(name) != found.constants.get(name)]
    if "type" in differing:
        yield (title(paper, head=head), describe(paper), describe(found), found.where)
        return
    if {"kernel", "padding"} <= set(differing) and keeps_size(paper) and keeps_size(found):
        differing.remove("padding")  # that of any kernel which keeps the map's size
    kind = paper.constants["type"] if paper.kind == NORMALISATION else title(paper, head=head)
    for name in differing:
        yield (f"{kind} {name}", paper.constants.get(name, NOTHING), found.constants.get(name, NOTHING), found.where)


def inputs(pair: Pair) -> Raw:
    """(paper, found, place) where only the numbers of inputs differ."""
    paper, found = pair
    if paper is None or found is None or paper.constants.get("inputs") == found.constants.get("inputs"):
        return ()
    return (paper.constants["inputs"], found.constants["inputs"], found.where)


def keeps_size(step: Step) -> bool:
    sides = [int(side) for side in step.constants["kernel"].split("x")]
    expected = [str(side // 2) for side in sides]
    return step.constants["padding"] in {"x".join(expected), *expected[: len(set(expected)) == 1]}


def title(step: Step, *, head: bool) -> str:
    if step.kind == POOLING:
        return "head pooling" if head else "pooling"
    return step.kind


def describe(step: Step) -> str:
    """A whole step in words."""
    told = dict(step.constants)
    if step.kind == CONVOLUTION and "stride" in told:  # of weights alone nobody knows it
        more = (f", {name} {told[name]}" for name in ("stride", "groups") if told[name] != "1")
        return f"{told['kernel']}, {told['inputs']} to {told['width']}" + "".join(more)
    patterns = {LINEAR: "{inputs} to {width}", DROPOUT: "of {share}", NORMALISATION: "{type}, eps {eps}"}
    if step.kind in patterns and (step.kind != NORMALISATION or "eps" in told):
        return patterns[step.kind].format(**told)
    if step.kind == POOLING and "kernel" in told:
        return f"{told['type']} {told['kernel']}, stride {told['stride']}"
    if set(told) == {"type"}:
        return told["type"]
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "one"


def merge(raw: Sequence[Raw]) -> list[Point]:
    """Equal deviations as one, in the order of the first."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for what, paper, found, place in raw:
        places.setdefault((what, paper, found), []).append(place)
    return [Point(what, paper, found, where(paths), tuple(paths)) for (what, paper, found), paths in places.items()]


def where(places: Sequence[str]) -> str:
    """One place by its path, more by their number and the first paths."""
    if len(places) == 1:
        return places[0] or "the network itself"
    known = [place for place in dict.fromkeys(places) if place]
    named = ", ".join(known[:NAMED]) + (", ..." if len(known) > NAMED else "")
    return f"in {len(places)} places: {named}" if named else f"in {len(places)} places"


def totals(paper: Trace, found: Trace) -> Iterator[Point]:
    """Counts that differ."""
    if paper.params != found.params:
        yield Point("parameters", f"{paper.params:,}", f"{found.params:,}", "the whole network", ())
    if paper.macs != found.macs:
        yield Point("multiply-adds", f"{paper.macs:,}", f"{found.macs:,}", "the whole network", ())
