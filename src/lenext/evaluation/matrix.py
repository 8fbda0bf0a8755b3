"""A confusion matrix as cells to draw: counts with the strength of their colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lenext.evaluation.measure import Confused, Evaluation, most_confused

WRITTEN = 30  # up to so many classes, a table with its numbers
DRAWN = 100  # up to so many, a drawing without; beyond, only the most confused pairs
PAIRS = 15


@dataclass(frozen=True)
class Cell:
    """``count`` images; ``kind`` is "hit" on the diagonal, "miss" beside it, "none" for 0; ``strength`` in 0..1."""

    column: int
    count: int
    kind: str
    strength: float


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The rows of cells of a matrix, or none when it has too many classes; ``pairs`` where the cells do not tell."""

    written: bool
    rows: tuple[tuple[Cell, ...], ...]
    pairs: tuple[Confused, ...]


def matrix(evaluation: Evaluation) -> Matrix:
    """The confusion matrix of ``evaluation`` in the form that its number of classes allows."""
    classes = len(evaluation.classes)
    rows = tuple(map(_cells, range(classes), evaluation.confusion)) if classes <= DRAWN else ()
    pairs = most_confused(evaluation, PAIRS) if classes > WRITTEN else []
    return Matrix(written=classes <= WRITTEN, rows=rows, pairs=tuple(pairs))


def _cells(truth: int, counts: tuple[int, ...]) -> tuple[Cell, ...]:
    support = sum(counts)
    return tuple(_cell(truth, column, count, support) for column, count in enumerate(counts))


def _cell(truth: int, column: int, count: int, support: int) -> Cell:
    if count == 0:
        return Cell(column, 0, "none", 0.0)
    share = count / support
    if column == truth:
        return Cell(column, count, "hit", round(share, 3))
    return Cell(column, count, "miss", round(0.2 + 0.8 * math.sqrt(share), 3))  # one slip must be seen too
