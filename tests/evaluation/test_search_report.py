"""What a run found out first, in its report: the curve of rates and the trials, and neither where there is none."""

from dataclasses import replace

import pytest
from sample_runs import HOSTILE, noisy_evaluation, record

from lenext.evaluation.report import render
from lenext.evaluation.search import curve, rows

SWEEP = {"rates": [1e-4, 1e-3, 1e-2, 1e-1], "losses": [2.0, 1.5, 0.5, 1.0], "found": 1e-3}
TRIALS = [
    {"number": 0, "values": {"optimizer.lr": 0.001}, "scores": [0.5, 0.6], "pruned": False},
    {"number": 1, "values": {"optimizer.lr": 0.1}, "scores": [], "pruned": True},
    {"number": 2, "values": {"optimizer.lr": 0.01, "batch_size": 8}, "scores": [0.5, 0.7], "pruned": False},
]


def test_the_curve_is_drawn_over_the_logarithm_of_the_rate():
    drawn = curve(SWEEP)
    places = [x for x, _ in drawn.path]
    assert places[1] - places[0] == pytest.approx(places[3] - places[2], abs=0.2)
    assert drawn.found == places[1]
    assert drawn.path[2][1] == max(y for _, y in drawn.path)  # the lowest loss lies at the bottom
    assert [tick.text for tick in drawn.x_ticks] == ["1e-4", "1e-3", "1e-2", "1e-1"]


def test_there_is_no_curve_of_nothing():
    assert curve(None) is None
    assert curve({"rates": [1e-4], "losses": [1.0], "found": 1e-4}) is None


def test_the_best_trial_comes_first_and_one_that_diverged_last():
    assert [row.number for row in rows(TRIALS)] == [3, 1, 2]
    assert rows(TRIALS)[0].values == "optimizer.lr 0.01, batch_size 8"


def test_the_report_shows_both_and_escapes_what_it_shows():
    plain = record(["a", "b"], {"val": noisy_evaluation(["a", "b"], 40, split="val")})
    hostile = [{**TRIALS[0], "values": {HOSTILE: 0.1}}]
    page = render(replace(plain, sweep=SWEEP, trials=hostile))
    assert "Found out first" in page
    assert "learning rate" in page
    assert "<img src=x" not in page
    assert "Found out first" not in render(plain)
