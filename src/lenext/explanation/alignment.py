"""Two networks side by side: which step of the one is which of the other, with the least that must be changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from lenext.explanation.graph import Step

GAP = 1.0  # a step that only one of them has
# What it costs that one constant differs. All together cost less than two gaps: steps of one kind meet if need be.
COSTS = {"type": 0.5, "kernel": 0.3, "width": 0.3, "stride": 0.2, "groups": 0.2, "inputs": 0.05}
OTHER, ELSEWHERE = 0.1, 0.1  # any other constant; a result of another size, so that equal steps find their own place


class Pair(NamedTuple):
    """A step of the paper and what stands for it in the other network; None where one has nothing."""

    paper: Step | None
    found: Step | None


def align(paper: Sequence[Step], found: Sequence[Step]) -> tuple[float, list[Pair]]:
    """The cost, and the pairs in order: edit distance, where steps of different kinds are never one another."""
    start = common(paper, found)
    end = common(paper[start:][::-1], found[start:][::-1])
    head = [Pair(*both) for both in zip(paper[:start], found[:start], strict=True)]
    tail = [Pair(*both) for both in zip(paper[len(paper) - end :], found[len(found) - end :], strict=True)]
    cost, middle = distance(paper[start : len(paper) - end], found[start : len(found) - end])
    return cost, [*head, *middle, *tail]


def common(one: Sequence[Step], other: Sequence[Step]) -> int:
    """How many steps at the start are the same."""
    return sum(1 for _ in takewhile(lambda both: same(*both), zip(one, other, strict=False)))


def same(one: Step, other: Step) -> bool:
    return (one.kind, one.units, one.constants) == (other.kind, other.units, other.constants)


def distance(paper: Sequence[Step], found: Sequence[Step]) -> tuple[float, list[Pair]]:
    """The table of Wagner and Fischer, row by row, and the way back through it."""
    known: dict[tuple[object, object], float] = {}
    across = [key(step) for step in found]
    rows = [[GAP * column for column in range(len(found) + 1)]]
    for step in paper:
        down, above, row = key(step), rows[-1], [rows[-1][0] + GAP]
        for column, over in enumerate(across):
            cost = known.get((down, over))
            if cost is None:
                cost = known[down, over] = change(step, found[column])
            row.append(min(above[column] + cost, above[column + 1] + GAP, row[column] + GAP))
        rows.append(row)
    return rows[-1][-1], way_back(rows, paper, found)


def way_back(rows: Sequence[Sequence[float]], paper: Sequence[Step], found: Sequence[Step]) -> list[Pair]:
    """The pairs from the end of the table to its start, turned round."""
    pairs, row, column = [], len(paper), len(found)
    while row or column:
        here = rows[row][column]
        if row and column and here == rows[row - 1][column - 1] + change(paper[row - 1], found[column - 1]):
            row, column = row - 1, column - 1
            pairs.append(Pair(paper[row], found[column]))
        elif row and here == rows[row - 1][column] + GAP:
            row -= 1
            pairs.append(Pair(paper[row], None))
        else:
            column -= 1
            pairs.append(Pair(None, found[column]))
    return pairs[::-1]


def key(step: Step) -> object:
    return (step.kind, step.units, *step.constants.values())


def change(paper: Step, found: Step) -> float:
    """What it costs to make one step the other."""
    if paper.kind != found.kind:
        return 2 * GAP + ELSEWHERE
    names = paper.constants.keys() | found.constants.keys()
    cost = sum(COSTS.get(name, OTHER) for name in names if paper.constants.get(name) != found.constants.get(name))
    return cost + (ELSEWHERE if paper.units != found.units else 0)
