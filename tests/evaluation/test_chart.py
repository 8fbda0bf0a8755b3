"""The learning curves' geometry: what is drawn, where, and what is left out."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_runs import curves

from lenext.evaluation.chart import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, charts


def inside(chart):
    places = [place for line in chart.lines for place in line.path]
    return all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in places)


def test_a_run_has_a_loss_and_an_accuracy_chart():
    loss, accuracy = charts(curves(20))
    assert [loss.title, accuracy.title] == ["Loss", "Accuracy"]
    assert [line.role for line in loss.lines] == ["train", "val"]
    assert (loss.x_label, loss.best) == ("epoch", None)
    assert [tick.text for tick in loss.x_ticks] == ["5", "10", "15", "20"]
    assert [tick.text for tick in accuracy.y_ticks] == ["50", "60", "70", "80", "90", "100"]
    assert inside(loss)
    assert inside(accuracy)


def test_higher_values_stand_higher_and_later_ones_further_right():
    line = charts([{"epoch": 1, "val_top1": 0.5}, {"epoch": 2, "val_top1": 0.9}])[0].lines[0]
    (x_first, y_first), (x_second, y_second) = line.path
    assert x_second > x_first
    assert y_second < y_first
    assert line.last == "90.0 %"


def test_the_ring_is_at_the_first_highest_validation_accuracy():
    chart = charts([{"epoch": epoch, "val_top1": top1} for epoch, top1 in enumerate((0.5, 0.9, 0.9, 0.8), 1)])[0]
    assert chart.best == chart.lines[0].path[1]


def test_a_loss_over_many_powers_of_ten_is_logarithmic():
    chart = charts([{"epoch": epoch, "loss": 10.0 ** (1 - epoch)} for epoch in range(5)])[0]
    heights = [y for _, y in chart.lines[0].path]
    steps = [after - before for before, after in itertools.pairwise(heights)]
    assert max(steps) - min(steps) < 0.5
    assert [tick.text for tick in chart.y_ticks] == ["0.001", "0.01", "0.1", "1", "10"]


def test_missing_and_infinite_figures_are_not_drawn():
    rows = [{"epoch": 1, "loss": math.nan}, {"epoch": 2, "loss": math.inf}, {"epoch": 3, "loss": None}, {"epoch": 4}]
    assert charts(rows) == []
    (chart,) = charts([*rows, {"epoch": 5, "loss": 1.5}])
    assert len(chart.lines[0].path) == 1
    assert inside(chart)


def test_no_rows_are_no_charts():
    assert charts([]) == []


def test_several_rows_an_epoch_are_told_apart_by_their_steps():
    rows = [{"epoch": step // 10, "step": step, "loss": 1 / (1 + step)} for step in range(5000)]
    (chart,) = charts(rows)
    assert chart.x_label == "step"
    assert MOST_POINTS / 2 < len(chart.lines[0].path) <= MOST_POINTS
    assert [tick.text for tick in chart.x_ticks] == ["1,000", "2,000", "3,000", "4,000"]


@given(st.lists(st.floats(1e-9, 1e9) | st.just(0.0), min_size=1, max_size=30))
def test_every_curve_stays_inside_its_axes_and_has_marks(losses):
    (chart,) = charts([{"epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses)])
    assert inside(chart)
    assert 1 <= len(chart.y_ticks) <= 8
    assert all(TOP <= tick.at <= HEIGHT - BOTTOM for tick in chart.y_ticks)
    texts = [tick.text for tick in chart.y_ticks]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("top1", [0.0, 0.4, 1.0])
def test_accuracy_never_promises_more_than_all(top1):
    (chart,) = charts([{"epoch": 1, "train_top1": top1}])
    assert inside(chart)
    assert max(float(tick.text) for tick in chart.y_ticks) <= 100
