"""The confusion matrix's cells, and its form for few, many and very many classes."""

from __future__ import annotations

import pytest
from sample_runs import noisy_evaluation

from lenext.evaluation.matrix import matrix


def evaluation(classes):
    return noisy_evaluation([f"c{number}" for number in range(classes)], 40 * classes)


@pytest.mark.parametrize(
    ("classes", "written", "drawn", "pairs"),
    [(2, True, True, 0), (30, True, True, 0), (31, False, True, 15), (101, False, False, 15)],
)
def test_its_form_follows_the_number_of_classes(classes, written, drawn, pairs):
    found = matrix(evaluation(classes))
    assert (found.written, bool(found.rows), len(found.pairs)) == (written, drawn, pairs)


def test_cells_carry_the_counts_and_say_right_from_wrong():
    measured = evaluation(5)
    rows = matrix(measured).rows
    assert tuple(tuple(cell.count for cell in row) for row in rows) == measured.confusion
    for truth, row in enumerate(rows):
        for cell in row:
            assert (cell.kind == "hit") == (cell.column == truth and cell.count > 0)
            assert (cell.kind == "none") == (cell.count == 0) == (cell.strength == 0)
            assert 0 <= cell.strength <= 1


def test_a_single_slip_can_be_seen():
    slips = [cell for row in matrix(evaluation(20)).rows for cell in row if cell.kind == "miss" and cell.count == 1]
    assert slips
    assert min(cell.strength for cell in slips) > 0.25
